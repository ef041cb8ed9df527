"""Why somebody asks without a token, by what came of his own request for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, IMDS, changed, container, report_of
from rules.test_relays import LOWERS, MESH, behind_relay
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.containers import Containers, Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser
from imds_probe.rules.caller_cause import cause_of
from imds_probe.rules.callers import RULE
from imds_probe.rules.hop_need import needed_hop_limit
from imds_probe.switch.instance import BY_A_WATCH, SHOWN_FIRST
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
WEB = replace(container("web"), reach=(Reach("ipv4", "lost", "", distance=1, needs_hop_limit=2),))
PLAIN = replace(
    CALLER,
    program="/usr/bin/python3.11",
    container="web",
    container_id=WEB.id,
    unit=None,
    token="none",
    origin="process",
    distance=1,
    served=3,
    interface="veth7",
)
LOST = replace(PLAIN, token="lost", token_ttl=1)
ENDED = replace(LOST, container="build", container_id="9" * 64, image="ci/build:7")
JAVASCRIPT = SdkSoftware(
    "aws-sdk-js-v3",
    "npm",
    "@aws-sdk/client-s3",
    "3.500.0",
    "node_modules",
    "/app/node_modules/@aws-sdk/client-s3",
    container="web",
    container_ids=(WEB.id,),
    sdk=SdkUse(None, None, ("/app",), 1, users=(SdkUser(7, "node", None),)),
)


def watched(*by: CallerSeen, **facts) -> Facts:
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    return changed(FACTS, callers=callers, **facts)


def cause(*by: CallerSeen, **facts):
    """That of the first one, beside the others."""
    there = watched(*by, **{"containers": (WEB,), **facts})
    return cause_of(by[:1], there[Callers], there, CATALOG)


def judged(*by: CallerSeen, **facts):
    return RULE.judge(watched(*by, **{"containers": (WEB,), **facts}), CATALOG)


def test_of_two_callers_in_one_container_each_has_its_own_cause():
    """The same program, one that falls back and one that never asks for a token: the hop limit cures the first alone."""
    plain, fell_back = sorted(judged(LOST, PLAIN), key=lambda each: each.id)
    assert (plain.id, plain.implies) == ("imdsv1-caller", "not-ready")
    assert (fell_back.id, fell_back.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert "asked for no token" in plain.summary
    assert "hop limit 2 cures that" in fell_back.summary
    assert fell_back.evidence[-1] == (
        "the answer to its token request came to this host with TTL 1; the caller is 1 hop away over veth7"
    )


SHOP = behind_relay(id=WEB.id, name="web", network="own")
MESHED = {"containers": (SHOP,), "obstacles": (replace(MESH, container_id=SHOP.identity),)}
BOTO = "Boto3/1.43.11 Python/3.11.2 Linux/6.1 Botocore/1.43.11"


@pytest.mark.parametrize("agent", ["curl/8", None, "python-requests/2.31", "aws-sdk-nodejs/2.1500.0"])
def test_what_one_relay_asks_for_is_not_known_to_be_one_clients(agent):
    """The token request that was lost may be that of one program, and the call without a token that of another."""
    (finding,) = judged(replace(LOST, user_agent=agent), **MESHED)
    assert (finding.id, finding.implies) == ("imdsv1-through-relay", "unknown")
    assert finding.fix.text.startswith("Raise the hop limit to 2 while tokens are still optional")


def test_an_sdk_that_names_itself_falls_back_behind_a_relay_too():
    (finding,) = judged(replace(LOST, user_agent=BOTO), **MESHED)
    assert (finding.id, finding.implies) == ("imdsv1-fallback", "needs-hop-limit")
    (old,) = judged(replace(LOST, user_agent="Boto3/1.9.1 Botocore/1.12.0"), **MESHED)
    assert (old.id, old.implies) == ("imdsv1-caller", "not-ready")


def test_a_rule_that_lowers_ttls_is_cured_by_a_higher_limit():
    """The token came with more than the distance takes, and the rule took the rest."""
    web = replace(WEB, reach=(replace(WEB.reach[0], expected="ok"),))
    lost = replace(LOST, token_ttl=2)
    assert [each.implies for each in judged(lost, containers=(web,))] == ["not-ready"]
    (finding,) = judged(lost, containers=(web,), obstacles=(LOWERS,))
    assert (finding.id, finding.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert "hop limit 3 cures that" in finding.summary


def test_what_was_seen_to_ask_for_no_token_behind_a_relay_is_no_fallback():
    plain, through = sorted(judged(PLAIN, LOST, **MESHED), key=lambda each: each.id)
    assert (plain.id, through.id) == ("imdsv1-caller", "imdsv1-through-relay")


def test_tokens_that_its_program_asked_for_elsewhere_explain_nothing():
    token = replace(LOST, version="v2", path_class="token", path="/latest/api/token")
    assert cause(PLAIN, token).needs_hop_limit is None
    assert cause(replace(PLAIN, token=None), token).needs_hop_limit == 2  # of an earlier report nobody can tell


@pytest.mark.parametrize(
    ("caller", "said", "fix"),
    [
        (replace(PLAIN, token="answered"), "it also asks for tokens, so only a part of it is old", "part that asks"),
        (replace(PLAIN, token="unseen"), "it was started before the watch", "asks for a token first"),
        (replace(PLAIN, token="forbidden"), "is refused (403)", "answers 403 if"),
        (replace(PLAIN, token="forbidden", forwarded=True), "a proxy that adds X-Forwarded-For", "NO_PROXY"),
        (
            replace(PLAIN, token="not-found"),
            "the server that answers does not speak IMDSv2",
            "answers as the metadata service",
        ),
        (replace(PLAIN, token="other"), "answered with an error", "Check the method"),
        (replace(PLAIN, served=0), "answered only 404 so far", "asks for a token first"),
        (replace(LOST, token_ttl=2), "although the hop limit suffices", "A higher hop limit does not help"),
        (replace(CALLER, token="unanswered", distance=0), "no answer to its token request", "drops the token request"),
        (
            replace(CALLER, token="none", origin="virtual-machine"),
            "the programs in a virtual machine",
            "in the virtual machine",
        ),
        (
            replace(CALLER, token="none", origin="user-mode-network"),
            "relays requests of a container or virtual machine",
            "was started for",
        ),
    ],
)
def test_everything_else_has_a_cause_of_its_own(caller, said, fix):
    there = (replace(WEB, reach=()),)
    found = cause(caller, containers=there)
    assert said in found.why
    assert fix in found.fix.text
    assert found.needs_hop_limit is None


def test_a_later_call_of_which_no_answer_was_captured_does_not_hide_the_one_that_was():
    """As of a watch that began anew: the answer was lost at a hop limit that sufficed, whatever is known of later calls."""
    measured = replace(ENDED, token_ttl=2, first_seen="2023-11-10T00:00:00Z", last_seen="2023-11-10T00:00:00Z")
    later = replace(ENDED, token="unseen", token_ttl=None, path="/latest/user-data", path_class="user-data")
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


UNKNOWN = replace(ENDED, container=None, container_id=None, uid=None, distance=2, token_ttl=1)


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


def test_an_sdk_that_gives_up_asking_for_tokens_fell_back_before_it_was_watched():
    unseen = replace(PLAIN, token="unseen", program="/usr/bin/node")
    assert cause(unseen, software=(JAVASCRIPT,)).needs_hop_limit == 2
    assert cause(replace(unseen, pid=8), software=(JAVASCRIPT,)).needs_hop_limit is None
    assert cause(replace(unseen, token="none"), software=(JAVASCRIPT,)).needs_hop_limit is None
    beside = replace(unseen, token="none", pid=8, last_seen="2023-11-14T22:13:19Z")  # the same program, started later
    for others in ((beside,), (replace(beside, token="answered"),)):
        assert all(each.implies == "not-ready" for each in judged(unseen, *others, software=(JAVASCRIPT,)))
    old = replace(JAVASCRIPT, component="aws-sdk-js-v2")
    assert cause(unseen, software=(old,)).needs_hop_limit is None


def test_the_sdk_for_javascript_2_asks_for_a_token_before_credentials_and_for_nothing_else():
    old = replace(JAVASCRIPT, component="aws-sdk-js-v2", package="aws-sdk", version="2.1692.0")
    unseen = replace(PLAIN, token="unseen", path_class="credentials", user_agent="aws-sdk-nodejs/2.1692.0 linux")
    asked = replace(LOST, version="v2", path_class="token", user_agent=None)
    assert cause(unseen, asked, software=(old,)).needs_hop_limit == 2
    for other in (
        (unseen,),
        (unseen, replace(asked, token="answered")),
        (unseen, replace(asked, pid=8)),
        (replace(unseen, path_class="meta-data"), asked),
        (replace(unseen, user_agent=None), asked),
        (replace(unseen, token="none"), asked),
    ):
        assert cause(*other, software=(old,)).needs_hop_limit is None


TOKENS_ARRIVE = (replace(WEB, reach=(Reach("ipv4", "ok", "", distance=1, needs_hop_limit=2),)),)
RAISED = replace(IMDS, hop_limit=2)
SINCE = "2023-11-14T23:00:00Z"


def _received(by: CallerSeen, **more) -> CallerSeen:
    more = {"token": "answered", "token_ttl": 2, "last_seen": SINCE, "pid": 99, **more}
    return replace(by, version="v2", path_class="token", path="/latest/api/token", **more)


@pytest.mark.parametrize("by", [replace(LOST, program="/usr/bin/curl", exe="/usr/bin/curl", script="/opt/job"), LOST])
def test_a_program_that_fell_back_and_has_received_tokens_since_blocks_no_more(by):
    (found,) = judged(by, _received(by, pid=by.pid), containers=TOKENS_ARRIVE, imds=RAISED)
    assert (found.id, found.severity, found.implies) == ("imdsv1-fallback-past", "info", None)
    assert found.summary.endswith(f"it has received tokens since, last at {SINCE}")


def test_behind_a_relay_the_tokens_may_be_anothers_until_a_day_was_silent():
    relayed = (replace(WEB, reach=(Reach("ipv4", "ok", "", confirmed=False),)),)
    (found,) = judged(LOST, _received(LOST, pid=LOST.pid), containers=relayed, imds=RAISED)
    assert found.implies == "not-ready"
    late = _received(LOST, pid=LOST.pid, last_seen="2023-11-16T00:00:00Z")
    (found,) = judged(LOST, late, containers=relayed, imds=RAISED)
    assert found.id == "imdsv1-fallback-past"


NODE = replace(LOST, program="/usr/bin/node", exe="/usr/bin/node")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (_received(NODE), "another process of the program, and the first may run yet"),
        (_received(NODE, last_seen=LOST.first_seen, pid=NODE.pid), "a token from before"),
        (_received(NODE, token="lost", pid=NODE.pid), "a token that was lost again"),
        (_received(replace(NODE, script="/opt/other"), pid=NODE.pid), "another script's"),
        (_received(replace(NODE, container_id="8" * 64), pid=NODE.pid), "another container's"),
    ],
)
def test_what_may_ask_without_a_token_yet_has_to_be_started_again(token, why):
    (found,) = judged(NODE, token, containers=TOKENS_ARRIVE, imds=RAISED)
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready"), why
    assert "Restart the program" in found.fix.text


@pytest.mark.parametrize(
    ("since", "first", "implies"),
    [
        ("2023-11-15T22:13:19Z", NODE.first_seen, "not-ready"),
        ("2023-11-15T22:13:20Z", NODE.first_seen, None),
        ("2023-11-15T22:13:20Z", "2023-11-13T22:00:00Z", "not-ready"),  # it called about once a day before
        ("2023-11-18T23:00:00Z", "2023-11-13T22:00:00Z", None),
        ("2023-11-99T23:00:00Z", NODE.first_seen, "not-ready"),  # no such day
    ],
)
def test_of_several_processes_a_silence_that_is_longer_than_theirs_counts(since, first, implies):
    by = replace(NODE, first_seen=first)
    (found,) = judged(by, _received(NODE, last_seen=since), containers=TOKENS_ARRIVE, imds=RAISED)
    assert found.implies == implies


def test_who_calls_without_a_token_since_is_another_finding():
    again = replace(LOST, token="answered", last_seen="2023-11-14T23:30:00Z")
    past, blocks = sorted(
        judged(LOST, _received(LOST, pid=LOST.pid), again, containers=TOKENS_ARRIVE, imds=RAISED),
        key=lambda each: each.implies or "",
    )
    assert (past.implies, blocks.implies) == (None, "not-ready")
    late = replace(LOST, last_seen="2023-11-14T23:30:00Z")
    (found,) = judged(late, _received(LOST, pid=LOST.pid), containers=TOKENS_ARRIVE, imds=RAISED)
    assert found.implies == "not-ready"


@pytest.mark.parametrize(
    ("limit", "by", "said"),
    [
        (1, (), "hop limit 2 cures that"),
        (2, (), "the hop limit is 2 now, and 2 suffices"),
        (4, (), "the hop limit is 4 now, and 2 suffices"),
        (2, (_received(replace(ENDED, container_id="8" * 64)),), f"received tokens since, last at {SINCE}"),
        (None, (), "hop limit 2 cures that"),
    ],
)
def test_what_ended_before_the_hop_limit_was_raised_blocks_no_more_and_keeps_the_limit(limit, by, said):
    facts = {"imds": replace(IMDS, hop_limit=limit)}
    (found,) = judged(ENDED, *by, **facts)
    assert said in found.summary
    assert found.implies == ("needs-hop-limit" if "cures" in said else None)
    assert needed_hop_limit(watched(ENDED, *by, **facts), CATALOG) == 2


def test_that_something_has_ended_is_believed_only_where_all_containers_were_seen():
    unseen = Containers((WEB,), ("podman was not asked",))
    (found,) = judged(ENDED, imds=RAISED, containers=unseen.containers, containers_unseen=unseen.containers_unseen)
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready")


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
    (found,) = judged(by, _received(by, pid=None, last_seen="2023-11-16T00:00:00Z"), imds=RAISED)
    assert found.id == "imdsv1-fallback-past"
