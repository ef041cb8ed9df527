from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import watched
from observed import FACTS, IMDS, changed, container
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import UNSEEN, CallerSeen, HistoryLoss, MetricCompared
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.rules.callers import RULE
from imds_probe.rules.callers_before import NAMED_MAX
from imds_probe.rules.rule import NothingToJudge
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
DAY_S = 86400.0


def judged(*by: CallerSeen, coverage=1.0, dropped=0, metric=None, losses=(), **facts):
    callers = callers_of(
        by,
        window_s=14 * DAY_S,
        observed_s=14 * DAY_S * coverage,
        needed_coverage=0.99,
        dropped=dropped,
        watched_until="2023-11-14T22:13:20Z",
        losses=losses,
    )
    found = RULE.judge(changed(FACTS, callers=replace(callers, metric=metric), **facts), CATALOG)
    assert isinstance(found, list)
    return found


def test_where_nobody_watched_it_says_why():
    why = CollectorRun("callers", "nothing", 0.0, "callers are not watched")
    found = RULE.judge(changed(FACTS, collectors=(*FACTS.collectors, why)), CATALOG)
    assert found == NothingToJudge("callers are not watched")
    assert RULE.judge(FACTS, CATALOG) == NothingToJudge("the callers were not watched")


@pytest.mark.parametrize(("status", "fix"), [("failed", "Correct the cause"), ("skipped", "more time")])
def test_a_history_that_cannot_be_read_is_not_nobody_calling(status, fix):
    run = CollectorRun("callers", status, 1.0, "callers.sqlite3 cannot be opened: file is not a database")
    (finding,) = RULE.judge(changed(FACTS, collectors=(*FACTS.collectors, run)), CATALOG)
    assert (finding.id, finding.implies, finding.evidence) == ("callers-not-read", "unknown", (run.reason,))
    assert fix in finding.fix.text


def test_what_could_not_be_read_beside_what_was_watched_is_said_and_a_call_blocks_all_the_same():
    run = CollectorRun("callers", "partial", 1.0, "callers.sqlite3 cannot be read: it is damaged")
    collectors = (*FACTS.collectors, run)
    assert [each.id for each in judged(CALLER, collectors=collectors)] == ["imdsv1-caller", "callers-not-read"]
    (finding,) = judged(collectors=collectors)
    assert (finding.implies, finding.evidence) == ("unknown", (run.reason,))


def test_earlier_evidence_that_was_lost_counts_until_the_window_is_whole():
    losses = (HistoryLoss("2023-11-10T00:00:00Z", "callers.sqlite3 was missing"),)
    finding, _ = judged(coverage=0.5, losses=losses)
    assert (finding.id, finding.implies) == ("callers-lost", "unknown")
    assert finding.summary == (
        "evidence of calls before 2023-11-10T00:00:00Z was lost; the watch covers 7 d of the last 14 d"
    )
    assert finding.evidence == ("2023-11-10T00:00:00Z: callers.sqlite3 was missing",)
    assert judged(coverage=1.0, losses=losses) == []
    assert [each.id for each in judged(CALLER, coverage=0.5, losses=losses)] == ["imdsv1-caller", "callers-lost"]


def test_a_call_blocks_and_says_who_when_and_what_for():
    (finding,) = judged(CALLER, replace(CALLER, path="/latest/user-data", path_class="user-data", count=1))
    assert (finding.id, finding.severity, finding.implies) == ("imdsv1-caller", "blocker", "not-ready")
    assert finding.subject == "web.service"
    assert finding.summary.startswith(
        "/usr/bin/curl (web.service) called IMDSv1 4 times, last at 2023-11-14T22:13:20Z: "
    )
    assert finding.evidence == (
        "requested /latest/meta-data/, /latest/user-data",
        "last call by process 7: curl …",
        "User-Agent: curl/8",
    )


def test_the_probe_itself_and_v2_block_nothing():
    assert judged(replace(CALLER, probe=True), replace(CALLER, version="v2")) == []


def test_watched_for_too_short_a_time_is_said():
    (finding,) = judged(coverage=0.25, dropped=7)
    assert (finding.id, finding.severity, finding.implies) == ("watched-too-shortly", "info", None)
    assert "3 d 12 h of the last 14 d (25.0%; 99% is needed) and saw no call" in finding.summary
    assert finding.evidence == ("7 packets were lost",)


