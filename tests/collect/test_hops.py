"""Measured and tried, in a lab that has every kind of container network. Distances are exact or the test fails."""

import os
import time

import pytest
from forwarding_proxy import ForwardingProxy, redirect
from soon import SOON_S, wait_for

from imds_probe.collect import hops
from imds_probe.collect.hops import measure
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.simulator.faults import Fault
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.plumbing import LabError
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

KINDS = {
    "web": ("bridge", {}),
    "deep": ("nested", {}),
    "far": ("chain", {"hops": 3}),
    "agent": ("host", {}),
    "mac": ("macvlan", {}),
}


@pytest.fixture(scope="module")
def lab():
    with Lab("hops") as built:
        for name, (kind, options) in KINDS.items():
            built.add_container(name, kind, **options)
        built.add_container("web-sidecar", "shared", with_=built.nodes["web"])
        built.add_container("dropped", "bridge", drop=True)
        built.add_container("stranded", "bridge", no_route=True)
        built.add_container("proxied", "bridge")
        built.add_container("filtered", "bridge")
        yield built


@pytest.fixture(scope="module")
def _service(lab):
    listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
    with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen, netns=str(lab.service.netns)) as simulator:
        yield simulator


@pytest.fixture
def service(_service):
    yield _service
    fresh = InstanceState(http_protocol_ipv6="enabled").to_mapping()
    _service.update(**fresh)
    _service.reset_counts()


def measured(lab, *names, endpoints=(IPV4, IPV6), counter=None, hop_limit=None, timeout_s=SOON_S):
    nodes = [lab.nodes[name] for name in names]
    result = measure(
        (lab.instance.netns, lab.instance.inode),
        [(node.netns, node.inode) for node in nodes],
        endpoints,
        hop_limit=hop_limit,
        deadline=time.monotonic() + timeout_s,
        counter=counter or RequestCounter(),
    )
    return result, {node.name: result.reach.get(node.inode, ()) for node in nodes}


def told(reaches):
    return [(reach.family, reach.token, reach.distance, reach.needs_hop_limit) for reach in reaches]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_distance_is_exact_and_trying_it_agrees(lab, service, limit):
    service.update(hop_limit=limit)
    result, reach = measured(lab, *KINDS)
    for name in KINDS:
        hops = lab.nodes[name].distance
        token = "ok" if hops < limit else "lost"
        assert told(reach[name]) == [(family, token, hops, hops + 1) for family in ("ipv4", "ipv6")], name
        assert [(each.expected, each.disagrees) for each in reach[name]] == [(token, False)] * 2
    assert told(result.host) == [("ipv4", "ok", 0, 1), ("ipv6", "ok", 0, 1)]
    assert service.counts.imdsv1 == 0


def test_containers_in_one_namespace_are_in_it_once(lab, service):
    counter = RequestCounter()
    node, sidecar = lab.nodes["web"], lab.nodes["web-sidecar"]
    assert node.inode == sidecar.inode
    _, reach = measured(lab, "web", endpoints=(IPV4,), counter=counter)
    assert len(reach["web"]) == 1
    assert counter.imdsv2 == service.counts.token_puts


def test_a_drop_rule_and_a_missing_route_are_not_the_hop_limit(lab, service):
    _, reach = measured(lab, "dropped", "stranded")
    assert told(reach["dropped"]) == [(family, "unreachable", None, None) for family in ("ipv4", "ipv6")]
    assert reach["dropped"][0].detail == "no answer to the connection attempt"
    # Without a route there is nothing to say about the second address.
    assert told(reach["stranded"]) == [("ipv4", "unreachable", None, None)]
    assert "unreachable" in reach["stranded"][0].detail


def test_a_proxy_that_adds_x_forwarded_for(lab, service):
    redirect(lab.instance, lab.nodes["proxied"].ipv4)
    with ForwardingProxy(lab.instance) as proxy:
        _, reach = measured(lab, "proxied", "web", endpoints=(IPV4,))
    assert proxy.requests == 1
    (seen,) = reach["proxied"]
    assert (seen.token, seen.status, seen.needs_hop_limit) == ("answered-by-proxy", 403, None)
    assert seen.detail == "HTTP status 403; the instance itself receives: HTTP status 200"
    assert reach["web"][0].token == "lost"


@pytest.mark.parametrize(
    ("server", "token", "words"),
    [
        ("kiam", "answered-by-proxy", "the token came from kiam, not from EC2ws; the service knows this token"),
        ("envoy", "answered-by-proxy", "the token came from envoy, not from EC2ws; the service knows this token"),
        (None, "ok", "HTTP status 200, through a relay"),
    ],
)
def test_a_proxy_that_passes_tokens(lab, service, server, token, words):
    redirect(lab.instance, lab.nodes["proxied"].ipv4)
    with ForwardingProxy(lab.instance, added="", server=server):
        _, reach = measured(lab, "proxied", endpoints=(IPV4,))
    assert (reach["proxied"][0].token, reach["proxied"][0].status) == (token, 200)
    assert words in reach["proxied"][0].detail


