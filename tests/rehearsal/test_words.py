"""What is said at the end of a rehearsal."""

from __future__ import annotations

from imds_probe.rehearsal import words
from imds_probe.rehearsal.callers import Seen, Totals
from imds_probe.rehearsal.leavers import MOVED, Left
from imds_probe.rehearsal.trying import End
from imds_probe.rules.known_callers import Known

FINE = Seen(7, "app", tokens=1, passed=3)
RECOVERED = Seen(8, "agent", refused=1, passed=1)
GAVE_UP = Seen(9, "old", refused=2, missed={"/x"})


def test_who_would_fail_comes_first():
    lines = words.summary([FINE, RECOVERED, GAVE_UP], Totals(3, 1, 4, 0), 61, 0)
    assert lines == [
        "rehearsed IMDSv2-only for 1 min 1 s: 3 requests without a token refused, 1 token handed out, "
        "4 requests with a token served",
        "CALLER             REFUSED  TOKENS  SERVED  RESULT",
        "old (process 9)          2       0       0  was refused without a token and did not ask with one: it would fail "
        "after the switch",
        "agent (process 8)        1       0       1  was refused without a token and then asked with one",
        "app (process 7)          0       1       3  asked with a token",
    ]
    assert words.gave_up([FINE, GAVE_UP]) and not words.gave_up([FINE, RECOVERED])


def test_who_is_known_and_did_not_ask_is_named_with_how_it_is_known():
    known = [Known(f"app{number}", "its code asks") for number in range(words.SILENT_MAX + 2)]
    lines = words.silent(known)
    assert lines[0] == "app0 did not ask, which proves nothing: its code asks"
    assert len(lines) == words.SILENT_MAX + 1 and lines[-1] == "2 more known callers did not ask"
    assert words.silent([]) == []


def test_silence_proves_nothing_and_lapses_are_said():
    lines = words.summary([], Totals(0, 0, 0, 0), 5, 2.4)
    assert "proves nothing" in lines[1]
    assert lines[2].startswith("requests went to the service directly for 2 s of that time")


def test_many_callers_are_cut():
    many = [Seen(number, "x", passed=1) for number in range(words.SHOWN_MAX + 3)]
    lines = words.summary(many, Totals(0, 0, 53, 0), 5, 0)
    assert len(lines) == words.SHOWN_MAX + 3 and lines[-1] == "3 more callers are not listed"


def test_a_long_name_widens_the_table_for_itself_alone():
    lines = words.summary([FINE, Seen(8, "/opt/" + "x" * 60, passed=1)], Totals(0, 1, 4, 0), 5, 0)
    assert [line.index("asked with a token") for line in lines[2:]] == [67, 104]


def test_who_left_is_named():
    assert words.left(Left(7, "job", MOVED)) == (
        "job (process 7) is in another control group: its requests are not rehearsed"
    )


def test_what_is_left_is_said_with_the_way_out():
    assert words.undone(End((), 0)) == ["the rehearsal is undone: nothing of it is left on this host"]
    assert words.undone(End((), 2)) == [
        "2 transfers did not end in time and were cut off",
        "the rehearsal is undone: nothing of it is left on this host",
    ]
    lines = words.undone(End(("the table x",), 1))
    assert lines == [
        "still there: the table x. Run `imds-probe rehearse --undo`.",
        "1 transfer did not end in time and was cut off",
    ]
