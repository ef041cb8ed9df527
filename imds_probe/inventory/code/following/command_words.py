"""What code gives to be started, a list of words or one text for a shell, as command lines."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.shell_text import asked_by

CALLS_MAX = 500  # of one file
WORDS_MAX = 12
UNKNOWN = "$_"  # in a word: what only running tells
_INTERPRETER = re.compile(r"(?:ba|da|k|z)?sh|(?:python|perl|ruby|php|node)[\d.]{0,5}|java|sudo|env|nice|nohup|timeout")


def commands_of(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The command lines that these words are. A single one, or one with a blank in it, is a text for a shell."""
    if not words:
        return
    if len(words) > 1 and " " not in words[0].strip():
        found: Iterator[tuple[str, ...]] = iter([tuple(words[:WORDS_MAX])])
    else:
        found = iter(asked_by(words[0].encode("utf-8", "replace")).commands)
    yield from (each for each in found if _says_enough(each))


def _says_enough(words: Sequence[str]) -> bool:
    """Whether the program is known, and of an interpreter with what it is started."""
    if UNKNOWN in words[0]:
        return False
    if not _INTERPRETER.fullmatch(posixpath.basename(words[0])):
        return True
    given = [word for word in words[1:] if not word.startswith("-")]
    return bool(given) and UNKNOWN not in given[0]