def test_where_tokens_are_required_only_refused_ones_count():
    required = replace(IMDS, tokens="required")
    assert judged(CALLER, imds=required) == []
    (finding,) = judged(replace(CALLER, refused=2), imds=required)
    assert (finding.id, finding.severity, finding.implies) == ("imdsv1-refused", "warning", None)
    assert "was refused 2 times" in finding.summary


def test_many_are_named_in_part_and_counted_all():
    many = [replace(CALLER, program=f"/bin/{number}", unit=None, count=1) for number in range(NAMED_MAX + 5)]
    found = judged(*many)
    assert len(found) == NAMED_MAX + 1
    assert found[-1].summary == (
        "5 more callers called IMDSv1, 5 times in all: no old software was found that explains the call"
    )
    assert found[-1].implies == "not-ready"
    assert found[-1].evidence[0] == f"/bin/{NAMED_MAX}: no old software was found that explains the call"


def _fell_back(count, *, distance=1):
    """That many running containers, each with a caller that falls back."""
    there = tuple(container(f"pod{number}", distance, "lost") for number in range(count))
    inside = replace(CALLER, token="lost", token_ttl=1, distance=distance, unit=None, count=1)
    return there, [replace(inside, container=each.title, container_id=each.identity) for each in there]


@pytest.mark.parametrize("count", [NAMED_MAX, NAMED_MAX + 1, NAMED_MAX + 10])
def test_the_hop_limit_cures_as_many_as_fall_back(count):
    there, by = _fell_back(count)
    found = judged(*by, containers=there)
    assert {each.id for each in found} == {"imdsv1-fallback"}
    assert {each.implies for each in found} == {"needs-hop-limit"}
    assert len(found) == min(count, NAMED_MAX + 1)


def test_the_rest_of_those_who_fall_back_says_what_cures_all_of_them():
    there, by = _fell_back(NAMED_MAX + 2)
    farther, more = _fell_back(1, distance=2)
    farther = (replace(farther[0], id="f" * 64, name="far"),)
    more = [replace(more[0], container="far", container_id=farther[0].identity)]
    *_, rest = judged(*by, *more, containers=(*there, *farther))
    assert rest.summary.startswith("3 more callers called IMDSv1, 3 times in all")
    assert "hop limit to 3" in rest.fix.text
    *_, rest = judged(*by, containers=there)
    assert rest.summary.endswith("in all: it asks for a token, receives none and falls back; hop limit 2 cures that")


def test_one_who_never_asks_for_a_token_is_named_behind_any_number_of_those_who_fall_back():
    there, by = _fell_back(NAMED_MAX + 5)
    found = judged(*by, replace(CALLER, token="none"), containers=there)
    (plain,) = [each for each in found if each.implies == "not-ready"]
    assert (plain.id, plain.subject) == ("imdsv1-caller", "web.service")


def test_of_refused_callers_the_rest_counts_those_alone_that_were_refused_and_blocks_as_the_named_do():
    required = replace(IMDS, tokens="required")
    many = [replace(CALLER, program=f"/bin/{number}", unit=None, count=2, refused=1) for number in range(NAMED_MAX + 3)]
    silent = [replace(each, program=f"{each.program}-once", refused=0) for each in many]
    *_, rest = judged(*many, *silent, imds=required)
    assert rest.summary == "3 more callers called IMDSv1 and were refused, 3 times in all"
    assert (rest.severity, rest.implies) == ("warning", None)
    unknown = CollectorRun("tokens-seen", "failed", 1.0, "state could not be read")
    found = judged(*many, *silent, imds=required, collectors=(*FACTS.collectors, unknown))
    assert {each.implies for each in found} == {"not-ready"}
    assert found[-1].summary.endswith("and it is not known whether they asked again with a token")
    assert judged(*silent, imds=required) == []


def test_others_and_containers_are_called_by_their_names():
    unknown = replace(CALLER, program="unknown", exe=None, unit=None, container="shop/web", pid=None, cmdline=None)
    (finding,) = judged(replace(unknown, count=1, user_agent=None))
    assert finding.summary.startswith("an unknown process in shop/web called IMDSv1 once, last at ")
    assert finding.evidence == ("requested /latest/meta-data/",)


def test_namesakes_are_two_callers_and_a_container_that_was_renamed_is_one():
    in_web = replace(CALLER, container="web", container_id="1" * 64, count=1)
    assert len(judged(in_web, replace(in_web, container_id="2" * 64))) == 2
    (finding,) = judged(in_web, replace(in_web, container="api"))
    assert "called IMDSv1 2 times" in finding.summary


