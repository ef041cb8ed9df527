from dataclasses import replace

import pytest
from code_seen import AGENT, BACKUP, DAY_S, PACKED, WINDOW_S, watched, with_code
from observed import FACTS, SSM_AGENT, changed, container, with_containers, with_imds
from watched_calls import BOOT, CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import MetricCompared
from imds_probe.facts.code import CodeRead, PackageRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.rules.settled import (
    elsewhere,
    nobody_by_v1,
    seen_by_token,
    silent,
    silent_library,
    silent_since_start,
    silent_software,
    silent_unstarted,
    turned_off,
    unserved,
    unserved_caller,
    unwatched,
)

NONE = Catalog(())
QUIET = watched()
WEB = container("web", 1, "ok")


def after(callers, **changes):
    return changed(FACTS, callers=callers, **changes)


def test_what_was_started_in_a_whole_window_and_did_not_call_is_settled():
    assert silent_since_start(3 * DAY_S, after(QUIET)) == (
        "started 3 d ago, and no call by IMDSv1 was seen in the 14 d that were watched"
    )


@pytest.mark.parametrize(
    ("oldest_s", "settled"),
    [(None, False), (60.0, False), (DAY_S, True), (13 * DAY_S, True), (WINDOW_S, False), (100 * DAY_S, False)],
)
def test_it_has_to_have_run_for_long_enough_and_within_the_window(oldest_s, settled):
    assert bool(silent_since_start(oldest_s, after(QUIET))) == settled


@pytest.mark.parametrize(("oldest_s", "settled"), [(14 * DAY_S, True), (39 * DAY_S, True), (40 * DAY_S, False)])
def test_or_since_it_has_been_watched_for_longer_than_the_window(oldest_s, settled):
    found = silent_since_start(oldest_s, after(replace(QUIET, silent_s=40 * DAY_S)))
    assert bool(found) is settled
    if settled:
        assert found.endswith("and no call by IMDSv1 was seen in the 40 d that were watched")
    assert not silent_since_start(oldest_s, after(replace(watched(coverage=0.9), silent_s=40 * DAY_S)))


@pytest.mark.parametrize(
    ("boots", "oldest_s", "settled"),
    [
        ((replace(BOOT, age_s=60 * DAY_S),), 60 * DAY_S - 60, True),
        ((replace(BOOT, age_s=60 * DAY_S),), 60 * DAY_S - 3000, False),  # too late in the hour that was watched
        ((replace(BOOT, age_s=60 * DAY_S),), 40 * DAY_S, False),
        ((replace(BOOT, age_s=60 * DAY_S, imdsv1=2),), 60 * DAY_S - 60, False),
        ((replace(BOOT, age_s=60 * DAY_S, from_start=False, began_s=41.0),), 60 * DAY_S - 60, False),
        ((replace(BOOT, age_s=60 * DAY_S), replace(BOOT, age_s=50 * DAY_S, from_start=False)), 50 * DAY_S, False),
        ((), 60 * DAY_S - 60, False),
    ],
)
def test_or_by_a_boot_that_was_watched_whole(boots, oldest_s, settled):
    assert bool(silent_since_start(oldest_s, after(watched(boots=boots)))) is settled
    assert not silent_since_start(oldest_s, after(watched(CALLER, boots=boots)))


