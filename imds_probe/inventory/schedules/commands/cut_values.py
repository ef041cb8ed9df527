"""What the shell cuts off a variable's value: "${NAME%/*}" is the directory of a path, "${NAME##*/}" its last part."""

from __future__ import annotations

from imds_probe.dataclass import dataclass

SIGNS = ("%%", "%", "##", "#")
_PATTERNS = frozenset("*?[]$`\\'\"")


@dataclass(frozen=True)
class Cut:
    """`text` is cut off at the end or, where it is `first`, at the beginning, with all `beyond` it, at the `longest` or not."""

    text: str
    first: bool
    beyond: bool
    longest: bool

    def of(self, value: str) -> str:
        if not self.beyond:
            return value.removeprefix(self.text) if self.first else value.removesuffix(self.text)
        from_end = self.first is self.longest
        before, sign, behind = value.rpartition(self.text) if from_end else value.partition(self.text)
        if not sign:
            return value
        return behind if self.first else before


def cut_by(rest: str) -> Cut | None:
    """What the text behind a variable's name cuts off; none where a pattern is more than one sign for all that is there."""
    sign = next((each for each in SIGNS if rest.startswith(each)), "")
    pattern = rest[len(sign) :]
    if not sign or not pattern:
        return None
    first = sign[0] == "#"
    text = pattern.removeprefix("*") if first else pattern.removesuffix("*")
    if not text or not _PATTERNS.isdisjoint(text):
        return None
    return Cut(text, first, beyond=text != pattern, longest=len(sign) > 1)
