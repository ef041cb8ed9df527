"""What find and xargs start for each file."""

from __future__ import annotations

import itertools
import posixpath
import re
from dataclasses import replace

from imds_probe.inventory.schedules.commands.starter_words import Found, Inner, Words, behind_options
from imds_probe.inventory.schedules.commands.starters_known import STARTERS

_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# What a shell does with an argument of its text, or with the name that find puts into it.
_RUNS_ARGUMENT = re.compile(
    r"(?:^|[;&|(]|\b(?:do|then|sh|bash|exec|source|sudo|nice|env|timeout \d{1,9}|python[\d.]{0,5}|perl|ruby|node|php)\s"
    r"|(?:^|\s)\.\s)"
    r"\s{0,9}[\"']?(?:\{\}|\$(?:[01@]|\{[01@]\}))"
)
_RUN_SCRIPTS = frozenset(
    ("sh", "bash", "dash", "ash", "ksh", "zsh", "python", "perl", "ruby", "node", "php", "run-parts")
)
_OF_FIND = ("-H", "-L", "-P", "-O")


def of_find(arguments: Words) -> Inner | None:
    """What find starts for each file, "{}" among the words: it stands for those right in the first directory that is searched, but
    for what is run.
    """
    begin = next((at for at, word in enumerate(arguments) if word in ("-exec", "-execdir", "-ok", "-okdir")), None)
    if begin is None:
        return None
    rest = arguments[begin + 1 :]
    end = next((at for at, word in enumerate(rest) if word in (";", "+")), len(rest))
    if not end:
        return None
    before = arguments[:begin]
    own = next((at for at, word in enumerate(before) if word not in _OF_FIND), len(before))
    first = next((at for at, word in enumerate(before) if at >= own and word and word[0] in "-(!"), len(before))
    places = tuple(word or "" for word in before[own:first])
    told = {option: value or "" for option, value in itertools.pairwise(before) if option}
    named, deepest = told.get("-name", told.get("-iname", "*")), told.get("-maxdepth", "")
    if _runs_found(rest[:end]):
        found = Found(places or (".",), named, int(deepest) if deepest.isdigit() and len(deepest) < 4 else None)
        return Inner(tuple(rest[:end]), found=found)
    searched = places[0] if places else ""
    each = f"{searched.rstrip('/')}/{named}" if searched.startswith("/") else "{}"
    return Inner(tuple(each if word == "{}" else word for word in rest[:end]))


def _runs_found(words: Words) -> bool:
    """Whether what is found is a program, or the first argument of an interpreter or of what starts another one."""
    if words[0] == "{}":
        return True
    given = next((at for at, word in enumerate(words[1:], 1) if not (word or "").startswith("-")), 0)
    name = posixpath.basename(words[0] or "")
    if name in STARTERS and (started := behind_options(STARTERS[name], words[1:])) and started.words:
        return _runs_found(started.words)
    if given and words[given] == "{}":
        return name.rstrip("0123456789.") in _RUN_SCRIPTS
    # A text for a shell, whose arguments these are.
    text = words[given] or "" if given and "c" in (words[given - 1] or "") else ""
    return name in _SHELLS and _RUNS_ARGUMENT.search(text) is not None


def of_xargs(arguments: Words) -> Inner | None:
    """Where it starts programs or scripts that only running tells, these are what is found somewhere."""
    inner = behind_options(STARTERS["xargs"], arguments)
    if inner is None:
        return None
    options = [word or "" for word in arguments[: len(arguments) - len(inner.words)]]
    instead = next((each[2:] or behind for each, behind in itertools.pairwise((*options, "")) if each[:2] == "-I"), "")
    words = tuple("{}" if instead and word == instead else word for word in inner.words)
    words = words if instead else (*words, "{}")
    return replace(inner, words=words, found=Found(("",))) if _runs_found(words) else inner
