"""What a page is made of. Text in blocks is raw and may be hostile: who lays it out escapes it."""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.findings import Severity

EVIDENCE, ACCEPTED, FIX, SETTLES = "evidence", "accepted", "fix", "settles"  # what renderers put before a finding's own


# What colour a thing has where there are colours: it goes well, it takes care, it does not work, nobody knows, or none of these.
Tone = Literal["good", "care", "bad", "unknown", "plain"]


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Fields:
    """Names and their values, a line each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Share:
    """A part of a whole: its name, and how many it is of."""

    name: str
    number: int
    tone: Tone


@dataclass(frozen=True)
class Table:
    """Rows under `columns`, each as long as these. `more` says how many rows were left out, and is empty where none was.
    `title` is empty where the heading of the part is enough. Where there is no room for all, the column `below` may stand under
    the row, and the columns `spare` may be left out, the first one first. `bars` has for each row what may be drawn beside its
    numbers, which say the same; it is empty where nothing is.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""
    title: str = ""
    spare: tuple[str, ...] = ()
    below: str = ""
    bars: tuple[tuple[Share, ...], ...] = ()


@dataclass(frozen=True)
class Command:
    """A command to paste, on one line whatever its length."""

    command: str


@dataclass(frozen=True)
class Code:
    """Commands or a part of a file, to paste as they are, each line on one line whatever its length. `label` says what they are,
    and is empty where what stands before them says it.
    """

    lines: tuple[str, ...]
    label: str = ""


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


@dataclass(frozen=True)
class Figures:
    """What a reader wants to know at once: what it is, its value, and how good that is."""

    figures: tuple[tuple[str, str, Tone], ...]


@dataclass(frozen=True)
class Shares:
    """The parts of a whole, in an order that means something."""

    title: str
    shares: tuple[Share, ...]

    @property
    def whole(self) -> int:
        return sum(each.number for each in self.shares)


@dataclass(frozen=True)
class Curve:
    """How a percentage grows, step after step: `points` has it after 0, 1, 2 and more steps. `marks` are percentages worth a line
    of their own. `summary` says in whole sentences what the curve shows.
    """

    title: str
    steps: str
    points: tuple[float, ...]
    marks: tuple[int, ...]
    summary: str


@dataclass(frozen=True)
class Lane:
    """The way of a token response to containers that have the same one. `names` are the first containers of `number`. The stops
    before them are `stop_names`, from the host on: none where the containers share the host's network, as `shares_host` says, or
    have an interface of the instance to themselves. `hops` says of each stop and at last of the containers how many hops beyond
    the instance it is, of several routers in one stop the first, and None where that is not known. The response reaches the
    first `arrives` of all these, None where nobody knows how many. Where it is not `asked` for, none comes. `needs` is the hop
    limit that brings it to the containers, None where it is not known.
    """

    names: tuple[str, ...]
    number: int
    stop_names: tuple[str, ...]
    hops: tuple[int | None, ...]
    arrives: int | None
    asked: bool
    needs: int | None
    tone: Tone
    sentence: str
    shares_host: bool = False


@dataclass(frozen=True)
class Ways:
    """The ways of token responses from the service to containers, as far as the hop limit carries them. `more` says how many are
    not drawn, and is empty where all are. `limit` is the hop limit, None where it is not known. `to_host`: the host itself
    receives a token.
    """

    title: str
    limit: int | None
    lanes: tuple[Lane, ...]
    more: str = ""
    to_host: bool = False


@dataclass(frozen=True)
class Step:
    """One of several steps in their order, with what its reader needs to make it."""

    what: str
    number: int
    blocks: tuple[Text | Code, ...] = ()


Block = Text | Fields | Table | Command | Code | Item | Figures | Shares | Curve | Ways | Step


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
