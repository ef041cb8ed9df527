from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands import shell_commands
from imds_probe.inventory.schedules.commands.shell_commands import COMMANDS_MAX, TEXT_MAX, Shell
from imds_probe.inventory.schedules.commands.shell_functions import FUNCTIONS_DEEP_MAX, Function
from imds_probe.inventory.schedules.commands.simple_commands import Step


def commands(text: str, **variables: str) -> list[tuple[str | None, ...]]:
    return [command.words for command in Shell(dict(variables)).commands(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b && c || d; e | f &", [("a", "b"), ("c",), ("d",), ("e",), ("f",)]),
        (
            "if [ -x /b ]; then /b; elif x; then y; else z; fi",
            [("[", "-x", "/b", "]"), ("/b",), ("x",), ("y",), ("z",)],
        ),
        ("for f in a b; do c $f; done", [("c", "{a,b}")]),
        ("for f in /d/*; do $f; done", [("/d/*",)]),
        ("for f in $(x); do $f; done", [("x",), (None,)]),
        ('for f in "$@"; do $f; done', [(None,)]),
        ("while read x; do y; done <z", [("read", "x"), ("y",)]),
        ('case "$1" in start) a ;; stop|halt) b ;; *) c ;; esac', [("a",), ("b",), ("c",)]),
        ("f() { a; }\nfunction g {\nb\n}\n{ c; }", [("a",), ("b",), ("c",)]),
        ("! a; time b", [("a",), ("b",)]),
        ('x["$n"]=$v; x[1]+=$(b); y[$n]="c d"; a', [("b",), ("a",)]),
        ("x[; x[a] b; [ -n x ]", [("x[",), ("x[a]", "b"), ("[", "-n", "x", "]")]),
        ("time -p a; time -f %E b", [("a",), ("time", "-f", "%E", "b")]),
        ("[[ -f x ]] && a", [("a",)]),
        ("(cd /x && a); b", [("cd", "/x"), ("a",), ("b",)]),
        ('x=$(a b) c "$(d)"', [("a", "b"), ("d",), ("c", None)]),
        ("a `b`", [("b",), ("a", None)]),
        ("a $(b $(c))", [("c",), ("b", None), ("a", None)]),
        ('A=1; B=$A/2; x $A ${B} "$B" ${C:-3} $D', [("x", "1", "1/2", "1/2", "3", None)]),
        ('H=/h; ${C:-$H/x} "${C:-"${H}"/y}" ${C-${D:-${H}}}', [("/h/x", "/h/y", "/h")]),
        ('H=/h; A=${C:-$H}; B="${C:-"$H"/z}"; $A "$B"', [("/h", "/h/z")]),
        ("A=; H=/h; ${A:-$H/x} ${H:-y}", [("/h/x", "/h")]),
        (': "${A:=/h}"; B=${C:=$A/b}; $A $B $C', [(":", "/h"), ("/h", "/h/b", "/h/b")]),
        ("${C:-$(a)/b} ${C:-'$H'} \"${C:-'d'}\"", [("a",), ("/b", "$H", "d")]),
        ("A=1 x $A", [("x", None)]),
        ("$CMD x", [("/b", "-q", "x")]),
        ('"$CMD" x', [("/b -q", "x")]),
        ("$(a)", [("a",), (None,)]),
        ("exec > >(a -b) 2>&1", [("a", "-b"), ("exec",)]),
        ('> "/x.$(a)"; exec 3< <(b); c &> "$(d)/y" e', [("a",), ("b",), ("exec",), ("d",), ("c", "e")]),
        ("sh < <(a)", [("a",), ("sh", None)]),
        ("'if' x", [("if", "x")]),
        ("A= x", [("x",)]),
        ("", []),
        (") ( ; && fi esac", []),
    ],
)
def test_simple_commands(text: str, expected: list[tuple[str | None, ...]]) -> None:
    assert commands(text, CMD="/b -q") == expected


def test_variables_before_a_command_are_its_own() -> None:
    shell = Shell({})
    (command,) = shell.commands("A=1 B='x y' c")
    assert command.assigned == {"A": "1", "B": "x y"}
    assert shell.variables == {}


def test_how_many_shells_a_command_is_within() -> None:
    levels = [(command.words[0], command.level) for command in Shell({}).commands("a; (b; (c); d); e $(f)")]
    assert levels == [("a", 0), ("b", 1), ("c", 2), ("d", 1), ("f", 1), ("e", 0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"$(dirname "$0")"/x', "/opt/app/x"),
        ('"$(cd "$(dirname "$0")" && pwd)/x"', "/opt/app/x"),
        ("$(readlink -f /a/../b)", "/b"),
        ("$(basename $0)", "run.sh"),
        ("$(which aws)", "aws"),
        ("$(command -v aws)", "aws"),
        ("$(date)", None),
        ("$(cat x | head)", None),
    ],
)
def test_a_substitution_that_takes_a_path_apart_is_known(text: str, expected: str | None) -> None:
    assert commands(f"x {text}", **{"0": "/opt/app/run.sh"})[-1] == ("x", expected)


def test_functions_are_known_by_their_names() -> None:
    shell = Shell({})
    list(shell.commands("f() {\n a\n}\nf x"))
    assert set(shell.functions) == {"f"}


def test_what_has_no_end_is_said() -> None:
    for text, problem in (
        ("$(" * 50 + "a" + ")" * 50, shell_commands.TOO_DEEP),
        ("a;" * (COMMANDS_MAX + 5), shell_commands.TOO_MANY),
        ("a" * (TEXT_MAX + 1), shell_commands.TOO_LONG),
    ):
        shell = Shell({})
        assert len(list(shell.commands(text))) <= COMMANDS_MAX
        assert shell.problems == [problem]


def test_functions_in_each_other_without_end_cost_no_more_than_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    original = Function.take

    def counted(self: Function, step: Step) -> bool:
        taken.append(step)
        return original(self, step)

    monkeypatch.setattr(Function, "take", counted)
    deep = 1000
    assert commands("f() { " * deep + "/opt/x; " + "}; " * deep) == [("/opt/x",)]
    assert len(taken) < 5 * deep * FUNCTIONS_DEEP_MAX