def test_calls_that_cloudwatch_counted_and_nobody_saw_leave_it_unknown():
    metric = MetricCompared(10, 43, 3, "2023-11-14T10:00:00Z", "2023-11-14T20:00:00Z")
    (finding,) = judged(metric=metric)
    assert (finding.id, finding.implies) == ("imdsv1-unseen", "unknown")
    assert finding.summary == (
        "CloudWatch counted 43 calls by IMDSv1 in 10 hours, and the watch did not see 40 of them"
    )
    assert judged(metric=replace(metric, seen=43)) == []
    assert judged(metric=metric, imds=replace(IMDS, tokens="required")) == []


def test_what_could_not_be_confirmed_accuses_nobody_and_is_no_nobody_called():
    callers = callers_of(
        (),
        window_s=14 * DAY_S,
        observed_s=13 * DAY_S,
        needed_coverage=0.99,
        dropped=0,
        watched_until="2023-11-14T22:13:20Z",
        unconfirmed=7,
        senders=("7: came in by veth2 from container web, source address 10.0.0.10",),
    )
    forged, short = RULE.judge(changed(FACTS, callers=callers), CATALOG)
    assert (forged.id, forged.severity, forged.implies) == ("requests-not-confirmed", "warning", None)
    assert forged.summary.startswith("7 requests by IMDSv1 could not be confirmed; each may be forged")
    assert forged.evidence == ("7 requests: came in by veth2 from container web, source address 10.0.0.10",)
    assert "interface" in forged.fix.text
    assert (short.id, short.evidence) == ("watched-too-shortly", ("7 requests could not be confirmed",))


def test_connections_of_which_nothing_was_seen_are_not_said_to_be_forged():
    told = f"2: {UNSEEN} from container web"
    callers = replace(watched(), unconfirmed=2, senders=(told,))
    (unseen,) = [each for each in RULE.judge(changed(FACTS, callers=callers), CATALOG) if "confirmed" in each.id]
    assert unseen.summary.startswith("2 requests came from a network that was not watched yet")
    assert unseen.evidence == (f"2 requests: {UNSEEN} from container web",)
    assert "forged" not in unseen.summary and "stop" not in unseen.fix.text
    assert not nobody_by_v1(changed(FACTS, callers=callers))


def test_users_of_one_program_are_two_callers_and_are_named():
    (other, root) = sorted(
        judged(replace(CALLER, uid=0), replace(CALLER, uid=4242)), key=lambda each: "of user" not in each.summary
    )
    assert other.summary.startswith("/usr/bin/curl of user 4242 (web.service) called IMDSv1 3 times")
    assert root.summary.startswith("/usr/bin/curl (web.service) called IMDSv1 3 times")
    inside = [replace(CALLER, uid=uid, container="web", container_id="1" * 64) for uid in (0, 4242)]
    assert len(judged(*inside)) == 1


def test_a_path_that_was_not_verified_is_said():
    (finding,) = judged(replace(CALLER, program="/usr/bin/agent (not verified)", exe="/usr/bin/agent", uid=4242))
    assert finding.summary.startswith("/usr/bin/agent (not verified) of user 4242")
    assert finding.evidence[-1] == (
        "the process has its own mount namespace, in which /usr/bin/agent may differ from the host's file"
    )


def test_where_the_service_is_turned_off_calls_break_nothing():
    off = replace(IMDS, endpoint="disabled")
    (finding,) = judged(CALLER, imds=off)
    assert (finding.id, finding.severity, finding.implies) == ("imdsv1-caller-unserved", "warning", None)
    assert finding.summary.endswith("but the metadata service is turned off")
    many = [replace(CALLER, program=f"/opt/{number}") for number in range(NAMED_MAX + 2)]
    assert {each.implies for each in judged(*many, imds=off)} == {None}
    assert {each.implies for each in judged(*many)} == {"not-ready"}


def test_where_a_rule_cuts_a_container_off_its_calls_break_nothing():
    off = container("web", None, "unreachable")
    inside = replace(CALLER, container="web", container_id=off.identity)
    drop = PathObstacle("host", "drop", "ipv4", "ip t c", "drop", None, True, "from 172.17.0.2", "forward")
    (finding,) = judged(inside, containers=(off,), obstacles=(drop,))
    assert (finding.id, finding.severity, finding.implies) == ("imdsv1-caller-unserved", "warning", None)
    assert finding.summary.endswith("but the metadata service cannot be reached from there")
    (finding,) = judged(inside, containers=(off,))
    assert (finding.id, finding.implies) == ("imdsv1-caller", "not-ready")
    both = judged(inside, CALLER, containers=(off,), obstacles=(drop,))
    assert [each.implies for each in both] == ["not-ready", None]


