from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from imds_probe.inventory.schedules.commands import recipes
from imds_probe.inventory.schedules.commands.recipes import Rules, goals_of

MAKEFILE = """\
URL := http://x
export OTHER ?= $(URL)/y
.PHONY: all
all: fetch build
\t@echo done
fetch build: prepare
\t-curl -s $(OTHER) \\
\t\t>$@
# a comment
prepare: ; +mkdir ${OUT}
%.txt: %.in
\tconvert $$HOME $(shell date) $(MAKE)
include more.mk
"""
JUSTFILE = """\
url := "http://x"
default: fetch
    true
@fetch where='y' : (build "z")
    @curl {{ url }}/{{where}}
build to:
    make
"""


def text(content: str, goals: Sequence[str] = (), given: Mapping[str, str] | None = None, *, just: bool = False) -> str:
    rules = Rules(just)
    rules.add(content)
    return rules.text(goals, given or {})


@pytest.mark.parametrize(
    ("goals", "given", "expected"),
    [
        ((), {}, ["echo done", "curl -s http://x/y  \t\t>fetch", "curl -s http://x/y  \t\t>build", "mkdir"]),
        (("fetch",), {"URL": "z"}, ["curl -s z/y  \t\t>fetch", "mkdir"]),
        (("prepare",), {"OUT": "o"}, ["mkdir o"]),
        (("a.txt",), {}, ["convert $HOME $(shell date) make"]),
        (("none",), {}, []),
    ],
)
def test_what_make_runs(goals: Sequence[str], given: Mapping[str, str], expected: list[str]) -> None:
    assert [line.rstrip() for line in text(MAKEFILE, goals, given).split("\n") if line] == expected


def test_what_just_runs() -> None:
    assert text(JUSTFILE, just=True).split("\n") == ["true", "curl http://x/", "make"]
    assert text(JUSTFILE, ("build",), just=True) == "make"


def test_what_a_file_includes() -> None:
    rules = Rules()
    rules.add(MAKEFILE)
    assert rules.included == ["more.mk"]


def test_variables_that_hold_each_other_come_to_an_end() -> None:
    assert "x" in text("A = $(B)x\nB = $(A)\nall:\n\tx $(A)\n")


def test_goals_and_variables_of_a_command_line() -> None:
    assert goals_of(("-C", "/opt", "-j", "A=b", "all", None, "--quiet"), ("-C",)) == (["all"], {"A": "b"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("all:\n\ta\nifeq ($(X),1)\n\tb\nelse\n\tc\nendif\n\td\n", "a\nb\nc\nd"),
        ("A = curl\nA += -s\nA ?= x\nall:\n\t$(A)\n", "curl -s"),
        (".DEFAULT_GOAL := help\nall:\n\ta\nhelp:\n\th\n", "h"),
        ("%.o: %.c\n\tcc\nall: x.o\n\tb\n", "b\ncc"),
        ("all: [a]%\n[a]%:\n\tcc\n", "cc"),
        ("all:\n\t@cd x && y # there\n\tz\n", "(cd x && y # there\n)\nz"),
        (".ONESHELL:\nall:\n\tcd x\n\tz\n", "cd x\nz"),
        ("elsewhere:\n\ta\n", "a"),
    ],
)
def test_what_make_runs_by_default(content: str, expected: str) -> None:
    assert text(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("_default:\n  @a\nb:\n  c\n", "a"),
        ('set shell := ["bash", "-cu"]\nalias x := b\nb:\n  c\n', "c"),
        ("b:\n  #!/bin/bash\n  cd x\n  c\n", "#!/bin/bash\ncd x\nc"),
    ],
)
def test_what_just_runs_by_default(content: str, expected: str) -> None:
    assert text(content, just=True) == expected


def test_variables_and_goals_that_stand_for_many_of_each_other() -> None:
    of_each_other = "".join(f"{one} = {f'$({other})' * 200}\n" for one, other in zip("ABCD", "BCDE", strict=True))
    assert len(text(f"{of_each_other}E = x\nall:\n\t$(A)\n")) == recipes.LINE_MAX
    goals = " ".join(f"g{number}" for number in range(100))
    needed = " ".join(f"n{number}" for number in range(500))
    rules = Rules()
    rules.add(f"{goals}: {needed}\n" * 100 + f"\t{'x' * 3000}\n" * 200)
    assert max(map(len, rules.needed.values())) <= recipes.NEEDED_MAX
    assert len(rules.text(["g1"], {})) < recipes.TEXT_MAX + 2 * recipes.LINE_MAX