def test_of_a_short_window_half_is_long_enough():
    short = after(replace(QUIET, window_s=100.0))
    assert [bool(silent_since_start(oldest_s, short)) for oldest_s in (49.0, 50.0, 99.0, 100.0)] == [
        *(False, True),
        *(True, False),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        after(watched(coverage=0.9)),
        after(watched(CALLER)),
        after(replace(QUIET, unconfirmed=1)),
        after(replace(QUIET, metric=MetricCompared(5, 3, 2, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"))),
        after(QUIET, collectors=(*FACTS.collectors, CollectorRun("callers", "partial", 1.0, "a page is damaged"))),
    ],
)
def test_where_a_call_may_have_been_missed_nothing_is_settled(facts):
    assert not silent_since_start(3 * DAY_S, facts)


def test_a_metric_that_counted_no_more_than_was_seen_does_not_stand_against_it():
    metric = MetricCompared(5, 2, 2, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z")
    assert silent_since_start(3 * DAY_S, after(replace(QUIET, metric=metric)))


def test_what_a_boot_started_before_somebody_watched_it_may_have_asked_then():
    late = replace(BOOT, began_s=41.0, from_start=False)
    for oldest_s, settled in ((BOOT.age_s - 10, False), (BOOT.age_s - 60, True)):
        assert bool(silent_since_start(oldest_s, after(watched(boots=(late,))))) == settled
        assert silent_since_start(oldest_s, after(watched(boots=(BOOT,))))


def test_what_a_boot_starts_is_settled_by_one_that_was_watched_whole():
    at_boot = replace(PACKED, pids=(), started_by=("/etc/rc.local, at each boot",), runs="boot", standing_s=WINDOW_S)
    seen = after(watched(boots=(BOOT,)))
    assert silent(at_boot, seen) == (
        "started by /etc/rc.local, at each boot, and the boot of 2026-11-20T00:00:00Z was watched whole without a call by IMDSv1"
    )
    assert unwatched(at_boot, seen) == ""
    changed_since = replace(at_boot, standing_s=BOOT.age_s - 60)
    assert (silent(changed_since, seen), silent(replace(at_boot, standing_s=None), seen)) == ("", "")
    assert unwatched(changed_since, seen) == (
        "changed after the boot of 2026-11-20T00:00:00Z, and perhaps not started since"
    )
    for boots in ((), (replace(BOOT, from_start=False),), (replace(BOOT, age_s=2 * WINDOW_S, imdsv1=1),)):
        assert not silent(at_boot, after(watched(boots=boots)))
    assert not silent(at_boot, after(watched(CALLER, boots=(BOOT,))))
    # A schedule starts it as well, which the boot says nothing of.
    monthly = replace(at_boot, every_s=31 * DAY_S)
    assert not silent(monthly, seen)


def test_a_package_is_settled_by_all_of_its_programs_that_were_looked_at():
    packed = replace(PACKED, component=SSM_AGENT.component, oldest_s=3 * DAY_S)
    quiet = after(QUIET)
    assert silent_software(SSM_AGENT, with_code(not_read=(packed,), facts=quiet))
    assert not silent_software(SSM_AGENT, with_code(facts=quiet))
    young = replace(AGENT, component=SSM_AGENT.component, speaks="both", oldest_s=60.0)
    assert not silent_software(SSM_AGENT, with_code(young, not_read=(packed,), facts=quiet))
    lies = replace(young, runs="lies", pids=(), oldest_s=None)
    assert silent_software(SSM_AGENT, with_code(lies, not_read=(packed,), facts=quiet))
    assert not silent_software(SSM_AGENT, with_code(lies, facts=quiet))
    scheduled = replace(packed, pids=(), started_by=("/etc/cron.d/x, daily",))
    assert not silent_software(SSM_AGENT, with_code(not_read=(scheduled,), facts=quiet))


INSIGHTS = Software("insights-client", "rpm", "insights-client", "3.2.8-1.el8", "rpm database")
QUIET_BOOT = watched(boots=(BOOT,))


@pytest.mark.parametrize(
    ("code", "callers", "software", "settled"),
    [
        ((), QUIET_BOOT, INSIGHTS, True),
        (
            (replace(AGENT, component=INSIGHTS.component, speaks="both", runs="lies", pids=()),),
            QUIET_BOOT,
            INSIGHTS,
            True,
        ),
        ((replace(AGENT, component=INSIGHTS.component, speaks="both"),), QUIET_BOOT, INSIGHTS, False),
        ((), QUIET, INSIGHTS, False),
        ((), watched(CALLER, boots=(BOOT,)), INSIGHTS, False),
        ((), QUIET_BOOT, replace(INSIGHTS, pids=(5,)), False),
        ((), QUIET_BOOT, replace(INSIGHTS, container_ids=("a",)), False),
    ],
)
def test_a_package_that_nothing_starts_is_settled_by_a_silent_boot(code, callers, software, settled):
    facts = with_code(*code, facts=after(callers, software=(software,))).with_(CodeRead(scheduled=0))
    assert bool(silent_unstarted(software, facts, for_other_reasons=True)) == settled
    assert not silent_unstarted(software, facts, for_other_reasons=False)  # its own files were not read


def test_one_that_is_there_to_ask_needs_its_own_files_read():
    read = PackageRead(INSIGHTS.component, "insights-client 3.2.8-1.el8 (rpm)", files=4, started=False)
    facts = with_code(facts=after(QUIET_BOOT, software=(INSIGHTS,))).with_(CodeRead(scheduled=0))
    for packages, settled in (((read,), True), ((replace(read, why="it is packed"),), False)):
        given = facts.with_(replace(facts[CodeRead], packages=packages))
        assert bool(silent_unstarted(INSIGHTS, given, for_other_reasons=False)) == settled
    started = facts.with_(replace(facts[CodeRead], packages=(replace(read, started=True),)))
    assert not silent_unstarted(INSIGHTS, started, for_other_reasons=True)
    assert not silent_unstarted(
        INSIGHTS, facts.with_(CodeRead()), for_other_reasons=True
    )  # nobody looked for schedules


def test_a_package_is_not_settled_by_what_users_alone_start_of_it():
    packed = replace(PACKED, component=SSM_AGENT.component, oldest_s=3 * DAY_S)
    theirs = replace(packed, program="/usr/bin/other", owner_uid=1000)
    code = replace(
        AGENT, component=SSM_AGENT.component, speaks="both", oldest_s=3 * DAY_S, newest_s=3 * DAY_S, runner_uid=1000
    )
    quiet = after(QUIET)
    assert not silent_software(SSM_AGENT, with_code(not_read=(theirs,), facts=quiet))
    assert not silent_software(SSM_AGENT, with_code(code, not_read=(theirs,), facts=quiet))
    assert silent_software(SSM_AGENT, with_code(code, not_read=(packed,), facts=quiet))
    # What a user has just started may still ask.
    just = replace(theirs, oldest_s=60.0)
    assert not silent_software(SSM_AGENT, with_code(not_read=(packed, just), facts=quiet))


def test_nothing_is_served_where_the_service_is_off_or_all_containers_are_cut_off():
    assert unserved(on_host=True, container_ids=(), facts=with_imds(endpoint="disabled"))
    assert not unserved(on_host=True, container_ids=(), facts=FACTS)
    assert not unserved(on_host=False, container_ids=(), facts=FACTS)
    cut_off = container("off", 1, "unreachable")
    facts = with_containers(WEB, cut_off)
    assert unserved(on_host=False, container_ids=(cut_off.identity,), facts=facts)
    assert not unserved(on_host=False, container_ids=(cut_off.identity, WEB.identity), facts=facts)
    assert not unserved(on_host=False, container_ids=("f" * 64,), facts=facts)
    unmeasured = replace(cut_off, reach=())
    assert not unserved(on_host=False, container_ids=(cut_off.identity,), facts=with_containers(unmeasured))


def test_what_needs_no_metadata_by_its_own_word_is_settled_where_all_its_containers_say_so():
    irsa = container("irsa", 1, environment=(("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),))
    facts = with_containers(WEB, irsa)
    inside = replace(PACKED, on_host=False, container_ids=(irsa.identity,))
    assert elsewhere(inside, facts, NONE) == (
        "metadata is probably not needed: credentials come from a web identity (IRSA)"
    )
    assert not elsewhere(replace(inside, container_ids=(irsa.identity, WEB.identity)), facts, NONE)
    assert not elsewhere(replace(inside, container_ids=(irsa.identity, "f" * 64)), facts, NONE)
    assert not elsewhere(replace(inside, on_host=True), facts, NONE)
    assert not elsewhere(replace(BACKUP, oldest_s=3 * DAY_S), after(QUIET), NONE)


DAILY = replace(
    PACKED, pids=(), started_by=("/etc/cron.d/x, daily",), runs="scheduled", every_s=DAY_S, standing_s=WINDOW_S
)


def test_what_came_round_in_a_whole_window_and_did_not_call_is_settled():
    assert silent(DAILY, after(QUIET)) == (
        "started by /etc/cron.d/x, daily, and no call by IMDSv1 was seen in the 14 d that were watched"
    )
    assert elsewhere(DAILY, after(QUIET), NONE) == silent(DAILY, after(QUIET))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"every_s": 31 * DAY_S}, "started less often than once in the 14 d that are watched"),
        ({"every_s": None}, "started at no set time, so that the watch may not have seen it"),
        ({"standing_s": 3600.0}, "changed 1 h ago, and perhaps not started since"),
        ({"standing_s": None}, ""),
        ({"runs": "boot"}, "no boot was watched whole"),
        ({"runs": "boot", "every_s": None}, "no boot was watched whole"),
        ({"runs": None}, ""),
    ],
)
def test_a_window_does_not_settle_what_need_not_have_run_in_it(changes, why):
    code = replace(DAILY, **changes)
    assert (silent(code, after(QUIET)), unwatched(code, after(QUIET))) == ("", why)
    assert unwatched(code, FACTS) == ""


@pytest.mark.parametrize("callers", [None, watched(coverage=0.9), watched(CALLER)])
def test_nor_does_one_in_which_a_call_may_have_been_missed(callers):
    assert not silent(DAILY, FACTS if callers is None else after(callers))


def test_processes_do_not_tell_what_another_start_asks_for():
    running = replace(AGENT, speaks="both", oldest_s=3 * DAY_S, newest_s=3 * DAY_S)
    assert silent(running, after(QUIET))
    assert silent(replace(running, every_s=DAY_S, standing_s=WINDOW_S), after(QUIET))
    monthly = replace(running, every_s=31 * DAY_S, standing_s=100 * DAY_S)
    assert not silent(monthly, after(QUIET))
    assert unwatched(monthly, after(QUIET)) == "started less often than once in the 14 d that are watched"


@pytest.mark.parametrize(
    ("pids", "newest_s", "settled"),
    [((7, 8), 60.0, False), ((7, 8), 2 * DAY_S, True), ((7, 8), None, False), ((7,), None, True), ((7,), 60.0, False)],
)
def test_what_was_started_last_has_to_have_run_for_long_enough_too(pids, newest_s, settled):
    """Reports that do not say how long tell it of one process alone."""
    for program in (AGENT, PACKED):
        running = replace(program, pids=pids, oldest_s=3 * DAY_S, newest_s=newest_s)
        assert bool(silent(running, after(QUIET))) == settled
    assert not silent(replace(PACKED, oldest_s=3 * DAY_S), FACTS)


def test_a_package_that_a_schedule_starts_is_settled_by_it():
    daily = replace(DAILY, component=SSM_AGENT.component)
    assert silent_software(SSM_AGENT, with_code(not_read=(daily,), facts=after(QUIET)))
    monthly = replace(daily, every_s=31 * DAY_S)
    assert not silent_software(SSM_AGENT, with_code(not_read=(daily, monthly), facts=after(QUIET)))


DROP = PathObstacle("host", "drop", "ipv4", "ip t c", "drop", None, True, "from 172.17.0.2", "forward")
CUT_OFF = container("web", None, "unreachable")


@pytest.mark.parametrize(
    ("made", "obstacles", "idle"),
    [
        (CUT_OFF, (DROP,), True),
        (CUT_OFF, (replace(DROP, kind="route"),), True),
        (CUT_OFF, (), False),
        (CUT_OFF, (replace(DROP, scope="uid 0"),), False),  # only who asked just now
        (CUT_OFF, (replace(DROP, scope="not gid 7, from 172.17.0.2"),), False),
        (CUT_OFF, (replace(DROP, certain=False),), False),
        (CUT_OFF, (replace(DROP, kind="redirect"),), False),
        (CUT_OFF, (replace(DROP, applies_to="output"),), False),  # on the way of the host's own
        (CUT_OFF, (replace(DROP, namespace="web", container_id=CUT_OFF.identity, applies_to="output"),), True),
        (CUT_OFF, (replace(DROP, namespace="other", container_id="e" * 64),), False),  # on another's way
        (WEB, (DROP,), False),
    ],
)
def test_a_caller_in_a_container_that_a_rule_cuts_off_loses_nothing(made, obstacles, idle):
    facts = changed(with_containers(made), obstacles=obstacles)
    assert bool(unserved_caller(made.identity, facts)) == idle
    assert not unserved_caller(None, facts)
    assert not unserved_caller("f" * 64, facts)


def test_where_the_service_is_turned_off_no_caller_loses_anything():
    facts = changed(with_containers(WEB), imds=replace(with_imds()[Imds], endpoint="disabled"))
    assert turned_off(facts) and unserved_caller(None, facts) and unserved_caller(WEB.identity, facts)
    assert not turned_off(FACTS)
    assert not turned_off(changed(FACTS, imds=None))


DEB = Software("botocore", "dpkg", "python3-botocore", "1.12.103+repack-1", "dpkg database")
LOADED = SdkSoftware(
    "botocore",
    "pypi",
    "botocore",
    "1.12.103",
    "dist-info",
    "/usr/lib/python3/dist-packages",
    pids=(7,),
    sdk=SdkUse(None, None, ("/usr/lib/python3/dist-packages",), 1, oldest_s=3 * DAY_S),
)


@pytest.mark.parametrize(
    ("loaded", "settled"),
    [
        ((LOADED,), True),
        ((), False),  # nobody was seen to have it
        ((replace(LOADED, pids=()),), False),
        ((replace(LOADED, version="1.14.0"),), False),  # another one
        ((replace(LOADED, version=None),), False),
        ((replace(LOADED, component="boto"),), False),
        ((LOADED, replace(LOADED, sdk=replace(LOADED.sdk, oldest_s=60.0))), False),
        ((replace(LOADED, container=WEB.title, container_ids=(WEB.identity,)),), False),
    ],
)
def test_a_library_that_is_loaded_and_was_not_seen_to_ask(loaded, settled):
    facts = after(QUIET, software=(DEB, *loaded))
    assert bool(silent_library(DEB, facts)) == settled
    assert not silent_library(DEB, changed(FACTS, software=(DEB, *loaded)))
    assert not silent_library(DEB, after(watched(CALLER), software=(DEB, *loaded)))


def test_in_each_place_that_it_is_in():
    both = replace(DEB, container_ids=(WEB.identity,))
    assert not silent_library(both, after(QUIET, software=(both, LOADED)))


def test_a_whole_window_without_a_call():
    assert nobody_by_v1(after(QUIET))
    assert not nobody_by_v1(FACTS)
    assert not nobody_by_v1(after(watched(CALLER)))
    assert not nobody_by_v1(after(watched(coverage=0.5)))


TOOL = replace(
    BACKUP,
    path="/usr/local/bin/tool",
    speaks="both",
    started_by=("/etc/cron.d/tool",),
    every_s=DAY_S,
    standing_s=WINDOW_S,
)
BY_ROOT = replace(CALLER, version="v2", program="/usr/local/bin/tool", on_host=True, uid=0, unit="cron.service")
BY_USER = replace(BY_ROOT, uid=1000, unit="user 1000: session.scope")


@pytest.mark.parametrize(
    ("code", "caller", "settled"),
    [
        (TOOL, BY_ROOT, True),
        (TOOL, replace(BY_ROOT, uid=33), True),  # a service of the system's
        (TOOL, BY_USER, False),
        (TOOL, replace(BY_USER, unit=None), False),
        (TOOL, replace(BY_ROOT, uid=None, unit=None), False),
        (TOOL, replace(BY_ROOT, on_host=False), False),
        (replace(TOOL, owner_uid=1000), BY_USER, True),  # he decides what it does
        (replace(TOOL, every_s=None, runs="running", pids=(5,), runner_uid=1000), BY_USER, True),
        (replace(TOOL, every_s=None, runs="running", pids=(5,), runner_uid=1001), BY_USER, False),
        (replace(TOOL, every_s=None), BY_ROOT, True),  # at no set time: nothing but this tells
        (replace(TOOL, every_s=30 * DAY_S), BY_ROOT, False),  # it has not come round
        (replace(TOOL, standing_s=DAY_S / 2), BY_ROOT, False),
        (replace(TOOL, in_arguments=True), BY_ROOT, False),  # the interpreter runs other code as well
    ],
)
def test_a_call_with_a_token_tells_of_the_start_that_made_it(code, caller, settled):
    assert bool(seen_by_token(code, after(watched(caller)))) is settled


def test_what_a_container_starts_is_settled_by_its_own_last_start():
    """No boot tells of it, and neither does the age of a container that has other files since."""
    at_start = replace(
        PACKED,
        pids=(),
        started_by=("/entry.sh, at each start of the container",),
        runs="boot",
        on_host=False,
        container_ids=("a" * 64,),
        oldest_s=3 * DAY_S,
        newest_s=2 * DAY_S,
        standing_s=90 * DAY_S,
    )
    assert silent(at_start, after(QUIET)) == (
        "started by /entry.sh, at each start of the container: started 3 d ago, and no call by IMDSv1 was seen in the 14 d that "
        "were watched"
    )
    assert unwatched(at_start, after(QUIET)) == ""
    changed_since = replace(at_start, standing_s=DAY_S)
    assert unwatched(changed_since, after(QUIET)).startswith("changed after its container was started")
    by_boot = after(watched(boots=(BOOT,)))
    for other in (
        changed_since,
        replace(at_start, standing_s=None),
        replace(at_start, newest_s=60.0),
        replace(at_start, newest_s=None),
        replace(at_start, oldest_s=None),
        replace(at_start, oldest_s=40 * DAY_S, standing_s=90 * DAY_S),
    ):
        assert not silent(other, after(QUIET))
        assert not silent(other, by_boot)
    assert not silent(at_start, after(watched(CALLER)))
