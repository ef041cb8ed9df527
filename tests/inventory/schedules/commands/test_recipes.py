from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

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
