from dataclasses import replace

import pytest
from code_seen import DAY_S, PACKED, watched, with_code
from observed import FACTS, SSM_AGENT, changed, container, report_of, with_containers
from watched_calls import BOOT

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import ALL_SCHEDULED, Code, CodeRead, NotRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.image import Image
from imds_probe.inventory.code import unread
from imds_probe.rules.code_kinds import IN_NO_NEED, SHORTER
from imds_probe.rules.code_unread import not_read
from imds_probe.rules.settling import ANSWERING, AS_ROOT, OWNER

CRON = replace(PACKED, program="/opt/x", why="too long", pids=(), started_by=("/etc/cron.d/x, daily",))


def found(*programs, facts=FACTS):
    return not_read(CollectorRun("code", "ok", 1.0), with_code(not_read=programs, facts=facts), Catalog(()))


def test_all_that_nothing_tells_about_are_one_finding_with_their_reasons():
    (finding,), settled = found(PACKED, CRON)
    assert (finding.kind.id, finding.implies, settled) == ("code-not-read", "unknown", [])
    assert finding.summary == (
        "2 programs were not read, and nothing else shows whether they ask for a token: /opt/packed/bin/run, /opt/x"
    )
    assert finding.evidence == (
        "/opt/packed/bin/run, running as process 77: it is packed",
        "/opt/x, started by /etc/cron.d/x, daily: too long",
    )


@pytest.mark.parametrize(
    ("reasons", "says", "watches"),
    [
        ((unread.PACKED,), "Watch the host, restart these programs once", True),
        ((unread.NO_TIME,), "Give the run more time with --timeout. If a program is still not read then, watch", False),
        (
            (unread.HIDDEN, unread.GONE),
            "Restart the programs that do not answer. Restart the programs whose files were replaced",
            False,
        ),
        (
            (unread.NO_TIME, unread.ENCRYPTED),
            "Give the run more time with --timeout. For the others: watch the host, restart",
            True,
        ),
    ],
)
def test_what_would_settle_it_is_said_by_the_reasons(reasons, says, watches):
    programs = [replace(PACKED, program=f"/opt/{number}", why=why) for number, why in enumerate(reasons)]
    (finding,), _ = found(*programs)
    assert finding.fix.text.startswith(says)
    assert finding.fix.commands
    assert ("restart these programs once" in finding.fix.text) == watches


@pytest.mark.parametrize("why", unread.REASONS)
def test_every_reason_has_something_that_would_settle_it(why):
    (finding,), _ = found(replace(PACKED, why=why))
    assert "atch the host" in finding.fix.text


def test_programs_that_could_not_be_listed_are_not_taken_for_none():
    unseen = ("no processes are visible below /mnt",)
    facts = with_code(facts=FACTS)
    facts = facts.with_(replace(facts[CodeRead], programs_unseen=unseen, scheduled=0, scheduled_read=0))
    (finding,), settled = not_read(CollectorRun("code", "partial", 1.0, unseen[0]), facts, Catalog(()))
    assert (finding.kind.id, finding.implies, finding.evidence, settled) == ("code-not-read", "unknown", unseen, [])
    assert finding.summary == "the running programs could not be listed, so their code was not read"
    assert finding.settled_by[0].startswith("a run on the host itself")


@pytest.mark.parametrize("known", [True, False])
def test_a_host_whose_schedules_nobody_looked_for_is_never_ready(known):
    """Not even where a watch settles all that runs: it sees nothing of what comes once a month."""
    why = "no code was read: the host is short of memory"
    runs = NotRead("/opt/app/server", unread.NO_TIME, pids=(77,), oldest_s=5 * DAY_S, newest_s=5 * DAY_S)
    entries = (runs, NotRead(ALL_SCHEDULED, unread.IN_NEED)) if known else (runs,)
    facts = changed(
        FACTS,
        callers=watched(boots=(BOOT,)),
        collectors=(*FACTS.collectors, CollectorRun("code", "partial", 1.0, why)),
    ).with_(Code(()), CodeRead(programs=1, programs_read=0, not_read=entries))
    report = report_of(facts)
    (finding,) = (each for each in report.findings if each.id == "code-not-read")
    assert (report.verdict.state, finding.settled_by) == ("unknown", (IN_NO_NEED, OWNER))
    assert finding.summary == (
        "programs were not read, and nothing else shows whether they ask for a token: all scheduled programs"
    )
    assert finding.fix.text == (
        "Free memory and disk space on the host. Then run imds-probe again. Ask the owners of these programs whether they call "
        "the metadata service. A watch cannot settle it."
    )
    looked_for = facts.with_(replace(facts[CodeRead], not_read=(runs,), scheduled=0, scheduled_read=0))
    assert report_of(looked_for).verdict.state == "ready"


def test_of_an_image_that_was_judged_in_need_the_need_is_named_first():
    facts = changed(FACTS, image=Image())
    (finding,), _ = found(NotRead(ALL_SCHEDULED, unread.IN_NEED), facts=facts)
    assert finding.fix.text.startswith(
        "Free memory and disk space on the host. Then run imds-probe again. If a program is still not read then, start an "
        "instance of this image"
    )
    (finding,), _ = found(CRON, facts=facts)
    assert finding.fix.text.startswith("Start an instance of this image")


