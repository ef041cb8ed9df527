"""Code as people write it: snippets/*.txt, each piece behind a line "==== NAME | PATH | SPEAKS:LINE".

The path is the one that the file has, the line that of the word to show, left out where it makes no difference; "nothing" is
said of a file that has none of the words. What only statements tell, which byte code has none of, is apart from the rest of
Python's. "@700*text@" is the text so often.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from imds_probe.facts.code import Speaks

HEAD = re.compile(r"^==== (.+) \| (.+) \| (\w+)(?::(\d+))?\n", re.MULTILINE)
REPEATED = re.compile(r"@(\d+)\*(.+?)@")


@dataclass(frozen=True)
class Snippet:
    """A piece of code, and what it says."""

    name: str
    path: str
    text: str
    speaks: Speaks | None
    line: int | None

    @property
    def content(self) -> bytes:
        return self.text.encode()


def snippets() -> list[Snippet]:
    """All there are."""
    return [each for file in sorted(Path(__file__).with_name("snippets").glob("*.txt")) for each in _of(file)]


def named(name: str) -> Snippet:
    return next(each for each in snippets() if each.name == name)


def _of(file: Path) -> list[Snippet]:
    parts = HEAD.split(file.read_text())[1:]
    found = []
    for name, path, speaks, line, text in zip(*(parts[at::5] for at in range(5)), strict=True):
        whole = REPEATED.sub(lambda match: match[2] * int(match[1]), text)
        said = None if speaks == "nothing" else cast(Speaks, speaks)
        found.append(Snippet(f"{file.stem}: {name}", path, whole, said, int(line) if line else None))
    return found
