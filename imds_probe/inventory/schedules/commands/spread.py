"""What patterns of a shell stand for, in names of files and of directories, with braces: bash(1), "Pathname Expansion"."""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
import re
from collections.abc import Callable, Sequence

VARIANTS_MAX = 100  # of one command
LOOKED_AT_MAX, LISTED_MAX = 1000, 200  # paths at once, of which most may lead nowhere, and directories
BRACES_MAX = 10  # of one word
SIGNS = "*?["
_PATTERN = re.compile(
    r"[\w./@+~:-]{0,300}(?:\{\}?[\w./@+*?,{\[\]-]{1,2000}\}|[*?]|\[[\w!^-]{1,60}\])[\w./@+*?{},\[\]!^~:-]{0,2000}"
)
_BRACES = re.compile(r"\{([^{}]{1,2000})\}")
_NUMBERS = re.compile(r"(\d{1,6})\.\.(\d{1,6})")

Names = Callable[[str], Sequence[str]]
There = Callable[[Sequence[str]], Sequence[str]]


def variants(
    words: Sequence[str | None], names: Names, directory: str = "/", there: There = list, *, deep: bool = True
) -> list[tuple[str | None, ...]]:
    """A command for each of what its first words stand for, where they are patterns, and one more than VARIANTS_MAX where these are
    more; `names` gives those in a directory, and `there` the paths that lead somewhere. Without `deep` a pattern in the name of a
    directory stands for itself, but for the program's.
    """
    found: list[tuple[str | None, ...]] = [tuple(words)]
    for at, word in enumerate(words[:3]):
        if word is not None and _PATTERN.fullmatch(word):
            spread: list[str] = []
            for one in alternatives(word):
                spread += _matching(one, names, directory, there) if deep or not at else _beside(one, names)
                if len(spread) > VARIANTS_MAX:
                    break
            spread = spread[: VARIANTS_MAX + 1] or ([word] if at else [])
            every = ((*each[:at], one, *each[at + 1 :]) for each in found for one in spread)
            found = list(itertools.islice(every, VARIANTS_MAX + 1))
    return found


def alternatives(word: str) -> list[str]:
    """What a word with braces stands for: {a,b}, {1..3}."""
    found = [word]
    for _ in range(min(word.count("{"), BRACES_MAX)):
        spread = [each for one in found for each in _of_braces(one)][: VARIANTS_MAX + 1]
        if spread == found:
            break
        found = spread
    return found


def _of_braces(word: str) -> list[str]:
    """What the first braces stand for that are no text."""
    for braces in _BRACES.finditer(word):
        numbers = _NUMBERS.fullmatch(braces[1])
        if numbers:
            first, last = int(numbers[1]), int(numbers[2])
            step = 1 if last >= first else -1
            inside = [str(each) for each in range(first, last + step, step)[: VARIANTS_MAX + 1]]
        elif "," in braces[1]:
            inside = braces[1].split(",")[: VARIANTS_MAX + 1]
        else:
            continue
        return [f"{word[: braces.start()]}{each}{word[braces.end() :]}" for each in inside]
    return [word]


def _beside(path: str, names: Names) -> list[str]:
    """The files whose names fit; a pattern in the name of a directory stands for itself."""
    directory, name = posixpath.split(path)
    if not is_pattern(name):
        return [path]
    if not directory.startswith("/") or is_pattern(directory):
        return []
    return [f"{directory}/{each}" for each in fitting_names(name, names(directory))]


def _matching(path: str, names: Names, directory: str, there: There) -> list[str]:
    """The paths that fit, and more than VARIANTS_MAX where not all were looked at."""
    if not is_pattern(path):
        return [path]
    whole = posixpath.join(directory, path)
    if not whole.startswith("/"):
        return []
    found, is_all, is_sure = ["/"], True, True
    for part in whole.strip("/").split("/"):
        if is_pattern(part):
            is_all, found = is_all and len(found) <= LISTED_MAX, found[:LISTED_MAX]
            found = [posixpath.join(each, name) for each in found for name in fitting_names(part, names(each))]
            is_all = is_all and len(found) <= LOOKED_AT_MAX
            found = found[:LOOKED_AT_MAX]
        else:
            found = [posixpath.join(each, part) for each in found]
        is_sure = is_pattern(part)
    found = found if is_sure else list(there(found))
    return found if is_all else [*found, *[whole] * (VARIANTS_MAX + 1)]


def is_pattern(name: str) -> bool:
    """Whether a name may stand for others."""
    return any(sign in name for sign in SIGNS)


def fitting_names(pattern: str, names: Sequence[str]) -> list[str]:
    """Those that a shell would take for a pattern."""
    hidden = pattern.startswith(".")
    fitting = fnmatch.filter(names, pattern.replace("[^", "[!"))
    return [name for name in fitting if hidden or not name.startswith(".")]
