"""Shell scripts, and what holds command lines as they do: crontabs, units, user data, build files.

A command is looked at from the word curl or wget up to what ends it, with what its variables were set to in the same file.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import HEADER_ELSEWHERE
from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.command_place import is_command
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lines import Lines
from imds_probe.inventory.code.forms.shell_fed import handed_to, loops
from imds_probe.inventory.code.forms.shell_options import has_name, headers, targets, why_refused
from imds_probe.inventory.code.forms.shell_quotes import is_document, is_only_said
from imds_probe.inventory.code.speaks import Evidence, Hit, Kind
from imds_probe.inventory.code.words import Found, search_bytes

COMMANDS_MAX = 500  # in one file
SIGNS_MAX = 20  # in one line that may begin a comment
ENDS_MAX = 40  # signs that may end one
COMMAND_MAX = 2000  # characters of one
ASSIGNED_MAX = 200  # variables
EXPANDED_MAX = 8000  # characters of a command with what its variables hold
DEPTH = 3  # variables that hold others
USES_MAX = 50  # of one variable
SUBSTITUTED_MAX, VALUE_MAX = 20, 300  # variables put in their place in one command, and characters of one there
_TOOL = re.compile(
    r"(?<![\w./-])(?:[\w./-]{0,60}/)?(?:curl|curlie|wget2?|axel|httpie|https?|fetch|lwp-(?:request|download|mirror|rget|dump)|GET|aria2c|xh|lynx|"
    r"w3m|e?links2?)(?=[ \t\\\"])|(?:(?<=<>)|(?<=<> )|(?<=<>[\"']))/dev/tcp/"
)
# These send what they are given: a request, where the script writes one.
_RAW_TOOL = re.compile(r"(?<![\w./-])(?:/(?:usr/)?bin/)?(?:nc|ncat|netcat|socat|telnet)(?=[ \t])")
_RAW_REQUEST = re.compile(r"\b(?:GET|HEAD) /|HTTP/1")
# A variable in a program's place.
_RUN = re.compile(
    r"(?:^|[;|&({`!]|\b(?:then|do|else|if|while|until)(?=\s))[ \t]{0,80}(?=\"?\$\{?([A-Za-z_]\w{0,60})(?:\[@\])?\}?\"?[ \t])",
    re.MULTILINE,
)
_END = re.compile(r"[;|\n]|&&|(?<!\\)&(?=\s)")
_ASSIGNED = re.compile(r"(?:^|(?<=[\s;({`]))([A-Za-z_]\w{0,60})\+?=(?=[^=\s])", re.MULTILINE)
_DEFAULT = re.compile(r"\$\{([A-Za-z_]\w{0,60}):?[=-]")
_VARIABLE_USED = re.compile(r"\$\{?([A-Za-z_]\w{0,60})\b")
_USED = re.compile(r"\$\{?[#!]?([A-Za-z_]\w{0,60}|[@*0-9])")
_HANDED_ON = re.compile(r"token|header|hdr|auth|opt|arg|param|config|curl|cmd", re.IGNORECASE)
_FROM_FILE = re.compile(
    r"[\s(](?:-[a-zA-Z]{0,8}K[ \t]{0,5}|--config[ \t=]{1,5})[\"']?(?![-<\s\"'])|[\s(](?:-[a-zA-Z]{0,8}H|--header)[ =]?[\"']?@"
)
_OPTIONS_MADE = re.compile(r"\s\"?(?:\$\([^()\n]{1,200}\)|`[^`\n]{1,200}`)\"?(?=\s)")
_WHOLE_ARGUMENT = re.compile(r"(?<=\s)\"?\$\{?([A-Za-z_]\w{0,60})(?:\[[@*]\])?\}?\"?(?=[\s)]|\Z)")
_HEADER_NAME = re.compile(r"token|header|hdr|imdsv2|auth", re.IGNORECASE)
_ONE_VARIABLE = re.compile(r"[\"']?\$\{?([A-Za-z_]\w{0,60})")
_QUIET = re.compile(
    r"(?:echo|printf|cat|log\w{0,20}|warn\w{0,20}|die|err\w{0,20}|info|debug|usage|ip6?tables\w{0,20}|nft|ip|route|ufw|firewall-cmd|ping|grep|sed|"
    r"case|test|if|elif|while|\[\[?|nc|export|readonly|local|declare|typeset|set|unset|#)\s"
)
_BLOCKS = re.compile(
    r"no_?proxy|non_?proxy|block|deny|ssrf|iptables|\bnft\b|firewall|ignore|allow|AWS_EC2_METADATA_SERVICE",
    re.IGNORECASE,
)
_FUNCTION = re.compile(r"^[ \t]{0,40}(?:function[ \t]{1,10})?([A-Za-z_][\w-]{0,60})[ \t]{0,10}(?:\(\))", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_][\w-]{0,60}")
_PRINTS = re.compile(r"[ \t]{0,80}@?(?:echo|printf|(?:/usr)?(?:/bin/)?logger)[ \t]")
_SINGLE = re.compile(r"'[^'\n]*'")
_DOUBLE = re.compile(r'"[^"\n]*"')
_REPLACED = re.compile(r"\$\(|`")
_TO_ERRORS = re.compile(r"1?>&2")
_HERE = re.compile(
    r"[ \t]{0,80}cat[ \t]{0,20}(?:1?>&2[ \t]{0,20})?<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,20}(?:1?>&2)?[ \t]{0,20}"
)
_NO_HERE = re.compile(r"[ \t]{0,80}(?::|true)[ \t]{0,20}<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,20}")
_TO_DOCUMENT = re.compile(
    r"[ \t]{0,80}(?:sudo[ \t]{1,10})?(?:cat|tee)[ \t][^\n]{0,300}?<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1(?=[ \t>]|\Z)"
)
_PIPED_TO_FILE = re.compile(r"\|\||\|[ \t]{0,10}(?:sudo[ \t]{1,10})?(?=tee\b)")
_KEPT_HERE = re.compile(
    r"[^\n]{0,200}?(?:\bread\b[^\n<]{0,100}?[ \t]([A-Za-z_]\w{0,60})[ \t]{0,10}"
    r"|\b([A-Za-z_]\w{0,60})=[\"']?\$\([ \t]{0,5}cat[ \t]{0,10})"
    r"<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\3[ \t]{0,20}"
)
_KEPT_TEXT = re.compile(r"[ \t]{0,40}(?:(?:local|export|readonly|declare)[ \t]{1,10})?([A-Za-z_]\w{0,60})=\"")
_SHELL_FILE = re.compile(r"(?:>{1,2}[ \t]{0,10}|\btee[ \t]{1,10}(?:-a[ \t]{1,10})?)[\"']?([^\s\"'<>|]{1,200})")
_NOTHING_DONE = re.compile(r"^([ \t]{0,40}:[ \t]{1,10})('[^']{0,4000}'|\"[^\"$`]{0,4000}\")", re.MULTILINE)
_IN_BRACES = re.compile(r"\$(?:\{([A-Za-z_]\w{0,60})[^{}\n]{0,200}\}|([A-Za-z_]\w{0,60}))")
_PATH_OR_SERVICE = ("service", "path")
_TOKENS: tuple[Kind, ...] = ("token", "header")


def judged(text: str) -> Judged:
    """Judge a text, whose characters stand for one byte each."""
    found = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
    if not found and not context.COMMAND.search(text):
        return Judged()
    return _Reading(text, found).judged()


@dataclass(frozen=True)
class _Command:
    """What one command does: the address that it asks; whether it asks for a token, or why that is refused."""

    evidence: Evidence
    spelled: str
    fetches: bool
    refused: str


class _Reading:
    def __init__(self, text: str, found: list[Found]) -> None:
        self._plain = _uncommented(text)
        self._text = _unprinted(self._plain)
        self._found = found
        self._lines = Lines(text)
        self._set = _assigned(self._text, self._plain)
        self._shown: dict[str, bool] = {}
        self._uses = _uses(self._plain)
        self._functions = {match[1] for match in _FUNCTION.finditer(self._text)}

    def judged(self) -> Judged:
        hits, evidence = [], Evidence()
        named = {name for name, value in self._set.items() if _is_tool(value)}
        spans = [span for span in _commands(self._text, named) if not self._is_in_text_shown(span[0])]
        commands = {span: self._command(*span) for span in spans}
        refused = [command for command in commands.values() if command.refused]
        # A token that the service refuses to give is none, unless another request asks for it as it should be asked.
        void = bool(refused) and not any(command.fetches for command in commands.values())
        for command in commands.values():
            evidence |= command.evidence
        for each in self._found:
            span = next(((begin, end) for begin, end in spans if begin <= each.at < end), None)
            live = self._is_live(each, span)
            bare = live and span is not None and each.kind in _PATH_OR_SERVICE and commands[span].evidence.bare
            hits.append(Hit(self._lines.number(each.at), each.word, each.kind, not live, bare))
            if live:
                evidence |= Evidence(
                    service=each.kind == "service",
                    path=each.kind in ("path", "token") or context.has_version(each),
                    token=each.kind in ("token", "header"),
                    asks=span is not None or self._is_handed_on(each),
                )
        for (begin, _), command in commands.items():
            if command.evidence.elsewhere:
                hits.append(Hit(self._lines.number(begin), HEADER_ELSEWHERE, "header"))
            if command.refused:
                hits.append(Hit(self._lines.number(begin), command.refused, "token", bare=True))
            elif command.spelled and not any(hit.kind == "service" and not hit.said for hit in hits):
                hits.append(Hit(self._lines.number(begin), command.spelled, "service", bare=command.evidence.bare))
        if refused:
            evidence = replace(evidence, bare=True, token=evidence.token and not void)
        return Judged(tuple(hits), evidence)

    def _is_live(self, each: Found, span: tuple[int, int] | None) -> bool:
        if self._text[each.at : each.at + 1].isspace() or context.is_elsewhere(each):
            return False
        line = self._line(each.at)
        if each.after.startswith((b"/32", b"/16")):
            return False
        if span is not None:
            begin, end = span
            asked = targets(self._text[begin:end])
            return each.kind not in _PATH_OR_SERVICE or not asked[each.at - begin : each.at - begin + 1].isspace()
        name = self._variable(each.at)
        if name is not None:
            return not _BLOCKS.search(name) and not self._is_in_text_shown(each.at)
        return each.kind not in _PATH_OR_SERVICE or (self._is_handed_on(each) and not _BLOCKS.search(line))

    def _is_in_text_shown(self, at: int) -> bool:
        """Whether a place is in the text of a variable that is used only to be said to people; what makes such a text is run."""
        name = self._variable(at)
        if name is None or _REPLACED.search(self._text, max(self._text.rfind("\n", 0, at), at - COMMAND_MAX, 0), at):
            return False
        if name not in self._shown:
            self._shown[name] = _is_only_said(self._plain, self._uses.get(name, ()))
        return self._shown[name]

    def _is_handed_on(self, each: Found) -> bool:
        """Whether the line hands a word to a function of this file, or to a program that by its name gets something."""
        line = self._line(each.at).strip()
        substituted = "$(" in line or "`" in line
        if _QUIET.match(f"{line} ") or (self._variable(each.at) is not None and not substituted):
            return False
        words = _WORD.findall(line[:200])
        gets = "://" in line and any("get" in word.lower() for word in words[:3])
        return gets or any(word in self._functions for word in words)

    def _command(self, begin: int, end: int) -> _Command:
        raw = self._text[begin:end]
        fed = handed_to(self._plain, begin, end, by_input=_RAW_TOOL.match(raw) is not None)
        aimed = targets(raw)
        text, unknown = self._expanded(raw)
        asked = text if aimed == raw else self._expanded(aimed)[0]
        here = f"{asked} {fed}"
        spelled = self._substituted(aimed)
        ours = [each for each in _words(f"{here} {spelled}") if not context.is_elsewhere(each)]
        kinds = {each.kind for each in ours} | {each.kind for each in _words(f"{text} {fed}") if each.kind in _TOKENS}
        service = "service" in kinds
        path = any(each.kind in ("path", "token") or context.has_version(each) for each in ours)
        # A path that only running tells is another cloud's, where the script has theirs and none of EC2's.
        alone = not any(word in self._text for word in ("meta-data", "user-data", "latest/dynamic"))
        other = any(word in (self._text if alone else text) for word in context.OTHERS)
        by_token = bool(kinds & set(_TOKENS))
        elsewhere = (service or path) and not by_token and self._has_header_from_elsewhere(raw, text, aimed)
        bare = not by_token and (service or path) and not elsewhere and not self._may_carry(raw, text)
        evidence = Evidence(
            service=service,
            path=path,
            asks=service or path or unknown,
            requests=service and not other,
            bare=bare,
            elsewhere=elsewhere,
        )
        first = next((each.word for each in ours if each.kind == "service"), "")
        given = any(each.kind == "header" and "ttl" not in each.word for each in _words(f"{text} {fed}"))
        fetches = not given and any(each.kind == "token" for each in ours) and "path" not in kinds
        # An argument of its own that this file does not set may hold the method and the header.
        hidden = any(match[1] not in self._set for match in _WHOLE_ARGUMENT.finditer(raw))
        refused = why_refused(f"{text} {fed}") if fetches and service and not hidden else ""
        return _Command(evidence, first, fetches and not refused, refused)

    def _may_carry(self, raw: str, text: str) -> bool:
        """Whether a token may be in a variable that this file does not set, or the request is another cloud's."""
        if any(word in text for word in context.OTHERS):
            return True
        return any(_HANDED_ON.search(name) or name in "@*" for name in self._unset(raw))

    def _has_header_from_elsewhere(self, raw: str, text: str, aimed: str) -> bool:
        """Whether a command has a header that only running tells: of a file, another command, a variable that is set elsewhere."""
        unnamed = raw
        for header in headers(raw):
            unnamed = unnamed.replace(header, " ") if has_name(header) else unnamed
        if _FROM_FILE.search(text) or any(_HEADER_NAME.search(name) for name in self._unset(unnamed)):
            return True
        if _OPTIONS_MADE.search(aimed):
            return True
        for header in headers(text):
            variable = _ONE_VARIABLE.match(header)
            if variable is not None and variable[1] not in self._set:
                return True
            value = self._set[variable[1]].strip() if variable is not None else header
            if not has_name(value) and ("$(" in value or "`" in value):
                return True
        return False

    def _expanded(self, text: str) -> tuple[str, bool]:
        """A command with what its variables hold, and whether it has one that is not set in this file."""
        done: set[str] = set()
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

    def _substituted(self, text: str) -> str:
        """A command with what its variables hold in their place: an address may be put together."""
        for _ in range(DEPTH):
            if "$" not in text:
                break
            text = _IN_BRACES.sub(self._value, text[:COMMAND_MAX], SUBSTITUTED_MAX)
        return text

    def _value(self, match: re.Match[str]) -> str:
        return self._set.get(match[1] or match[2], "").strip().lstrip("\"'")[:VALUE_MAX]

    def _unset(self, text: str) -> list[str]:
        return [name for name in _USED.findall(text) if name not in self._set]

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


