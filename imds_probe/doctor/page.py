"""What the checks found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imds_probe import __version__
from imds_probe.doctor.check import State
from imds_probe.doctor.checks import Told
from imds_probe.escape import terminal
from imds_probe.render.lines import Style

SCHEMA = "imds-probe.doctor/v1"
COLOURS: dict[State, str] = {"ok": "green", "limited": "yellow", "missing": "red"}
WORD = max(map(len, COLOURS)) + 2  # columns
INDENT = " " * (WORD + 2)


def lines(told: Sequence[Told], root: Path, style: Style, *, everything: bool) -> Iterator[str]:
    """What is not in order with its costs and remedy, first what is missing. `everything`: what is in order, too, in its place."""
    yield style.wrap(sentence(told), "", "")
    shown = told if everything else sorted((each for each in told if each.state != "ok"), key=_graver)
    for each in shown:
        word = style.paint(f"{each.state:<{WORD}}", COLOURS[each.state])
        text = style.wrap(f"{each.check}: {each.found}", INDENT, f"{INDENT}  ")
        yield f"{word}{text[WORD:]}" if everything else f"\n{word}{text[WORD:]}"
        if each.unknown:
            yield style.wrap(
                f"unknown or incomplete without it: {'; '.join(each.unknown)}", f"{INDENT}  ", f"{INDENT}  "
            )
        if each.costs:
            yield style.wrap(f"costs: {'; '.join(each.costs)}", f"{INDENT}  ", f"{INDENT}  ")
        if each.remedy:
            yield style.wrap(f"do: {each.remedy}", f"{INDENT}  ", f"{INDENT}  ")
    if not everything:
        fine = list(dict.fromkeys(each.check for each in told if each.state == "ok"))
        yield ""
        yield style.wrap(f"in order: {', '.join(fine)}", "", "  ")
        again = f" --root {root}" if root != Path("/") else ""
        yield style.paint(f"all that was looked at: {terminal(f'imds-probe doctor --verbose{again}')}", "dim")


def sentence(told: Sequence[Told]) -> str:
    """What it comes to."""
    missing, limited = (sum(each.state == state for each in told) for state in ("missing", "limited"))
    if missing:
        return (
            f"{_things(missing)} that the verdict rests on {'is' if missing == 1 else 'are'} missing on this host"
            + (f", and {_things(limited)} {'is' if limited == 1 else 'are'} limited." if limited else ".")
        )
    if limited:
        are = "is" if limited == 1 else "are"
        return f"Nothing that the verdict rests on is missing on this host. {_things(limited)} {are} limited."
    return "Nothing is missing on this host: a run sees all that it can see."


def document(told: Sequence[Told], root: Path, code: int) -> dict[str, Any]:
    """The same as an object for JSON."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "root": str(root),
        "exit_code": code,
        "checks": [
            {
                "id": each.check,
                "state": each.state,
                "found": each.found,
                "unknown": list(each.unknown),
                "costs": list(each.costs),
                "remedy": each.remedy,
            }
            for each in told
        ],
    }


def _graver(told: Told) -> bool:
    return told.state != "missing"


def _things(count: int) -> str:
    return f"{count} thing{'' if count == 1 else 's'}"
