"""Shell scripts, and what holds command lines as they do: crontabs, units, user data, build files.

A command is looked at from the word curl or wget up to what ends it, with what its variables were set to in the same file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping

from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.command_place import is_command
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lines import Lines
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.words import Found, search_bytes

COMMANDS_MAX = 500  # in one file
SIGNS_MAX = 20  # in one line that may begin a comment
ENDS_MAX = 40  # signs that may end one
COMMAND_MAX = 2000  # characters of one
ASSIGNED_MAX = 200  # variables
EXPANDED_MAX = 8000  # characters of a command with what its variables hold
DEPTH = 3  # variables that hold others
_TOOL = re.compile(
    r"(?<![\w./-])(?:[\w./-]{0,60}/)?(?:curl|wget|httpie|https?|fetch|lwp-(?:request|download|mirror|rget|dump)|GET|aria2c|xh|lynx|"
    r"w3m|e?links2?)(?=[ \t\\\"])|(?<=<>)/dev/tcp/"
)
# A variable in a program's place.
_RUN = re.compile(
    r"(?:^|[;|&({`!]|\b(?:then|do|else|if|while|until)(?=\s))[ \t]{0,80}(?=\"?\$\{?([A-Za-z_]\w{0,60})(?:\[@\])?\}?\"?[ \t])",
    re.MULTILINE,
)
_END = re.compile(r"[;|\n]|&&|(?<!\\)&(?=\s)")
_ASSIGNED = re.compile(r"(?:^|(?<=[\s;({`]))([A-Za-z_]\w{0,60})\+?=(?=[^=\s])", re.MULTILINE)
_DEFAULT = re.compile(r"\$\{([A-Za-z_]\w{0,60}):?[=-]")
_USED = re.compile(r"\$\{?[#!]?([A-Za-z_]\w{0,60}|[@*0-9])")
_HANDED_ON = re.compile(r"token|header|hdr|auth|opt|arg|param|config|curl|cmd", re.IGNORECASE)
_FROM_ELSEWHERE = re.compile(r"\s(?:-K|--config\b|(?:-H|--header)[ =]?[\"']?@)")
_QUIET = re.compile(
    r"(?:echo|printf|cat|log\w{0,20}|warn\w{0,20}|die|err\w{0,20}|info|debug|usage|ip6?tables\w{0,20}|nft|ip|route|ufw|firewall-cmd|ping|grep|sed|"
    r"case|test|if|elif|while|\[\[?|nc|export|readonly|local|declare|typeset|set|unset|#)\s"
)
_BLOCKS = re.compile(r"no_?proxy|non_?proxy|block|deny|ssrf|iptables|\bnft\b|firewall|ignore|allow", re.IGNORECASE)
_FUNCTION = re.compile(r"^[ \t]{0,40}(?:function[ \t]{1,10})?([A-Za-z_][\w-]{0,60})[ \t]{0,10}(?:\(\))", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_][\w-]{0,60}")
_PRINTS = re.compile(r"[ \t]{0,80}(?:echo|printf|(?:/usr)?(?:/bin/)?logger)[ \t]")
_SINGLE = re.compile(r"'[^'\n]*'")
_DOUBLE = re.compile(r'"[^"\n]*"')
_REPLACED = re.compile(r"\$\(|`")
_TO_ERRORS = re.compile(r"1?>&2")
_HERE = re.compile(
    r"[ \t]{0,80}cat[ \t]{0,20}(?:1?>&2[ \t]{0,20})?<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,20}(?:1?>&2)?[ \t]{0,20}"
)
_PATH_OR_SERVICE = ("service", "path")


def judged(text: str) -> Judged:
    """Judge a text, whose characters stand for one byte each."""
    found = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
    if not found and not context.COMMAND.search(text):
        return Judged()
    return _Reading(text, found).judged()


class _Reading:
    def __init__(self, text: str, found: list[Found]) -> None:
        self._text = _unprinted(_uncommented(text))
        self._found = found
        self._lines = Lines(text)
        self._set = _assigned(self._text)
        self._functions = {match[1] for match in _FUNCTION.finditer(self._text)}

    def judged(self) -> Judged:
        hits, evidence = [], Evidence()
        spans = list(_commands(self._text, {name for name, value in self._set.items() if _is_tool(value)}))
        for begin, end in spans:
            evidence |= self._of_command(begin, end)
        for each in self._found:
            span = next(((begin, end) for begin, end in spans if begin <= each.at < end), None)
            live = self._is_live(each, span)
            bare = live and span is not None and self._is_bare(*span) and each.kind in _PATH_OR_SERVICE
            hits.append(Hit(self._lines.number(each.at), each.word, each.kind, not live, bare))
            if live:
                evidence |= Evidence(
                    service=each.kind == "service",
                    path=each.kind in ("path", "token") or context.has_version(each),
                    token=each.kind in ("token", "header"),
                    asks=span is not None or self._is_handed_on(each),
                )
        return Judged(tuple(hits), evidence)

    def _is_live(self, each: Found, span: tuple[int, int] | None) -> bool:
        if (
            self._text[each.at : each.at + 1].isspace()
            or context.of_another_cloud(each)
            or context.of_another_host(each)
        ):
            return False
        line = self._line(each.at)
        if each.after.startswith((b"/32", b"/16")):
            return False
        if span is not None:
            return True
        name = self._variable(each.at)
        if name is not None:
            return not _BLOCKS.search(name)
        return each.kind not in _PATH_OR_SERVICE or (self._is_handed_on(each) and not _BLOCKS.search(line))

    def _is_handed_on(self, each: Found) -> bool:
        """Whether the line hands a word to a function of this file, or to a program that by its name gets something."""
        line = self._line(each.at).strip()
        substituted = "$(" in line or "`" in line
        if _QUIET.match(f"{line} ") or (self._variable(each.at) is not None and not substituted):
            return False
        words = _WORD.findall(line[:200])
        gets = "://" in line and any("get" in word.lower() for word in words[:3])
        return gets or any(word in self._functions for word in words)

    def _of_command(self, begin: int, end: int) -> Evidence:
        text, unknown = self._expanded(begin, end)
        words = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
        ours = [each for each in words if not context.of_another_cloud(each) and not context.of_another_host(each)]
        service = any(each.kind == "service" for each in ours)
        path = any(each.kind in ("path", "token") or context.has_version(each) for each in ours)
        asks = service or path or unknown
        # A path that only running tells is another cloud's, where the script has theirs and none of EC2's.
        alone = not any(word in self._text for word in ("meta-data", "user-data", "latest/dynamic"))
        other = any(word in (self._text if alone else text) for word in context.OTHERS)
        return Evidence(service, path, False, asks, service and not other, self._is_bare(begin, end))

    def _is_bare(self, begin: int, end: int) -> bool:
        """Whether a command surely asks for metadata without a token."""
        text, _ = self._expanded(begin, end)
        words = search_bytes(text.encode("latin-1"))
        kinds = {each.kind for each in words if context.stands_alone(each) and not context.of_another_cloud(each)}
        if kinds & {"token", "header"} or not (kinds & {"service", "path"}):
            return False
        # A header may come from a file or from standard input, where no other process sees it.
        if any(word in text for word in context.OTHERS) or _FROM_ELSEWHERE.search(self._text, begin, end):
            return False
        return not any(_HANDED_ON.search(name) or name in "@*" for name in self._unset(begin, end))

    def _expanded(self, begin: int, end: int) -> tuple[str, bool]:
        """A command with what its variables hold, and whether it has one that is not set in this file."""
        text, done = self._text[begin:end], set()
        unknown = False
        for _ in range(DEPTH):
            names = {name for name in _USED.findall(text) if name not in done}
            for name in sorted(names):
                done.add(name)
                if name in self._set:
                    text = f"{text} {self._set[name]}"[:EXPANDED_MAX]
                else:
                    unknown = unknown or not name.isdigit()
        return text, unknown

    def _unset(self, begin: int, end: int) -> list[str]:
        return [name for name in _USED.findall(self._text[begin:end]) if name not in self._set]

    def _line(self, at: int) -> str:
        begin = self._text.rfind("\n", max(0, at - COMMAND_MAX), at) + 1
        end = self._text.find("\n", at, at + COMMAND_MAX)
        return self._text[max(begin, at - COMMAND_MAX) : end if end >= 0 else at + COMMAND_MAX]

    def _variable(self, at: int) -> str | None:
        """The variable that is set by what a place is a part of."""
        begin = self._text.rfind("\n", max(0, at - COMMAND_MAX), at) + 1
        last = None
        for match in _ASSIGNED.finditer(self._text, max(begin, at - COMMAND_MAX), at):
            last = match
        if last is not None and _value_end(self._text, last.end()) > at:
            return last[1]
        default = list(_DEFAULT.finditer(self._text, max(begin, at - COMMAND_MAX), at))
        return default[-1][1] if default and "}" not in self._text[default[-1].end() : at] else None


def _commands(text: str, named: Collection[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of each command that makes requests. `named` are variables that hold what makes them."""
    tools = (match.start() for match in _TOOL.finditer(text) if is_command(text, match))
    variables = (match.end() for match in _RUN.finditer(text) if match[1] in named) if named else ()
    starts = sorted({*itertools.islice(tools, COMMANDS_MAX), *itertools.islice(variables, COMMANDS_MAX)})[:COMMANDS_MAX]
    for index, begin in enumerate(starts):
        limit = min(begin + COMMAND_MAX, starts[index + 1] if index + 1 < len(starts) else len(text), len(text))
        yield begin, _command_end(text, begin, limit)


