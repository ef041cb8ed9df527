"""What is run on each way to another place of a script."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_settings import branches
from imds_probe.inventory.code.forms.shell_ways import STEPS_MAX, Ways


def leads(text: str) -> bool:
    """Whether "first" is run on each way to "then"."""
    functions = {name: text.find(f"{name}() {{") for name in ("a", "b", "c") if f"{name}() {{" in text}
    return Ways(text, functions, list(branches(text))).leads(text.index("FIRST"), text.index("SECOND"))


@pytest.mark.parametrize(
    "text",
    [
        "FIRST\nSECOND\n",
        "for i in 1 2 3; do\n  FIRST\ndone\nSECOND\n",
        "for i in {1..5}; do\n  FIRST && break\ndone\nSECOND\n",
        "for i in $(seq 1 5)\ndo\n  FIRST\ndone\nSECOND\n",
        "while true; do\n  FIRST\n  SECOND\ndone\n",
        "until FIRST; do\n  sleep 1\ndone\nSECOND\n",
        "if x; then\n  FIRST\n  SECOND\nfi\n",
        "x && {\n  FIRST\n  SECOND\n}\n",
        "a() {\n  FIRST\n}\na\nSECOND\n",
        "a() {\n  FIRST\n}\nb() {\n  SECOND\n}\nc() {\n  a\n  b\n}\nc\n",
        "b() {\n  SECOND\n}\na() {\n  FIRST\n}\na\nb\n",
        "a() {\n  FIRST\n}\na || exit 1\nSECOND\n",
    ],
)
def test_it_does(text: str) -> None:
    assert leads(text)


@pytest.mark.parametrize(
    "text",
    [
        "SECOND\nFIRST\n",
        "for i in $LIST; do\n  FIRST\ndone\nSECOND\n",
        "while read -r i; do\n  FIRST\ndone < /etc/list\nSECOND\n",
        "if x; then\n  FIRST\nfi\nSECOND\n",
        "x && FIRST\nSECOND\n",
        "x &&\n  FIRST\nSECOND\n",
        "x && {\n  date\n  FIRST\n}\nSECOND\n",
        "x || { date; FIRST; }\nSECOND\n",
        "case $1 in\n x)\n  FIRST\n  ;;\n *)\n  SECOND\n  ;;\nesac\n",
        "case $1 in\n x)\n  FIRST\n  ;;\nesac\nSECOND\n",
        "a() {\n  FIRST\n}\nSECOND\n",
        "a() {\n  FIRST\n}\nSECOND\na\n",
        "a() {\n  FIRST\n}\nx && a\nSECOND\n",
        "a() {\n  FIRST\n}\na &\nSECOND\n",
        "a() {\n  FIRST\n}\n( a )\nSECOND\n",
        "a() {\n  FIRST\n}\nx | a\nSECOND\n",
        "a() {\n  FIRST\n}\na | x\nSECOND\n",
        "a() {\n  FIRST\n}\nif x; then\n  a\nfi\nSECOND\n",
        "a() {\n  x && return\n  FIRST\n}\na\nSECOND\n",
        "b() {\n  SECOND\n}\na() {\n  FIRST\n}\nb\na\nb\n",
        "a() {\n  FIRST\n}\nb() {\n  SECOND\n}\nc() {\n  b\n  a\n}\nc\n",
    ],
)
def test_it_does_not(text: str) -> None:
    assert not leads(text)


def test_functions_that_call_each_other_end() -> None:
    calls = "  b\n" * 15
    assert not leads(f"a() {{\n{calls}  FIRST\n}}\nb() {{\n{calls.replace('b', 'a')}}}\nSECOND\n")


def test_what_would_take_too_many_steps_is_not_known() -> None:
    ways = Ways("FIRST\nSECOND\n", {}, ())
    assert [ways.leads(0, 6) for _ in range(STEPS_MAX + 1)].count(True) == STEPS_MAX


def test_what_may_come_after() -> None:
    ways = Ways("FIRST\nSECOND\n", {}, ())
    assert ways.may_come_after(0, 6) and not ways.may_come_after(6, 0)
    assert Ways("while x; do\nFIRST\nSECOND\ndone\n", {}, ()).may_come_after(18, 12)
    assert Ways("a() {\nFIRST\n}\nSECOND\n", {"a": 0}, ()).may_come_after(14, 6)
