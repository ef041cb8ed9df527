from dataclasses import replace

import pytest
from code_seen import watched
from observed import DROP_ALL, ENDPOINT, FACTS, changed, container, kept_away, with_containers, with_imds
from watched_calls import CALLER

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.rules.cut_off import doubt, host_is_cut_off, is_cut_off, is_kept_from_all, keeping_host, may_be_served
from imds_probe.rules.metadata_need import Need, Part

OFF = container("web", None, "unreachable")
REFUSED = container("web", None, "refused")
LIKELY, UNKNOWN, UNLIKELY = (
    Need(state, "unknown", "", Part(state, ""), Part(state, "")) for state in ("likely", "unknown", "unlikely")
)
FORWARD = PathObstacle("host", "reject", "ipv4", "ip filter FORWARD", "reject", None, True, None, "forward")
INSIDE = replace(FORWARD, namespace="web", container_id=OFF.identity, applies_to="output")
SPARING = replace(INSIDE, scope="not uid 33")
REDIRECT = replace(FORWARD, kind="redirect", target=":8181", applies_to="prerouting")
BY_TOKEN = replace(CALLER, version="v2", container="web", container_id=OFF.identity, unit=None, served=5)


def there(made, *obstacles, callers=None):
    return changed(with_containers(made, limit=2), obstacles=obstacles, callers=callers)


@pytest.mark.parametrize(
    ("made", "obstacles", "cut_off"),
    [
        (OFF, (), True),  # as policies do of which no rule is seen
        (OFF, (FORWARD,), True),
        (OFF, (INSIDE,), True),
        (REFUSED, (FORWARD,), True),
        (REFUSED, (INSIDE,), True),
        (REFUSED, (replace(FORWARD, certain=False),), True),
        (REFUSED, (replace(FORWARD, kind="route", applies_to="any"),), True),
        (REFUSED, (), False),
        (REFUSED, (REDIRECT,), False),
        (REFUSED, (REDIRECT, FORWARD), False),  # it is redirected before it is filtered
        (OFF, (REDIRECT,), False),
        (OFF, (REDIRECT, FORWARD), True),
        (REFUSED, (SPARING,), False),
        (OFF, (SPARING,), False),
        (OFF, (replace(SPARING, scope="gid 7, from 172.17.0.2"),), False),
        (OFF, (replace(INSIDE, certain=False),), False),  # by what may tell its programs apart
        (OFF, (replace(FORWARD, certain=False),), True),
        (OFF, (SPARING, INSIDE), True),
        (OFF, (replace(SPARING, namespace="db", container_id="e" * 64),), True),  # on another's way
        (OFF, (replace(REDIRECT, applies_to="output"),), True),  # on the host's own
        (OFF, (replace(INSIDE, applies_to="forward", scope="uid 3"),), True),
        (container("web", 1, "ok", 2), (INSIDE,), False),
        (container("web", 1, "lost", 2), (), False),
        (replace(OFF, reach=()), (FORWARD,), False),
    ],
)
def test_whether_all_programs_of_a_container_are_cut_off(made, obstacles, cut_off):
    facts = there(made, *obstacles)
    assert is_cut_off(made, facts) == cut_off
    assert may_be_served(made, LIKELY, facts) == (not cut_off and made in (OFF, REFUSED))
    assert not may_be_served(made, UNLIKELY, facts)


def test_a_refusal_alone_is_a_guess_that_counts_where_the_rules_were_not_read_and_metadata_is_needed():
    for status in ("ok", "nothing"):
        read = (CollectorRun("obstacles", "ok", 1.0), CollectorRun("container-obstacles", status, 1.0))
        assert is_cut_off(REFUSED, changed(there(REFUSED), collectors=read))
    for status in ("partial", "skipped", "failed"):
        unread = (CollectorRun("obstacles", "ok", 1.0), CollectorRun("container-obstacles", status, 1.0))
        assert not is_cut_off(REFUSED, changed(there(REFUSED), collectors=unread))
    assert may_be_served(REFUSED, LIKELY, there(REFUSED))
    assert not may_be_served(REFUSED, UNKNOWN, there(REFUSED))
    assert may_be_served(REFUSED, UNKNOWN, there(REFUSED, REDIRECT))


def test_a_container_on_the_hosts_network_meets_what_the_hosts_own_requests_meet():
    own = replace(REFUSED, network="host")
    assert is_cut_off(own, there(own, DROP_ALL))
    assert not is_cut_off(own, there(own, FORWARD))
    assert not is_cut_off(own, there(own, replace(DROP_ALL, scope="not uid 33")))


def test_each_address_is_asked_after():
    both = replace(OFF, reach=(*OFF.reach, replace(OFF.reach[0], family="ipv6")))
    over_ipv6 = replace(SPARING, family="ipv6")
    assert is_kept_from_all(both, there(both, FORWARD))  # mostly nobody listens at the other one
    assert not is_kept_from_all(both, there(both, replace(FORWARD, family="ipv6")))
    assert not is_kept_from_all(both, there(both, FORWARD, over_ipv6))
    assert is_kept_from_all(both, there(both, replace(FORWARD, family="both"), over_ipv6))
    assert is_kept_from_all(both, there(both, FORWARD, replace(FORWARD, family="ipv6"), over_ipv6))
    ipv6_too = replace(both, reach=(OFF.reach[0], replace(OFF.reach[0], family="ipv6", token="ok")))
    assert not is_cut_off(ipv6_too, there(ipv6_too, FORWARD))