def _is_tool(value: str) -> bool:
    """Whether a variable holds a program that makes requests: by its name or path, with options, or found by "which"."""
    text = f"{value[:COMMAND_MAX].replace(')', ' ')} "
    return any(is_command(text, match) for match in itertools.islice(_TOOL.finditer(text), COMMANDS_MAX))


def _command_end(text: str, begin: int, limit: int) -> int:
    at = begin
    for _ in range(ENDS_MAX):
        match = _END.search(text, at, limit)
        if match is None:
            break
        at = match.end()
        before = text[begin : match.start()]
        if match[0] == "\n" and before.endswith("\\"):
            continue
        if before.count('"') % 2 or before.replace("\\'", "").count("'") % 2:
            continue  # within a string
        return match.start()
    return limit


def _assigned(text: str) -> Mapping[str, str]:
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


def _uncommented(text: str) -> str:
    """The same length, with blanks for comments."""
    lines = []
    for line in text.split("\n"):
        at = line.find("#")
        for _ in range(SIGNS_MAX):
            if at < 0:
                break
            before = line[:at]
            if (not before or before[-1].isspace()) and before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
                line = before + " " * (len(line) - at)  # noqa: PLW2901 - what is left of it
                break
            at = line.find("#", at + 1)
        lines.append(line)
    return "\n".join(lines)


def _unprinted(text: str) -> str:
    """The same length, with blanks for what the script only prints, as a help text: by echo, or from a here-document to cat. What
    goes on to a pipe or a file may be run, and so is what the shell itself replaces.
    """
    lines, until, replaced = [], "", False
    for line in text.split("\n"):
        if until:
            if line.strip() == until:
                until = ""
            printed = not (replaced and _REPLACED.search(line))
        else:
            printed = _is_printed(line)
            if match := _HERE.fullmatch(line):
                until, replaced = match[2], not match[1]
        lines.append(" " * len(line) if printed else line)
    return "\n".join(lines)


def _is_printed(line: str) -> bool:
    """Whether a line is one command that prints its arguments, and no more."""
    if not _PRINTS.match(line):
        return False
    # Within double quotes a single one is a sign as any other.
    rest = line if '"' in line else _SINGLE.sub("", line)
    if _REPLACED.search(rest):
        return False
    return not set(_TO_ERRORS.sub("", _DOUBLE.sub("", rest))) & set("|>;&'\"(){}")


SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh", "busybox")
FORM = Form("shell", (".sh", ".bash", ".zsh", ".ksh", ".service", ".timer", ".cron"), SHELLS, text=judged, always=True)
