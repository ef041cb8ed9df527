"""How much a page shows: the rest is counted, and is all in the JSON report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.widths import columns, within, within_end

T = TypeVar("T")

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Bounds:
    """`findings` are of each kind, `evidence` of each finding, `items` of any list; `width` is of a cell, in columns.
    `notes`: whether findings that ask for nothing come with their evidence and fix, too. `drawn`: whether there is room for what is
    drawn, which says again what tables and sentences say.
    """

    findings: int
    evidence: int
    containers: int
    callers: int
    software: int
    items: int
    width: int
    notes: bool
    drawn: bool


# SSM shows the first 2,500 characters.
SHORT = Bounds(
    findings=6, evidence=2, containers=20, callers=10, software=40, items=10, width=32, notes=False, drawn=False
)
# For a ticket: bounded only so that a browser can open it whatever a host holds.
LONG = Bounds(
    findings=200,
    evidence=20,
    containers=500,
    callers=500,
    software=2000,
    items=200,
    width=200,
    notes=True,
    drawn=True,
)


def first(entries: Sequence[T], limit: int) -> tuple[tuple[T, ...], str]:
    """The first ones, and how many there are beyond these, in words."""
    more = len(entries) - limit
    return tuple(entries[:limit]), f"and {more} more" if more > 0 else ""


def listed(entries: Sequence[str], limit: int) -> str:
    """A bounded list in one line."""
    shown, more = first(entries, limit)
    return ", ".join(shown) + (f" {more}" if more else "")


def cut(text: str, width: int) -> str:
    """The beginning of a long text."""
    return text if columns(text) <= width else f"{within(text, width - 3)}..."


def cut_front(text: str, width: int) -> str:
    """The end of a long text: that of a path or an image has the name and the version."""
    return text if columns(text) <= width else f"...{within_end(text, width - 3)}"


def known(value: object) -> str:
    """A value in words, where it may be that nobody knows it."""
    return NOT_KNOWN if value in (None, "unknown") else str(value)


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def percent(part: int, whole: int) -> float:
    """Rounded down, so that 100 means all; 0 of nothing."""
    return int(part * 1000 / whole) / 10 if whole else 0.0
