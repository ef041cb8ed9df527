"""The commands in settings whose values go over several lines: monit, apt, and what is JSON, HCL or TOML."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from imds_probe.inventory.schedules.settings_commands import Language, Named, uncommented, unquoted

TOKENS_MAX = 60  # of one value
_MONIT_PROGRAM = re.compile(
    r"\b(?:(?:start|stop|restart)(?:[ \t]{1,9}program)?|exec(?:ute)?|program[ \t]{1,9}[\w.-]{1,100}\s{1,20}(?:with\s{1,20})?path)"
    r"\s{0,9}=?\s{0,9}(\"[^\"\n]{1,1900}\"|'[^'\n]{1,1900}'|/\S{1,300})",
    re.IGNORECASE,
)
_APT_KEY = re.compile(r"\b(?:(?:Pre|Post)-Invoke(?:-Success)?|Pre-Install-Pkgs)\b", re.IGNORECASE)
_APT_PART = re.compile(r'"((?:[^"\\]|\\.)*+)"|[{};]', re.DOTALL)
_LISTED_KEY = re.compile(r"\b(commands?|args|script)\"?[ \t]{0,20}[:=][ \t]{0,20}")
_LISTED_PART = re.compile(r"\"((?:[^\"\\\n]|\\.)*+)\"|'([^'\n]*+)'|\S")


def monit(text: str) -> Iterator[Named]:
    """Programs that are checked, started, stopped and executed; the path of a file that is checked is none."""
    bare = uncommented(text)
    for match in _MONIT_PROGRAM.finditer(bare):
        yield Named(bare.count("\n", 0, match.start(1)) + 1, unquoted(match[1]))


def apt(text: str) -> Iterator[Named]:
    """Pre-Invoke, Post-Invoke and their like, each with one command or several in braces."""
    bare = uncommented(text, ("#", "//"))
    for key in _APT_KEY.finditer(bare):
        within = False
        for number, part in enumerate(_APT_PART.finditer(bare, key.end())):
            if number >= TOKENS_MAX or part[0] == "}" or (part[0] == ";" and not within):
                break
            within = within or part[0] == "{"
            if part[1]:
                yield Named(bare.count("\n", 0, part.start()) + 1, part[1].replace('\\"', '"'))


def lists_of(keys: re.Pattern[str], *, words: tuple[str, ...] = ()) -> Language:
    """Values of these keys: a text is a command, and a list has several; only those of `words` are one whose words are listed."""

    def read(text: str) -> Iterator[Named]:
        bare = uncommented(text, ("#", "//"))
        for key in keys.finditer(bare):
            line = bare.count("\n", 0, key.start()) + 1
            is_list, found = _list(bare, key.end())
            if key[1] not in words or not is_list:
                yield from (Named(line, word) for word in found if word)
            elif found:
                yield Named(line, shlex.join(found))

    return read


def _list(text: str, at: int) -> tuple[bool, list[str]]:
    """Whether a list stands there, and its texts, or the one that does."""
    words: list[str] = []
    is_list = False
    for number, part in enumerate(_LISTED_PART.finditer(text, at)):
        word = part[1] if part[1] is not None else part[2]
        if word is not None:
            words.append(_without_escapes(word) if part[1] is not None else word)
        is_list = is_list or (number == 0 and part[0] == "[")
        if number >= TOKENS_MAX or not is_list or (part[0] not in ("[", ",") and word is None):
            break
    return is_list, words


def _without_escapes(text: str) -> str:
    return text.replace('\\"', '"').replace("\\/", "/").replace("\\\\", "\\")


# Values of JSON, HCL and TOML: "args" and a "command" that is a list are one command, "commands" are several.
listed = lists_of(_LISTED_KEY, words=("command", "args", "script"))