@pytest.mark.parametrize(
    ("seen", "obstacles", "doubtful"),
    [
        (BY_TOKEN, (), True),
        (BY_TOKEN, (FORWARD,), False),  # the rule is newer than the call
        (replace(BY_TOKEN, served=None), (), True),
        (replace(BY_TOKEN, served=None, refused=BY_TOKEN.count), (), False),
        (replace(BY_TOKEN, served=0), (), False),
        (replace(BY_TOKEN, probe=True), (), False),
        (replace(BY_TOKEN, container_id="e" * 64), (), False),
    ],
)
def test_what_was_served_in_the_window_may_be_served_again(seen: CallerSeen, obstacles, doubtful):
    facts = there(OFF, *obstacles, callers=watched(seen))
    assert (doubt(OFF, facts) is not None) == doubtful


@pytest.mark.parametrize(
    ("value", "cut_off"),
    [("elsewhere", False), ("other", True)],  # a network in NO_PROXY, which most programs understand
)
@pytest.mark.parametrize("obstacles", [(FORWARD,), ()])
def test_who_asks_by_an_http_proxy_is_served_past_a_filter(value, cut_off, obstacles):
    proxied = replace(OFF, sdk_settings=(SdkSettings((Variable("HTTP_PROXY", value),)),))
    facts = there(proxied, *obstacles)
    assert is_cut_off(proxied, facts) == cut_off
    assert is_cut_off(proxied, facts, heeds_proxies=False)
    assert may_be_served(proxied, LIKELY, facts) == (not cut_off)
    assert not may_be_served(proxied, UNKNOWN, facts)  # a guess: the proxy may be another machine's
    assert is_kept_from_all(proxied, facts) == bool(obstacles)


@pytest.mark.parametrize(
    ("obstacles", "all_of_them", "explained"),
    [
        ((DROP_ALL,), True, True),
        ((replace(DROP_ALL, kind="route", applies_to="any"),), True, True),
        ((replace(DROP_ALL, scope="not uid 33"),), False, True),
        ((replace(DROP_ALL, certain=False),), False, True),
        ((replace(DROP_ALL, kind="setting", applies_to="any"),), False, True),
        ((replace(DROP_ALL, kind="setting", applies_to="any", scope="ECS tasks"),), False, False),
        ((replace(DROP_ALL, family="ipv6"),), False, True),
        ((DROP_ALL, replace(DROP_ALL, family="ipv6", scope="not uid 33")), False, True),
        ((DROP_ALL, replace(DROP_ALL, scope="uid 33")), True, True),
        ((FORWARD,), False, False),
        ((INSIDE,), False, False),
        ((replace(DROP_ALL, kind="redirect"),), False, False),
        ((), False, False),
    ],
)
def test_why_the_host_cannot_connect(obstacles, all_of_them, explained):
    facts = kept_away(*obstacles)
    assert (host_is_cut_off(facts), bool(keeping_host(facts))) == (all_of_them, explained)
    served = changed(FACTS, obstacles=obstacles)
    assert (host_is_cut_off(served), keeping_host(served)) == (False, ())


def test_a_named_endpoint_that_does_not_answer_is_another_matter():
    reply = replace(ENDPOINT, address="192.0.2.1", state="unreachable")
    assert not keeping_host(changed(with_imds(endpoint="unreachable", endpoints=(reply,)), obstacles=(DROP_ALL,)))


def test_where_the_host_cannot_connect_nobody_tried_containers_and_rules_tell():
    unmeasured = replace(OFF, reach=())
    by_route = replace(DROP_ALL, kind="route", applies_to="any")
    assert is_cut_off(unmeasured, kept_away(by_route, containers=(unmeasured,)))
    assert not is_cut_off(unmeasured, kept_away(DROP_ALL, containers=(unmeasured,)))
    on_host = replace(unmeasured, network="host")
    assert is_cut_off(on_host, kept_away(DROP_ALL, containers=(on_host,)))
    assert not is_cut_off(on_host, kept_away(containers=(on_host,)))


def test_a_network_behind_that_of_the_container_is_cut_off_by_the_hosts_rules_alone():
    hidden = replace(OFF, own_stack="a virtual machine (qemu-system-x86_64) runs there")
    route = replace(INSIDE, kind="route", applies_to="any")
    for obstacles in ((), (INSIDE,), (route,), (replace(FORWARD, scope="from 172.17.0.4"),)):
        facts = there(hidden, *obstacles)
        assert not is_cut_off(hidden, facts)
        assert doubt(hidden, facts).why == hidden.own_stack
        assert may_be_served(hidden, UNKNOWN, facts)
    assert is_cut_off(hidden, there(hidden, FORWARD))