def test_who_called_before_the_window_leaves_it_unknown_until_a_whole_one_was_watched():
    callers = replace(watched(coverage=0.1), earlier=(CALLER, replace(CALLER, unit="backup.service")))
    found = RULE.judge(changed(FACTS, callers=callers), CATALOG)
    assert [(each.id, each.subject, each.implies) for each in found[:2]] == [
        ("imdsv1-before-window", "web.service", "unknown"),
        ("imdsv1-before-window", "backup.service", "unknown"),
    ]
    assert "last at 2023-11-14T22:13:20Z; since then, less than 14 d were watched" in found[0].summary
    assert found[0].settled_by[-1] == "the owner's acceptance of the risk ([[accept]])"
    # Who called again is named for that.
    again = RULE.judge(changed(FACTS, callers=replace(callers, by=(CALLER,), imdsv1=3)), CATALOG)
    assert [(each.id, each.subject) for each in again[:2]] == [
        ("imdsv1-caller", "web.service"),
        ("imdsv1-before-window", "backup.service"),
    ]


def test_a_finding_that_leaves_nothing_open_does_not_stand_for_earlier_calls():
    """Requests that take nothing, those of the probe, and a loss that is over, by the same caller."""

    def found(*by, earlier=CALLER, **facts):
        callers = replace(watched(coverage=0.1), earlier=(earlier,), by=by)
        return {each.id for each in RULE.judge(changed(FACTS, callers=callers, **facts), CATALOG)}

    head = replace(CALLER, path_class="head", path="/", served=0)
    other_cloud = replace(CALLER, path_class="other-cloud", path="/computeMetadata/v1/", served=0)
    for by in (head, other_cloud, replace(CALLER, probe=True)):
        assert "imdsv1-before-window" in found(by)
        assert "imdsv1-before-window" not in found(by, CALLER)
    job = replace(CALLER, container="job", container_id="9" * 64, image="ci:1", unit=None, token="none")
    over = replace(job, container_id="8" * 64, token="lost", token_ttl=1, distance=1)
    raised = {"imds": replace(IMDS, hop_limit=2), "containers": ()}
    assert found(over, earlier=job, **raised) >= {"imdsv1-fallback-past", "imdsv1-before-window"}
    assert "imdsv1-before-window" not in found(over, earlier=job, imds=IMDS, containers=())


def test_of_many_who_called_before_the_window_some_are_named():
    many = tuple(replace(CALLER, unit=f"u{number:02}.service") for number in range(NAMED_MAX + 3))
    found = RULE.judge(changed(FACTS, callers=replace(watched(coverage=0.1), earlier=many)), CATALOG)
    found = [each for each in found if each.id == "imdsv1-before-window"]
    assert len(found) == NAMED_MAX + 1
    assert found[-1].summary == "3 more callers called IMDSv1, and less than 14 d were watched since"


def test_where_nothing_is_served_or_tokens_are_required_they_lose_nothing():
    callers = replace(watched(coverage=0.1), earlier=(CALLER,))
    for imds in (replace(IMDS, endpoint="disabled"), replace(IMDS, tokens="required")):
        found = RULE.judge(changed(FACTS, imds=imds, callers=callers), CATALOG)
        assert "imdsv1-before-window" not in {each.id for each in found}


def test_who_fell_back_before_the_window_and_receives_tokens_since_is_no_open_question():
    """Nor is a run whose name was made up, where later runs of the same called again."""
    lost = replace(CALLER, token="lost", token_ttl=1, distance=1, container="job", container_id="9" * 64, image="ci:1")
    token = replace(lost, version="v2", path_class="token", token="answered", last_seen="2023-11-20T00:00:00Z")
    unwatched = watched(coverage=0.1)

    def found(earlier, *by):
        callers = replace(unwatched, earlier=(earlier,), by=by)
        return [each.id for each in RULE.judge(changed(FACTS, callers=callers), CATALOG)]

    assert "imdsv1-before-window" in found(lost)
    assert "imdsv1-before-window" not in found(lost, replace(token, container_id="8" * 64))
    assert "imdsv1-before-window" in found(lost, replace(token, container_id="8" * 64, image="ci:2"))
    run = replace(CALLER, script="/tmp/jenkins2938472938472.sh")
    assert "imdsv1-before-window" in found(run)
    assert "imdsv1-before-window" not in found(run, replace(run, script="/tmp/jenkins8872635412233.sh"))
