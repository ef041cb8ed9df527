from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import CATALOG, ENDED, LOST, RAISED, WEB, cause, judged, received, watched
from observed import IMDS, report_of
from rules.test_relays import LOWERS

from imds_probe.facts.containers import Reach
from imds_probe.rules.hop_need import needed_hop_limit
from imds_probe.switch.instance import BY_A_WATCH, SHOWN_FIRST

UNKNOWN = replace(ENDED, container=None, container_id=None, uid=None, distance=2, token_ttl=1)


def test_a_rule_that_lowers_ttls_is_cured_by_a_higher_limit():
    """The token came with more than the distance takes, and the rule took the rest."""
    web = replace(WEB, reach=(replace(WEB.reach[0], expected="ok"),))
    lost = replace(LOST, token_ttl=2)
    assert [each.implies for each in judged(lost, containers=(web,))] == ["not-ready"]
    (finding,) = judged(lost, containers=(web,), obstacles=(LOWERS,))
    assert (finding.id, finding.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert "hop limit 3 cures that" in finding.summary


def test_a_later_call_of_which_no_answer_was_captured_does_not_hide_the_one_that_was():
    """As of a watch that began anew: the answer was lost at a hop limit that sufficed, whatever is known of later calls."""
    ended = replace(ENDED, user_agent="Boto3/1.43.11 Botocore/1.43.11")
    measured = replace(ended, token_ttl=2, first_seen="2023-11-10T00:00:00Z", last_seen="2023-11-10T00:00:00Z")
    later = replace(ended, token="unseen", token_ttl=None, path="/latest/user-data", path_class="user-data")
    for by in ((measured, later), (measured, replace(later, token="lost"))):
        (found,) = judged(*by, imds=RAISED, containers=())
        assert (found.id, found.implies) == ("imdsv1-caller", "not-ready")
        assert "although the hop limit suffices" in found.summary
    (found,) = judged(replace(measured, token_ttl=1), later, imds=RAISED, containers=())
    assert found.id == "imdsv1-fallback-past"
    (found,) = judged(measured, replace(later, token="lost", token_ttl=1), imds=RAISED, containers=())
    assert found.id == "imdsv1-fallback-past"  # the last that was measured


def test_where_tokens_arrive_by_now_it_has_to_be_started_again():
    found = cause(LOST, containers=(replace(WEB, reach=(Reach("ipv4", "ok", ""),)),))
    assert (found.needs_hop_limit, "tokens arrive there now" in found.why) == (None, True)


def test_a_namespace_that_is_no_container_has_its_cause_too():
    space = replace(WEB, id="4026533000", runtime="unit", netns=4026533000)
    inside = replace(LOST, container=None, container_id=None, netns=4026533000, unit="web.service")
    assert cause(inside, containers=(space,)).needs_hop_limit == 2
    assert cause(replace(inside, netns=7), containers=(space,)).why.startswith("it asked for a token")  # it has ended
    assert cause(replace(inside, container="web", container_id=WEB.id), containers=(space,)).needs_hop_limit == 2


def test_a_container_that_fell_back_and_ended_keeps_cause_image_and_cure():
    (found,) = judged(ENDED)
    assert (found.id, found.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert found.summary.startswith("/usr/bin/python3.11 in build of image ci/build:7 called IMDSv1 3 times")
    assert "it asked for a token, received none and fell back; hop limit 2 cures that" in found.summary
    assert needed_hop_limit(watched(ENDED), CATALOG) == 2
    assert needed_hop_limit(watched(replace(ENDED, token="none")), CATALOG) == 1


def test_containers_of_one_image_that_have_ended_are_one_finding():
    several = [replace(ENDED, container_id=f"{number}" * 64, container=f"b{number}") for number in range(3, 7)]
    (found,) = judged(*several)
    assert found.summary.startswith("/usr/bin/python3.11 in 4 containers of image ci/build:7 called IMDSv1 12 times")
    assert len(judged(*several, replace(several[0], image="other"))) == 2


@pytest.mark.parametrize(
    ("caller", "limit", "why"),
    [
        (ENDED, 2, "hop limit 2 cures"),
        (replace(ENDED, distance=2, token_ttl=2), 3, "hop limit 3 cures"),
        (
            replace(ENDED, distance=5, token_ttl=1),
            2,
            "a hop limit of at least 2 is needed",
        ),  # anybody may write any TTL
        (replace(ENDED, distance=None), None, "is not known"),
        (replace(ENDED, container_id=f"user 4242/{'9' * 64}"), None, "is not known"),
        (replace(ENDED, container=None, container_id=None, uid=4242, netns=7), None, "is not known"),
        # A user may have started a process of which nothing is known.
        (replace(ENDED, container=None, container_id=None, uid=None), 2, "hop limit 2 cures"),
        (
            replace(ENDED, container=None, container_id=None, uid=None, distance=2, token_ttl=1),
            2,
            "a hop limit of at least 2 is needed",
        ),
        # It was lost at hop limit 2.
        (
            replace(ENDED, container=None, container_id=None, uid=None, distance=2, token_ttl=2),
            3,
            "a hop limit of at least 3 is needed",
        ),
        (replace(ENDED, distance=5, token_ttl=3), None, "is not known"),
        (replace(ENDED, container=None, container_id=None, uid=0, distance=2, token_ttl=2), 3, "hop limit 3 cures"),
        (replace(ENDED, token_ttl=3), None, "although the hop limit suffices"),
    ],
)
def test_how_high_a_limit_what_has_ended_needs(caller, limit, why):
    found = cause(caller)
    assert found.needs_hop_limit == limit
    assert why in found.why
    assert needed_hop_limit(watched(caller), CATALOG) == (limit or 1)


@pytest.mark.parametrize("caller", [UNKNOWN, replace(ENDED, distance=3, token_ttl=1), replace(UNKNOWN, distance=7)])
def test_a_limit_that_nobody_has_tried_does_not_come_with_required_tokens(caller):
    report = report_of(watched(caller))
    switch = report.verdict.switch
    assert (report.verdict.state, switch.http_put_response_hop_limit, switch.hop_limit_needed) == (
        "needs-hop-limit",
        2,
        None,
    )
    assert "--http-put-response-hop-limit 2 " in switch.try_first
    assert "--http-tokens" not in switch.try_first
    assert switch.steps[0].notes == (BY_A_WATCH,)
    assert switch.template_waits_for == (SHOWN_FIRST,)


@pytest.mark.parametrize(
    "caller", [replace(UNKNOWN, distance=1), replace(ENDED, distance=2, token_ttl=1), replace(UNKNOWN, uid=0)]
)
def test_one_that_is_known_comes_with_them(caller):
    switch = report_of(watched(caller)).verdict.switch
    assert (switch.try_first, switch.template_waits_for) == ("", ())
    assert switch.hop_limit_needed == caller.distance + 1


def test_what_has_not_asked_since_the_limit_was_raised_leaves_the_verdict_open():
    raised = replace(IMDS, hop_limit=2)
    (finding,) = judged(UNKNOWN, imds=raised)
    assert (finding.id, finding.implies) == ("imdsv1-fallback-raised", "unknown")
    assert "the hop limit is 2 now, and it is not known whether that is enough" in finding.summary
    again = replace(UNKNOWN, token_ttl=2)  # it did, and lost the token again
    (finding,) = judged(again, imds=raised)
    assert (finding.id, finding.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert needed_hop_limit(watched(again, imds=raised), CATALOG) == 3
    (finding,) = judged(replace(again, token_ttl=3, distance=4), imds=replace(raised, hop_limit=3))
    assert (finding.id, finding.implies) == ("imdsv1-caller", "not-ready")  # no limit is known that helps
    known = judged(replace(ENDED, token_ttl=1), imds=raised)
    assert [each.id for each in known] == ["imdsv1-fallback-past"]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (
            "virtual-machine",
            "the distance to the virtual machine behind tap0 at 10.0.0.9 cannot be measured from this host",
        ),
        ("another-host", "the distance to the other host behind tap0 at 10.0.0.9 cannot be measured from this host"),
        ("unknown", "the process that asked behind tap0 at 10.0.0.9 is not known, and the distance"),
    ],
)
def test_who_is_no_process_of_this_host_has_not_ended(origin, said):
    where = {"origin": origin, "interface": "tap0", "client": "10.0.0.9", "pid": None, "container": None}
    by = replace(LOST, **where, container_id=None, exe=None, program="virtual machine")
    (found,) = judged(by, imds=replace(IMDS, hop_limit=1))
    assert found.implies == "needs-hop-limit"
    assert said in found.evidence[-1]
    assert "has ended" not in "".join(found.evidence)
    (found,) = judged(by, imds=RAISED)  # it may run on, and not ask again
    assert (found.id, found.implies) == ("imdsv1-fallback-unidentified", "unknown")
    assert found.fix.text.startswith("Find the program behind the address that the evidence names.")
    assert "tap0 at 10.0.0.9" in found.evidence[-1]
    (found,) = judged(replace(by, pid=7), imds=RAISED)
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready")  # it can be restarted
    (found,) = judged(by, received(by, pid=None, last_seen="2023-11-16T00:00:00Z"), imds=RAISED)
    assert found.id == "imdsv1-fallback-past"
