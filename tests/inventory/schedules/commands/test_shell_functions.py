"""Functions have what stands in their braces, and arguments are what was given or one of it."""

from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.shell_commands import CALLED_MAX, Command, Shell
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN, Arguments, is_number


def made(text: str) -> Shell:
    shell = Shell({})
    list(shell.commands(text))
    return shell


def words(shell: Shell, name: str, *given: str) -> list[tuple[str | None, ...]]:
    return [each.words for each in shell.called(shell.functions[name], given)]


@pytest.mark.parametrize(
    "text",
    [
        'f() { a "$1"; }; b\n',
        'f ()\n{\n  a "$1"\n}\nb\n',
        'function f {\n  a "$1"\n}\nb\n',
        'function f() { if x; then a "$1"; fi }\nb\n',
        'f() ( a "$1" )\nb\n',
        'f() { { a "$1"; } >&2; }\nb\n',
        'f() {\n case "$1" in\n  x) a "$1" ;;\n esac\n}\nb\n',
    ],
)
def test_a_call_has_the_commands_between_the_braces_with_what_it_is_given(text: str) -> None:
    shell = made(text)
    called = words(shell, "f", "x")
    assert ("a", "x") in called
    assert ("b",) not in called


@pytest.mark.parametrize(
    "text", ["if (a); then b; fi\n", "for ((i=0; i<3; i++)); do a; done\n", "A=(a b)\n", "ls @(a|b)\n"]
)
def test_not_every_bracket_behind_a_word_makes_a_function(text: str) -> None:
    assert made(text).functions == {}


def test_where_a_function_is_made_its_arguments_are_not_known_and_a_scripts_own_are() -> None:
    shell = Shell({}, arguments=Arguments(("x",)))
    commands = list(shell.commands('f() { a "$1"; }; b "$1"\n'))
    assert [(each.words, bool(each.within)) for each in commands] == [(("a", None), True), (("b", "x"), False)]


def test_what_calls_itself_ends_and_so_do_too_many_calls() -> None:
    shell = made('f() { a; f "$1"; }\ng() { a; a; a; a; }\n')
    found: list[Command] = []

    def follow(command: Command) -> None:
        found.append(command)
        if command.words[0] == "f":
            for each in shell.called(shell.functions["f"], []):
                follow(each)

    for each in shell.called(shell.functions["f"], ["x"]):
        follow(each)
    assert [each.words[0] for each in found] == ["a", "f"]
    for _ in range(CALLED_MAX):
        words(shell, "g")
    assert shell.calls_too_many
    assert words(shell, "g") == []


def test_what_a_function_leads_to_may_depend_on_another_one() -> None:
    shell = made("f() { g x; }\ng() { f y; h; }\nh() { a; }\n")
    assert not shell.depends(shell.functions["f"])
    shell.functions["h"].depends = True
    assert shell.depends(shell.functions["f"])


def test_arguments_that_are_taken_one_after_the_other_may_each_be_the_first() -> None:
    plain = Arguments.of_script(["-v", "x"], 'a "$2"')
    assert (plain.value(2), plain.value(3), plain.commands()) == ("x", "", [("-v", "x")])
    taken = Arguments.of_script(["-v", "x", "a=b"], 'while [ "$1" ]; do shift; done')
    assert (taken.value(1), taken.commands()) == ("{-v,x}", [("-v", "x", "a=b"), ("x", "a=b"), ("a=b",)])
    assert Arguments.of_script(["x"], "getopts e: o").value(1) == "x"
    assert Arguments.of_script(["x", None], "shift").value(1) == UNKNOWN
    assert Arguments((), shifts=True).value(1) == ""
    assert [is_number(name) for name in ("1", "10", "0", "x", "@")] == [True, True, False, False, False]
