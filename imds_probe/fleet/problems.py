"""What was in the files and is no report: counted by kind, the first ones by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from imds_probe.escape import encodable

Kind = Literal["unreadable", "damaged", "foreign", "newer", "misnamed", "unnamed", "image"]
# How each is said, to follow a number.
WORDS: Mapping[Kind, str] = {
    "unreadable": "could not be read",
    "damaged": "damaged or cut off",
    "foreign": "not from imds-probe",
    "newer": "of a later schema, which this version cannot read",
    "misnamed": "kept under a name that is not its own",
    "unnamed": "without the name of a host",
    "image": "of an image, not of a host",
}
NAMED_MAX, TEXT_MAX = 20, 300


class Problems:
    """`counts` has all of them, `named` the first of each kind: kind, place and reason."""

    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self.named: list[tuple[Kind, str, str]] = []

    def add(self, kind: Kind, place: str, reason: str) -> None:
        """`place` is the file and where in it, `reason` a clause; both may be hostile text."""
        self.counts[kind] += 1
        if self.counts[kind] <= NAMED_MAX:
            self.named.append((kind, encodable(place[-TEXT_MAX:]), encodable(reason[:TEXT_MAX])))

    def take(self, counts: Mapping[Kind, int], named: Sequence[tuple[Kind, str, str]]) -> None:
        """Those that another process found."""
        self.counts.update(counts)
        kept = Counter(kind for kind, _, _ in self.named)
        for kind, place, reason in named:
            if kept[kind] < NAMED_MAX:
                kept[kind] += 1
                self.named.append((kind, place, reason))
