"""A line comes to the same whenever it is asked, and to what the lines before it leave it."""

from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.shell_text import Line, Substituted, lines
from imds_probe.inventory.schedules.commands.simple_commands import START, STATES_MAX, Simple, State, taken


def only(text: str) -> Line:
    (line,) = lines(text)
    return line


def simple(text: str) -> Simple:
    ((step, *rest), state) = taken(only(text), START)
    assert not rest
    assert state == START
    assert step.simple is not None
    return step.simple


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cp -- 'a b' \"\" c\n", ("cp", "--", "a b", "", "c")),
        ("if ! test -e x\n", ("test", "-e", "x")),
        ("A=1 date\n", ("date",)),
        ("A=1\n", ()),
        ("cp $A b\n", None),
    ],
)
def test_words_that_nothing_has_to_be_put_into_are_known(text: str, words: tuple[str, ...] | None) -> None:
    assert simple(text).fixed == words


def test_what_stands_before_and_within_a_command_is_taken_apart() -> None:
    found = simple('A=x"$(date)" B=2 echo "`id`"\n')
    assert found.substituted == ("date", "id")
    assert found.assigned == (("A", ("x", Substituted("date"))), ("B", ("2",)))


def test_functions_and_shells_within_are_said_in_order() -> None:
    steps, state = taken(only("f() { (cd /x; y); }\n"), START)
    assert state == START
    said = [(each.function, each.simple and each.simple.fixed, each.opened) for each in steps]
    assert said[0] == ("f", None, 1)
    assert sum(opened for _, _, opened in said) == 0
    assert [fixed for _, fixed, _ in said if fixed] == [("cd", "/x"), ("y",)]


def test_a_pattern_is_no_command_and_the_next_line_knows_it() -> None:
    steps, within = taken(only('case "$1" in\n'), START)
    assert (steps, within) == ((), (1, True))
    line = only("stop) halt ;;\n")
    steps, behind = taken(line, within)
    assert [each.simple.fixed for each in steps if each.simple] == [("halt",)]
    assert behind == (1, True)
    assert taken(only("esac\n"), behind) == ((), START)
    steps, _ = taken(line, START)  # where no pattern is expected it is a command
    assert [each.simple.fixed for each in steps if each.simple] == [("stop",), ("halt",)]


def test_a_line_is_taken_apart_once_for_each_state_and_within_bounds() -> None:
    line = only("date ;;\n")
    first, _ = taken(line, START)
    assert taken(line, START)[0] is first
    states: list[State] = [(number, False) for number in range(STATES_MAX * 3)]
    said = [taken(line, state) for state in states]
    assert [taken(line, state) for state in states] == said
    assert len(line.taken) == STATES_MAX