@pytest.mark.parametrize("ignored", [False, True])
def test_whether_a_proxys_token_is_the_services(lab, service, ignored):
    """No request without a token, one more token from the proxy, and one request with it from the host."""
    service.update(invalid_token_when_optional="ignored" if ignored else "unauthorized", hop_limit=3)
    redirect(lab.instance, lab.nodes["proxied"].ipv4)
    counter = RequestCounter()
    with ForwardingProxy(lab.instance, added="", server="envoy") as proxy:
        result, reach = measured(lab, "proxied", "web", endpoints=(IPV4,), counter=counter)
    assert reach["proxied"][0].token_is_the_services is True
    assert reach["web"][0].token_is_the_services is None
    assert proxy.requests == 2
    assert (service.counts.imdsv1, counter.imdsv1) == (0, 0)
    # The host, both containers, once more by the proxy, and the question.
    assert counter.imdsv2 == service.counts.imdsv2 == 5
    assert not any(secret in repr((result, reach)) for secret in service.issued_secrets)
    with ForwardingProxy(lab.instance, added="", server="envoy", token="made-up") as proxy:
        _, reach = measured(lab, "proxied", endpoints=(IPV4,))
    assert reach["proxied"][0].token == "answered-by-proxy"
    assert reach["proxied"][0].token_is_the_services is (None if ignored else False)
    assert service.counts.imdsv1 == 0


def test_a_filter_on_the_answer_is_told_from_the_hop_limit(lab, service):
    service.update(hop_limit=2)
    node = lab.nodes["filtered"]
    drop = f"-I FORWARD -s 169.254.169.254 -d {node.ipv4} -m length --length 100: -j DROP"
    assert lab.instance.run(["iptables", *drop.split()], timeout_s=SOON_S).returncode == 0
    _, reach = measured(lab, "filtered", endpoints=(IPV4,))
    (seen,) = reach["filtered"]
    assert (seen.token, seen.distance, seen.needs_hop_limit, seen.expected) == ("lost", 1, 2, "ok")
    assert seen.disagrees


def test_a_rule_that_raises_the_ttl_is_told_too(lab, service):
    node = lab.add_container("raised", "bridge")
    whose = f"-m conntrack --ctorigsrc {node.ipv4}"
    rule = f"-t mangle -I PREROUTING -s 169.254.169.254 -p tcp -m length --length 100: {whose} -j TTL --ttl-set 9"
    assert lab.instance.run(["iptables", *rule.split()], timeout_s=SOON_S).returncode == 0
    _, reach = measured(lab, "raised", endpoints=(IPV4,))
    (seen,) = reach["raised"]
    assert (seen.token, seen.distance, seen.expected, seen.ttls_changed) == ("ok", None, None, True)


@pytest.mark.parametrize(
    ("changes", "token"),
    [
        ({"http_endpoint": "disabled"}, "disabled"),
        ({"faults": (Fault("status", status=503),)}, "error"),
    ],
)
def test_what_the_instance_gets_too_is_nobody_elses_answer(lab, service, changes, token):
    service.update(**changes)
    result, reach = measured(lab, "web", endpoints=(IPV4,))
    assert [each.token for each in (*result.host, *reach["web"])] == [token, token]


def test_namespaces_that_are_gone(lab, service):
    result = measure(
        (lab.instance.netns, lab.instance.inode),
        [(lab.nodes["web"].netns, 1), (lab.nodes["web"].netns.with_name("never-was"), 2)],
        [IPV4],
        hop_limit=None,
        deadline=time.monotonic() + SOON_S,
        counter=RequestCounter(),
    )
    assert result.gone == {1, 2}
    assert result.reach == result.not_measured == {}


def test_the_time_of_the_run_ends_it(lab, service):
    started = time.monotonic()
    result, reach = measured(lab, "dropped", "web", endpoints=(IPV4,), timeout_s=0.5)
    assert time.monotonic() - started < SOON_S
    assert reach["dropped"] == ()
    assert result.not_measured[lab.nodes["dropped"].inode] == "the time of the run was up"


def test_where_the_host_itself_cannot_ask_nobody_is_measured(lab, service):
    gone = (lab.instance.netns.with_name("never-was"), 1)
    result = measure(
        gone,
        [(lab.nodes["web"].netns, lab.nodes["web"].inode)],
        [IPV4],
        hop_limit=1,
        deadline=time.monotonic() + SOON_S,
        counter=RequestCounter(),
    )
    assert result.reach == {}
    assert "gone" in result.not_measured[lab.nodes["web"].inode]