def _words(text: str) -> list[Found]:
    found = search_bytes(text.encode("latin-1", "replace"))
    return [each for each in found if context.stands_alone(each)]


def _uses(text: str) -> Mapping[str, list[int]]:
    """Where each variable is used: the text is gone through once, however many variables it has."""
    found: dict[str, list[int]] = {}
    for match in _VARIABLE_USED.finditer(text):
        places = found.setdefault(match[1], [])
        if len(places) < USES_MAX:
            places.append(match.start())
    return found


def _is_only_said(text: str, places: Iterable[int]) -> bool:
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


def _commands(text: str, named: Collection[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of each command that makes requests. `named` are variables that hold what makes them."""
    tools = (match.start() for match in _TOOL.finditer(text) if is_command(text, match))
    writes = _RAW_REQUEST.search(text) is not None
    raw = (match.start() for match in _RAW_TOOL.finditer(text) if is_command(text, match)) if writes else ()
    variables = (match.end() for match in _RUN.finditer(text) if match[1] in named) if named else ()
    met = {at for places in (tools, raw, variables) for at in itertools.islice(places, COMMANDS_MAX)}
    starts = sorted(met)[:COMMANDS_MAX]
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
    """The same length, with blanks for what the script only prints or keeps as a comment: by echo, from a here-document to cat or
    to a file that people read, as an argument of ":". What goes on to a pipe or another file may be run, and so is what the shell
    itself replaces.
    """
    text = _NOTHING_DONE.sub(lambda match: match[1] + re.sub(r"[^\n]", " ", match[2]), text)
    lines, until, replaced, open_ = [], "", False, False
    uses = _uses(text)
    said = functools.cache(lambda name: _is_only_said(text, uses.get(name, ())))
    for line in text.split("\n"):
        if until:
            if line.strip() == until:
                until = ""
            printed = not (replaced and _REPLACED.search(line))
        elif open_:
            open_ = line.count('"') % 2 == 0
            printed = not _REPLACED.search(line) and (open_ or _ends_plainly(line))
        else:
            printed = _is_printed(line)
            open_ = _PRINTS.match(line) is not None and line.count('"') % 2 == 1 and not _REPLACED.search(line)
            if match := _HERE.fullmatch(line) or _NO_HERE.fullmatch(line) or _document(line):
                until, replaced = match[2], not match[1]
            elif "<<" in line and (kept := _KEPT_HERE.fullmatch(line)) and said(kept[1] or kept[2]):
                until, replaced = kept[4], not kept[3]
            elif (kept := _KEPT_TEXT.match(line)) and line.count('"') % 2 and said(kept[1]):
                open_ = printed = True
        lines.append(" " * len(line) if printed else line)
    return "\n".join(lines)


def _ends_plainly(line: str) -> bool:
    """Whether nothing is done with a text of several lines that ends here."""
    return not set(_TO_ERRORS.sub("", line.rpartition('"')[2])) & set("|>;&'(){}")


def _document(line: str) -> re.Match[str] | None:
    """A here-document that is written to a file that people read."""
    match = _TO_DOCUMENT.match(line)
    piped = "|" in _PIPED_TO_FILE.sub(" ", line)
    file = _SHELL_FILE.search(line) if match is not None and not piped else None
    return match if file is not None and is_document(file[1]) else None


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
