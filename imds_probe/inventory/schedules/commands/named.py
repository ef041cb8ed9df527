"""What a script names, as far as its text alone shows it: files to ask for before the script is followed."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.schedules.commands.programs import MARK, SHELLS

BESIDE_MAX = 20  # files that a script names, and that are asked for together
_FILE_NAME = re.compile(r"[\w.+-]{1,255}")
_BEGINS_LINE = re.compile(r"^[ \t]{0,20}(?:(?:exec|\.|source)[ \t]{1,10})?(/[\w./+-]{1,255})", re.MULTILINE)


def beside(text: str, script: str) -> list[str]:
    """What a script names that lies beside it, which is what it mostly reads and starts."""
    directory = f"{posixpath.dirname(script).rstrip('/')}/"
    found: dict[str, None] = {}
    at = text.find(directory) if directory != "/" else -1
    while at >= 0 and len(found) < BESIDE_MAX:
        if name := _FILE_NAME.match(text, at + len(directory)):
            found[f"{directory}{name[0]}"] = None
        at = text.find(directory, at + len(directory))
    return list(found)


def named(text: str, script: str) -> Iterator[str]:
    """The same, and what its lines begin with."""
    yield from beside(text, script)
    for match in itertools.islice(_BEGINS_LINE.finditer(text), BESIDE_MAX):
        yield posixpath.normpath(match[1])


def is_for_shell(text: str) -> bool:
    """Whether a shell is named in the first line of a script."""
    first = text.partition("\n")[0].removeprefix(MARK.decode()).split()
    return any(posixpath.basename(word) in SHELLS for word in first[:2])