def test_ipvlan_l3_is_as_near_as_the_instance_or_the_kernel_lacks_it(lab, service):
    try:
        lab.add_container("ipv", "ipvlan-l3")
    except LabError as trouble:
        assert "modprobe ipvlan" in str(trouble)
    else:
        _, reach = measured(lab, "ipv")
        assert told(reach["ipv"]) == [("ipv4", "ok", 0, 1), ("ipv6", "ok", 0, 1)]


def test_what_the_host_saw_is_confirmed(lab, service):
    service.update(hop_limit=2)
    result, reach = measured(lab, *KINDS, "dropped", "stranded")
    assert [each.confirmed for each in result.host] == [True, True]
    assert {name: {each.confirmed for each in reach[name]} for name in KINDS} == {name: {True} for name in KINDS}
    # As many routers as hops; what is between the host and the far ones is not among those asked, and counts for nothing.
    known = {"web": 1, "deep": 0, "far": 0, "agent": 0, "mac": 0}
    assert {name: {each.routers for each in reach[name]} for name in KINDS} == {name: {known[name]} for name in KINDS}
    assert {each.confirmed for name in ("dropped", "stranded") for each in reach[name]} == {None}


def test_a_proxy_is_not_the_service_whatever_it_answers(lab, service):
    """As the service itself would, from as far away: only that the host saw nothing of it tells."""
    service.update(hop_limit=9)
    redirect(lab.instance, lab.nodes["proxied"].ipv4)
    for flags, ttl in (("ACK", 8), ("SYN,ACK", 63)):
        to = f"-t mangle -I POSTROUTING -d {lab.nodes['proxied'].ipv4} -p tcp"
        rule = f"{to} --tcp-flags SYN,ACK {flags} -j TTL --ttl-set {ttl}"
        assert lab.instance.run(["iptables", *rule.split()], timeout_s=SOON_S).returncode == 0
    with ForwardingProxy(lab.instance, added="") as proxy:
        _, reach = measured(lab, "proxied", "web", endpoints=(IPV4,))
    assert proxy.requests == 1
    assert [(each.token, each.distance, each.confirmed) for each in reach["proxied"]] == [("ok", None, False)]
    assert [(each.token, each.distance, each.confirmed) for each in reach["web"]] == [("ok", 1, True)]


def test_without_a_look_at_the_hosts_packets_nothing_is_concluded(lab, service, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(hops, "Witness", refused)
    result, reach = measured(lab, "web", "dropped", endpoints=(IPV4,))
    assert told(result.host) == [("ipv4", "ok", 0, 1)]
    (seen,) = reach["web"]
    assert (seen.token, seen.distance, seen.confirmed) == ("error", None, False)
    assert seen.detail == "the host's packets could not be captured: Operation not permitted"
    assert reach["dropped"][0].token == "unreachable"


def test_users_come_last_and_only_some_of_them(lab, service, monkeypatch):
    monkeypatch.setattr(hops, "USERS_MAX", 1)
    counter = RequestCounter()
    nodes = [lab.nodes[name] for name in ("deep", "far", "web")]
    result = measure(
        (lab.instance.netns, lab.instance.inode),
        [(node.netns, node.inode) for node in nodes],
        [IPV4],
        hop_limit=None,
        deadline=time.monotonic() + SOON_S,
        counter=counter,
        users={lab.nodes["deep"].inode, lab.nodes["far"].inode},
    )
    assert list(result.reach) == [lab.nodes["web"].inode, lab.nodes["deep"].inode]
    assert "at most 1 networks made by users" in result.not_measured[lab.nodes["far"].inode]
    assert service.counts.total == counter.imdsv2 == 3


def test_the_way_is_looked_up_for_what_is_far_away(lab, service):
    nodes = [node for node in lab.nodes.values() if node.name.startswith(("web", "far"))]
    result = measure(
        (lab.instance.netns, lab.instance.inode),
        [(node.netns, node.inode) for node in {node.inode: node for node in nodes}.values()],
        [IPV4, IPV6],
        hop_limit=None,
        deadline=time.monotonic() + SOON_S,
        counter=RequestCounter(),
        names={node.inode: node.name for node in nodes},
    )
    for reach in result.reach[lab.nodes["far"].inode]:
        assert [hop.place for hop in reach.way] == ["far", "far-r2", "far-r1", str(lab.instance.inode)]
        assert reach.explained
    assert {reach.way for reach in result.reach[lab.nodes["web"].inode]} == {()}


def test_nothing_stays_open(lab, service):
    """The service, which is of this process, too, may close its ends of the connections a moment later."""
    measured(lab, "web")
    before = len(os.listdir("/proc/self/fd"))
    measured(lab, *KINDS, "dropped", "stranded")
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)