def test_what_was_left_out_of_schedules_is_settled_by_shorter_ones_and_no_watch():
    (finding,), _ = found(replace(CRON, why=unread.MORE, runs="scheduled"), facts=changed(FACTS, callers=watched()))
    assert finding.settled_by == (SHORTER, OWNER)
    assert finding.fix.text.startswith(
        "Shorten the files of which only a part was read, or remove entries, units and files"
    )


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (
            (unread.NO_ROOM,),
            "programs were not read, and nothing else shows whether they ask for a token: 7 more programs",
        ),
        ((unread.PACKED, unread.NO_ROOM), "1 program and more programs were not read, and"),
        ((unread.MORE,), "1 place was not read, and nothing else shows whether it asks"),
        ((unread.MORE, unread.MORE, unread.PACKED), "1 program and 2 places were not read, and"),
    ],
)
def test_what_had_no_room_is_no_single_program_and_a_file_is_none(reasons, said):
    names = ("7 more programs" if why == unread.NO_ROOM else f"/{number}" for number, why in enumerate(reasons))
    programs = [replace(PACKED, program=name, why=why) for name, why in zip(names, reasons, strict=True)]
    (finding,), _ = found(*programs)
    assert finding.summary.startswith(said)


@pytest.mark.parametrize(("uids", "forgers"), [((1000,), ("user 1000",)), ((1000, None), ())])
def test_what_users_schedules_alone_start_is_theirs_to_forge_and_holds_the_switch_up(uids, forgers):
    left = [replace(CRON, program=f"/{number}", starter_uid=uid) for number, uid in enumerate(uids)]
    (finding,), _ = found(*left)
    assert (finding.implies, finding.forgeable_by) == ("unknown", forgers)


def test_what_was_read_leaves_nothing_to_say():
    assert found() == ([], [])


def test_software_of_the_catalog_is_judged_by_its_version():
    known = replace(PACKED, component=SSM_AGENT.component)
    assert found(known) == ([], [])
    (finding,), _ = found(replace(known, component="cloud-init"))
    assert finding.implies == "unknown"


def test_a_watched_window_settles_it_and_is_named():
    findings, (line,) = found(replace(PACKED, oldest_s=2 * DAY_S), facts=changed(FACTS, callers=watched()))
    assert findings == []
    assert line.startswith("/opt/packed/bin/run was not read (it is packed): started 2 d ago")


def test_what_a_watch_does_not_see_is_said():
    monthly = replace(CRON, runs="scheduled", every_s=31 * DAY_S, standing_s=100 * DAY_S)
    (finding,), _ = found(monthly, replace(CRON, runs="boot"), facts=changed(FACTS, callers=watched()))
    assert finding.evidence == (
        "/opt/x, started by /etc/cron.d/x, daily: too long; started less often than once in the 14 d that are watched",
        "/opt/x, started by /etc/cron.d/x, daily: too long; no boot was watched whole",
    )


@pytest.mark.parametrize("facts", [FACTS, with_containers(container("web", owner_uid=1000))])
def test_what_users_run_holds_no_switch_up_but_lowers_the_confidence(facts):
    web = tuple(each.identity for each in facts.sections[-1].containers)
    theirs = replace(PACKED, owner_uid=None if web else 1000, on_host=not web, container_ids=web)
    (finding,), _ = found(theirs, facts=facts)
    assert (finding.kind.id, finding.implies) == ("code-not-read-of-users", None)
    verdict = report_of(with_code(not_read=(theirs,), facts=facts)).verdict
    assert (verdict.state, verdict.confidence) == ("ready", "low")


def test_where_nothing_was_read_at_all_the_verdict_is_unknown():
    for status in ("failed", "skipped"):
        run = CollectorRun("code", status, 1.0, "the reason")
        (finding,), _ = not_read(run, changed(FACTS, collectors=(*FACTS.collectors, run)), Catalog(()))
        assert (finding.implies, finding.evidence) == ("unknown", ("the reason",))
    assert not_read(CollectorRun("code", "nothing", 1.0), FACTS, Catalog(())) == ([], [])


def test_many_are_bounded():
    (finding,), _ = found(*(replace(PACKED, program=f"/opt/{number}") for number in range(500)))
    assert finding.summary.endswith("/opt/0, /opt/1, /opt/2 and 497 more")
    assert len(finding.evidence) == 21


@pytest.mark.parametrize(("privileged", "noun"), [(True, ANSWERING), (False, AS_ROOT)])
def test_root_is_not_told_to_run_as_root(privileged, noun):
    facts = replace(with_code(not_read=(replace(PACKED, why=unread.HIDDEN),)), privileged=privileged)
    (finding,), _ = not_read(CollectorRun("code", "ok", 1.0), facts, Catalog(()))
    assert finding.settled_by[0] == noun
    assert ("as root" in finding.fix.text) == (not privileged)
