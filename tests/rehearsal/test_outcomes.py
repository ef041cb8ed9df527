from __future__ import annotations

from dataclasses import replace

import pytest

from imds_probe.rehearsal.callers import UNKNOWN, Seen
from imds_probe.rehearsal.outcomes import Aim, asked, in_order, not_asked, unidentified
from imds_probe.rules.known_callers import CODE, Known
from imds_probe.watch.caller import Caller
from imds_probe.watch.rehearsed import CALLERS_MAX, PROCESSES_MAX, KeptCaller
from imds_probe.watch.standing import Stamps

UNIT = Aim("unit", "web.service")
APP = Caller(7, "python3", "/usr/bin/python3", "…", 0, (), "web.service", None, None, None, True, script="/opt/app.py")
STAMPS = Stamps("1.2.3", "4.5.6")


def seen(pid=7, *, caller=APP, stamps=STAMPS, **requests):
    return Seen(pid, "x", caller=caller, stamps=stamps, **requests)


def test_processes_of_one_caller_are_one_by_the_worst_that_came_of_them():
    first, second = seen(passed=2, tokens=1), seen(8, refused=1, missed={"/x"})
    (caller,) = asked([first, second, Seen(None, UNKNOWN, refused=1)], UNIT)
    assert (caller.program, caller.script, caller.outcome) == ("/usr/bin/python3", "/opt/app.py", "gave-up")
    assert (caller.refused, caller.tokens, caller.served) == (1, 1, 2)
    assert (caller.program_stamp, caller.script_stamp, caller.on_host) == ("1.2.3", "4.5.6", True)
    third = seen(9, caller=replace(APP, pid=9, started=78), passed=1)
    (caller,) = asked([seen(caller=replace(APP, started=77), passed=1), third, third], UNIT)
    assert caller.processes == ((7, 77), (9, 78))
    many = [seen(number, caller=replace(APP, pid=number, started=1), passed=1) for number in range(PROCESSES_MAX + 1)]
    (caller,) = asked(many, UNIT)
    assert len(caller.processes) == PROCESSES_MAX
    other = seen(8, caller=replace(APP, script="/opt/b.py"), passed=1)
    assert [each.script for each in asked([first, other], UNIT)] == ["/opt/app.py", "/opt/b.py"]


def test_what_was_refused_to_processes_that_could_not_be_identified_is_counted():
    nobody = [Seen(None, UNKNOWN, refused=2, passed=1), Seen(7, UNKNOWN, refused=1, missed={"/x"})]
    assert unidentified([seen(refused=4, missed={"/x"}), *nobody]) == 3


def test_what_was_changed_while_it_was_rehearsed_stands_on_nothing():
    (caller,) = asked([seen(passed=1), seen(8, passed=1, stamps=Stamps("1.2.3", "7.8.9"))], UNIT)
    assert (caller.program_stamp, caller.script_stamp) == ("", "")


def test_who_had_no_time_to_ask_again_tells_nothing():
    (caller,) = asked([seen(refused=1, missed={"/x"}, cut_short=True)], UNIT)
    assert caller.outcome == "other"


@pytest.mark.parametrize(
    ("requests", "outcome"),
    [({"passed": 1}, "other"), ({"refused": 1, "passed": 1}, "other"), ({"refused": 2, "missed": {"/x"}}, "gave-up")],
)
def test_who_was_not_led_to_the_end_has_proven_only_what_failed(requests, outcome):
    (caller,) = asked([seen(unled=True, **requests)], UNIT)
    assert caller.outcome == outcome


def test_a_container_has_the_name_of_the_target():
    inside = replace(APP, container="id", unit=None)
    (caller,) = asked([seen(caller=inside, passed=1)], Aim("container", "web", "id"))
    assert (caller.container, caller.container_id) == ("web", "id")


@pytest.mark.parametrize(
    ("known", "aim", "named"),
    [
        (Known("/usr/bin/x", "why", None, "web.service", uid=0), UNIT, True),
        (Known("/usr/bin/x", "why", None, "other.service", uid=0), UNIT, False),
        (Known("/usr/bin/x", "why", None, "app@*.service", uid=0), Aim("unit", "app@1000001.service"), True),
        (Known("/usr/bin/x", "why", None, "app@1000001.service", uid=0), Aim("unit", "app@1000001.service"), True),
        (Known("/usr/bin/x", "why", None, "web@*.service", uid=0), Aim("unit", "app@1000001.service"), False),
        (Known("/usr/bin/x", "why"), Aim("unit", "app@1000001.service"), False),
        (Known("/usr/bin/x", "why", container_id="id"), UNIT, False),
        (Known("/usr/bin/x", "why", container_id="id"), Aim("container", "web", "id"), True),
        (Known("python3", "why", pids=(7,)), UNIT, True),
        (Known("python3", "why", pids=(99,)), UNIT, False),
        (Known("/opt/app.py", CODE), UNIT, True),
        (Known("/usr/bin/python3", "why", "/opt/app.py", "web.service", uid=0), Aim("command", "x"), True),
    ],
)
def test_the_known_callers_that_the_target_covers_are_named_if_they_did_not_ask(known, aim, named):
    assert not_asked([known], [APP], [], aim) == ([known] if named else [])


def test_who_asked_is_not_named():
    known = [
        Known("python3", "it uses botocore", pids=(7,)),
        Known("/opt/app.py", CODE),
        Known("/usr/bin/python3", "the watch saw it ask", "/opt/app.py", "web.service", uid=0),
    ]
    (caller,) = asked([seen(passed=1)], UNIT)
    assert not_asked(known, [APP], [caller], UNIT) == []
    assert not_asked(known[:1], [APP], [replace(caller, outcome="other")], UNIT) == known[:1]
    assert len(not_asked([known[0]] * 3, [APP], [], UNIT)) == 1


@pytest.mark.parametrize(("pid", "named"), [(7, False), (8, True)])
def test_on_a_host_a_process_that_asked_is_known_without_a_list_of_processes(pid, named):
    """Nobody lists the processes of a whole host."""
    known = Known("python3", "it uses botocore", pids=(pid,))
    (caller,) = asked([seen(caller=replace(APP, started=77), passed=1)], Aim("host", "host"))
    assert not_asked([known], [], [caller], Aim("host", "host")) == ([known] if named else [])


def test_the_worst_come_first_and_are_kept_where_there_are_many():
    many = [KeptCaller(str(number), "token") for number in range(CALLERS_MAX)]
    worst = KeptCaller("old", "gave-up")
    kept = in_order([*many, worst], [Known("x", "why", uid=0)])
    assert kept[0] == worst and len(kept) == CALLERS_MAX
    (silent,) = in_order([], [Known("/usr/bin/python3", "why", "/opt/a.py", "web.service", uid=0)])
    assert (silent.program, silent.outcome, silent.known_by) == ("/opt/a.py", "silent", "why")
