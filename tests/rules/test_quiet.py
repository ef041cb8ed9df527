from dataclasses import replace

import pytest
from code_seen import DAY_S, WINDOW_S, watched
from judged_containers import LIKELY, UNLIKELY
from observed import changed, container, report_of, with_containers
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import BootWatched, MetricCompared
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.rules.containers import RULE
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.quiet import never_called

NONE = Catalog(())
WEB = replace(container("web", 1, "lost"), age_s=6 * DAY_S)
BOOT = BootWatched("0a1b", "2026-11-03T00:00:00Z", 20 * DAY_S, 1.0, from_start=True, watched_s=3599.0)
MISSED = replace(BOOT, age_s=6 * DAY_S + 60, from_start=False, began_s=120.0)
ON_HOST = replace(CALLER, uid=0, unit="x.service")
NOBODY = replace(CALLER, pid=None, uid=None, origin="unknown", program="unknown", client="172.17.0.2")


def facts_of(web=WEB, *by, callers=None, **changes):
    return with_containers(web, callers=callers or watched(*by), **changes)


def test_a_container_without_a_call_in_the_window_needs_no_metadata():
    facts = facts_of()
    assert (
        never_called(WEB, facts) == "it started 6 d ago, and not one call of it was seen in the 14 d that were watched"
    )
    need = metadata_need(WEB, facts, NONE)
    assert (need.state, need.other.state, need.reason) == ("unlikely", "unlikely", never_called(WEB, facts))
    (found,) = RULE.judge(facts, NONE)
    assert (found.id, found.severity, found.implies) == ("hop-limit-keeps-out", "warning", None)
    assert "rare occasions" in found.fix.text


@pytest.mark.parametrize(
    "changes",
    [
        {"age_s": None},
        {"age_s": DAY_S / 2},  # has not run for long enough
        {"age_s": 15 * DAY_S},  # nobody watched its start
        {"image": None},
        {"calls_seen": 1},
        {"reach": ()},
        {"reach": (replace(WEB.reach[0], confirmed=False),)},  # a relay may ask for it
        {"reach": (replace(WEB.reach[0], routers=None),)},
        {"reach": (replace(WEB.reach[0], distance=0, routers=0),)},  # an interface of its own, past the host
        {"reach": (replace(WEB.reach[0], token="refused"),)},
        {"network": "unknown"},
    ],
)
def test_what_says_nothing_of_a_container(changes):
    web = replace(WEB, **changes)
    assert never_called(web, facts_of(web)) == ""


@pytest.mark.parametrize(
    ("caller", "quiet"),
    [
        (ON_HOST, True),  # somebody else is known
        (replace(ON_HOST, netns=4026532999), True),
        (replace(NOBODY, origin="virtual-machine"), True),
        (replace(CALLER, container="other", container_id="9" * 64, image="other:1"), True),
        (NOBODY, False),
        (replace(NOBODY, distance=1), False),
        (
            replace(NOBODY, distance=0, client="10.0.0.10"),
            True,
        ),  # from the host's own network, and too short for its process
        (replace(ON_HOST, netns=WEB.netns), False),
        (replace(CALLER, container="web-1", container_id="9" * 64, image=WEB.image), False),  # one of its kind
        (replace(NOBODY, probe=True), True),
    ],
)
def test_whose_calls_may_be_its_own(caller, quiet):
    assert bool(never_called(WEB, facts_of(WEB, caller))) is quiet


@pytest.mark.parametrize(
    ("changes", "quiet"),
    [
        ({"unconfirmed": 1}, False),
        ({"metric": MetricCompared(300, 5, 4, "", "")}, False),
        ({"metric": MetricCompared(300, 5, 5, "", "")}, True),
        ({"coverage": 0.5}, False),
        ({"boots": (MISSED,)}, False),
        ({"boots": (replace(MISSED, age_s=10 * DAY_S),)}, True),
        ({"earlier": (replace(CALLER, container_id=WEB.identity),)}, False),
        ({"earlier": (replace(CALLER, container_id="9" * 64, image=WEB.image),)}, False),
    ],
)
def test_what_a_watch_has_to_be(changes, quiet):
    assert bool(never_called(WEB, facts_of(callers=replace(watched(), **changes)))) is quiet


def test_an_older_one_is_known_by_a_longer_silence_or_by_a_boot_that_was_watched():
    old = replace(WEB, age_s=20 * DAY_S - 60)
    assert never_called(old, facts_of(old)) == ""
    assert never_called(old, facts_of(old, callers=replace(watched(), silent_s=21 * DAY_S)))
    assert never_called(old, facts_of(old, callers=watched(boots=(BOOT,))))
    assert never_called(old, facts_of(old, callers=watched(boots=(replace(BOOT, imdsv1=3),)))) == ""


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (DAY_S / 2, "not one call of it was seen, but it started only 12 h ago"),
        (20 * DAY_S, "not one call of it was seen, but nobody watched its start: restart it under the watch"),
    ],
)
def test_why_a_quiet_container_still_counts(age_s, said):
    web = replace(WEB, age_s=age_s)
    need = metadata_need(web, facts_of(web), NONE)
    assert (need.state, need.reason) == ("unknown", f"the environment names no source of credentials; {said}")
    (found,) = RULE.judge(facts_of(web), NONE)
    assert (found.id, said in found.evidence[0]) == ("hop-limit-too-low", True)
    called = facts_of(replace(web, calls_seen=0), replace(CALLER, container="web-1", image=web.image))
    assert said not in metadata_need(web, called, NONE).reason


def test_a_quiet_container_is_no_reason_to_lower_the_hop_limit():
    """It may ask on rare occasions, and has its token then."""
    reach = container("web", 1, "ok", 2).reach
    facts = facts_of(replace(WEB, reach=reach), limit=2)
    assert never_called(replace(WEB, reach=reach), facts)
    assert not RULE.judge(facts, NONE)


def test_a_collector_that_failed_has_seen_nothing():
    facts = facts_of()
    assert (
        never_called(WEB, changed(facts, collectors=(*facts.collectors, CollectorRun("callers", "partial", 1.0)))) == ""
    )


def test_what_is_known_of_a_container_outweighs_its_silence():
    for environment, state in ((LIKELY, "likely"), (UNLIKELY, "unlikely")):
        web = replace(WEB, environment=environment)
        need = metadata_need(web, facts_of(web), NONE)
        assert (need.state, "not one call" in need.reason) == (state, False)


@pytest.mark.parametrize(
    ("environment", "confidence"),
    [((), "medium"), (LIKELY, "high")],
)
def test_a_need_that_nothing_shows_is_no_sure_one(environment, confidence):
    young = replace(WEB, age_s=60.0, environment=environment)
    verdict = report_of(facts_of(young, callers=watched(boots=(BOOT,)))).verdict
    assert (verdict.state, verdict.confidence) == ("needs-hop-limit", confidence)


def test_the_verdict_does_not_rest_on_the_containers_own_word():
    verdict = report_of(facts_of(callers=watched(boots=(BOOT,)))).verdict
    assert (verdict.state, verdict.confidence, verdict.forgeable) == ("ready", "high", ())
    assert verdict.switch.http_put_response_hop_limit == 1
    assert WEB.age_s < WINDOW_S
