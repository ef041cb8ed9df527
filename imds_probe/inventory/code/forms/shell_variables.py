"""The variables of a shell script: what each is set to anywhere in the file, and what a command has with them in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from imds_probe.inventory.code.forms.shell_fed import loops
from imds_probe.inventory.code.forms.shell_quotes import is_only_said

COMMAND_MAX = 2000  # characters of one
ASSIGNED_MAX = 200  # variables
EXPANDED_MAX = 8000  # characters of a command with what its variables hold
DEPTH = 3  # variables that hold others
USES_MAX = 50  # of one variable
SUBSTITUTED_MAX, VALUE_MAX = 20, 300  # variables put in their place in one command, and characters of one there
_ASSIGNED = re.compile(r"(?:^|(?<=[\s;({`]))([A-Za-z_]\w{0,60})\+?=(?=[^=\s])", re.MULTILINE)
_DEFAULT = re.compile(r"\$\{([A-Za-z_]\w{0,60}):?[=-]")
_VARIABLE_USED = re.compile(r"\$\{?([A-Za-z_]\w{0,60})\b")
_USED = re.compile(r"\$\{?[#!]?([A-Za-z_]\w{0,60}|[@*0-9])")
_IN_BRACES = re.compile(r"\$(?:\{([A-Za-z_]\w{0,60})[^{}\n]{0,200}\}|([A-Za-z_]\w{0,60}))")

_HARMLESS_VALUE = re.compile(r"[\w:/.@%?=&\[\]+,~-]{1,20000}")


class Variables:
    """Those of a script. `text` is it without comments and what is only printed, `plain` without comments alone."""

    def __init__(self, text: str, plain: str) -> None:
        self._text = text
        self.set = _assigned(text, plain)

    def expanded(self, text: str) -> tuple[str, bool]:
        """A command with what its variables hold, and whether it has one that is not set in this file."""
        done: set[str] = set()
        unknown = False
        for _ in range(DEPTH):
            names = {name for name in _USED.findall(text) if name not in done}
            for name in sorted(names):
                done.add(name)
                if name in self.set:
                    text = f"{text} {self.set[name]}"[:EXPANDED_MAX]
                else:
                    unknown = unknown or not name.isdigit()
        return text, unknown

    def substituted(self, text: str) -> str:
        """A command with what its variables hold in their place: an address may be put together."""
        for _ in range(DEPTH):
            if "$" not in text:
                break
            text = _IN_BRACES.sub(self._value, text[:COMMAND_MAX], SUBSTITUTED_MAX)
        return text

    def value(self, name: str) -> str:
        """What a variable is set to first, where that can stand in any text: no quotes, and nothing that running it puts in."""
        first = self.set.get(name, "").strip().lstrip("\"'").partition(" ")[0]
        return first if _HARMLESS_VALUE.fullmatch(first) else ""

    def _value(self, match: re.Match[str]) -> str:
        return self.set.get(match[1] or match[2], "").strip().lstrip("\"'")[:VALUE_MAX]

    def unset(self, text: str) -> list[str]:
        return [name for name in _USED.findall(text) if name not in self.set]

    def set_at(self, at: int) -> str | None:
        """The variable that is set by what a place is a part of."""
        begin = self._text.rfind("\n", max(0, at - COMMAND_MAX), at) + 1
        last = None
        for match in _ASSIGNED.finditer(self._text, max(begin, at - COMMAND_MAX), at):
            last = match
        if last is not None and _value_end(self._text, last.end()) > at:
            return last[1]
        default = list(_DEFAULT.finditer(self._text, max(begin, at - COMMAND_MAX), at))
        return default[-1][1] if default and "}" not in self._text[default[-1].end() : at] else None


def uses(text: str) -> Mapping[str, list[int]]:
    """Where each variable is used: the text is gone through once, however many variables it has."""
    found: dict[str, list[int]] = {}
    for match in _VARIABLE_USED.finditer(text):
        places = found.setdefault(match[1], [])
        if len(places) < USES_MAX:
            places.append(match.start())
    return found


def is_variable_only_said(text: str, places: Iterable[int]) -> bool:
    """Whether a variable is used, and each time is an argument that a command only says."""
    used = False
    for use in places:
        used = True
        begin = max(text.rfind("\n", max(0, use - COMMAND_MAX), use) + 1, use - COMMAND_MAX)
        end = text.find("\n", use, use + COMMAND_MAX)
        behind = _VARIABLE_USED.match(text, use)
        after = behind.end() if behind else use
        if not is_only_said(text[begin:use], text[after : end if end >= 0 else after + COMMAND_MAX]):
            return False
    return used


def _assigned(text: str, plain: str) -> Mapping[str, str]:
    """What variables are set to anywhere in the file: all of it, as which one counts only a run knows."""
    found: dict[str, str] = {}
    for match in _ASSIGNED.finditer(text):
        if len(found) >= ASSIGNED_MAX and match[1] not in found:
            continue
        value = text[match.end() : _value_end(text, match.end())]
        found[match[1]] = f"{found.get(match[1], '')} {value}"[:EXPANDED_MAX]
    for match in _DEFAULT.finditer(text):
        if len(found) < ASSIGNED_MAX:
            end = text.find("}", match.end(), match.end() + 300)
            value = text[match.end() : max(end, match.end())]
            found[match[1]] = f"{found.get(match[1], '')} {value}"[:EXPANDED_MAX]
    for name, value in loops(plain):
        if value.strip() and len(found) < ASSIGNED_MAX:
            found[name] = f"{found.get(name, '')} {value}"[:EXPANDED_MAX]
    return found


def _value_end(text: str, at: int) -> int:
    """Where the value that begins there ends: at its closing quote or bracket, else at the line's end."""
    closing = {'"': '"', "'": "'", "(": ")", "`": "`"}.get(text[at : at + 1])
    if closing:
        end = text.find(closing, at + 1, at + COMMAND_MAX)
        if end >= 0:
            return end
    end = text.find("\n", at, at + COMMAND_MAX)
    return end if end >= 0 else min(len(text), at + COMMAND_MAX)
