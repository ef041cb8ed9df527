"""The text of unit files: sections, assignments, lines that go on. systemd.syntax(7)."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.dataclass import dataclass

ASSIGNMENTS_MAX = 5000  # of one file
VALUE_MAX = 64 * 1024
BLANK = " \t\r"
INCLUDE = ".include "  # until systemd 246
_COMMENTS = ("#", ";")


@dataclass(frozen=True)
class Assignment:
    """`key` in `section` is given `value` in this line of this file. The section and key of an old "include" are empty."""

    section: str
    key: str
    value: str
    path: str
    line: int


def assignments(text: str, path: str) -> Iterator[Assignment]:
    """In the order of the file. Whatever makes no sense is passed over, as systemd does."""
    section, left = "", ASSIGNMENTS_MAX
    for number, line in _whole_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line.startswith(INCLUDE):
            left -= 1
            yield Assignment("", "", line.removeprefix(INCLUDE).strip(BLANK), path, number)
        else:
            key, sign, value = line.partition("=")
            if sign and section:
                left -= 1
                yield Assignment(section, key.strip(BLANK), value.strip(BLANK)[:VALUE_MAX], path, number)
        if left <= 0:
            return


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments; where one ends in a backslash, the next goes on, behind a space."""
    begun: list[str] = []
    first = 0
    for number, raw in enumerate(text.split("\n"), 1):
        stripped = raw.strip(BLANK)
        if stripped.startswith(_COMMENTS) or (not stripped and not begun):
            continue  # also between lines of which one goes on
        first = first if begun else number
        if stripped.endswith("\\"):
            begun.append(stripped[:-1])
            continue
        yield first, " ".join([*begun, stripped]).strip(BLANK)
        begun = []
    if begun:
        yield first, " ".join(begun).strip(BLANK)
