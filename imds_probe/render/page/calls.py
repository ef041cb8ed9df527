"""The words for calls, those of a report and those of a live watch. Apart from callers.py, so that a watch need not load
what a report takes.
"""

from __future__ import annotations

from imds_probe.render.page.bounds import count

COLUMNS = ("version", "calls", "refused", "last call", "program", "unit", "container", "asked for")
SPARE = ("last call", "container", "unit")  # the columns that a narrow terminal can do without, the first one first
NONE = "-"  # there is none, which is known
UNKNOWN = "unknown process"


def calls(imdsv1: int, imdsv2: int) -> str:
    """How many calls there were."""
    return f"{count(imdsv1, 'IMDSv1 call')} and {count(imdsv2, 'IMDSv2 call')}"


def lost(packets: int) -> str:
    """A sentence with a space before it, where calls may be missing; empty otherwise."""
    return f" {count(packets, 'packet')} came too fast to be inspected." if packets else ""


def not_confirmed(requests: int) -> str:
    """The same where requests were seen that somebody may have forged."""
    return f" {count(requests, 'more request')} by IMDSv1 could not be confirmed." if requests else ""


def program(name: str) -> str:
    """The program in words: "unknown" is one that nobody saw."""
    return UNKNOWN if name == "unknown" else name
