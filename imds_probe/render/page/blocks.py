"""What a page is made of. Text in blocks is raw and may be hostile: who lays it out escapes it."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.findings import Severity

EVIDENCE, ACCEPTED, FIX, SETTLES = "evidence", "accepted", "fix", "settles"  # what renderers put before a finding's own


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Fields:
    """Names and their values, a line each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows under `columns`, each as long as these. `more` says how many rows were left out, and is empty where none was.
    `title` is empty where the heading of the part is enough. Where there is no room for all, the column `below` may stand under
    the row, and the columns `spare` may be left out, the first one first.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""
    title: str = ""
    spare: tuple[str, ...] = ()
    below: str = ""


@dataclass(frozen=True)
class Command:
    """A command to paste, on one line whatever its length."""

    command: str


@dataclass(frozen=True)
class Code:
    """Commands or a part of a file, to paste as they are, each line on one line whatever its length."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One finding. `evidence`, `fix` and `settled_by` are empty where there is none, or where the page has no room for it.
    `accepted` says by whom, until when and why its risk is accepted, and is empty where it is not.
    """

    severity: Severity
    summary: str
    evidence: tuple[str, ...] = ()
    fix: str = ""
    commands: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    accepted: str = ""

    @property
    def labelled(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What stands below the summary and before the commands: labels with their lines, of which none is empty."""
        lines = (
            (EVIDENCE, self.evidence),
            (ACCEPTED, (self.accepted,) if self.accepted else ()),
            (SETTLES, ("; or ".join(self.settled_by),) if self.settled_by else ()),
            (FIX, (self.fix,) if self.fix else ()),
        )
        return tuple((label, said) for label, said in lines if said)


Block = Text | Fields | Table | Command | Code | Item


@dataclass(frozen=True)
class Part:
    """Blocks under a heading."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Hint:
    """Where to read on: what the command shows, and the command."""

    shows: str
    command: str


@dataclass(frozen=True)
class Page:
    """`colour` is red, yellow or green. `host` is what the host is called, empty where nothing is known of it."""

    headline: str
    colour: str
    host: str
    sentence: str
    parts: tuple[Part, ...]
    hints: tuple[Hint, ...]
