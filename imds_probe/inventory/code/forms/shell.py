"""Shell scripts, and what holds command lines as they do: crontabs, units, user data, build files.

A command is looked at from the word curl or wget up to what ends it, with what its variables were set to in the same file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import HEADER_ELSEWHERE
from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.command_place import is_command
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lines import Lines
from imds_probe.inventory.code.forms.shell_embedded import MAY_HAVE_ANY, judged_parts, parts_of, without
from imds_probe.inventory.code.forms.shell_fallback import Fallbacks
from imds_probe.inventory.code.forms.shell_fed import handed_to, written_to
from imds_probe.inventory.code.forms.shell_lost import LOST, Lost
from imds_probe.inventory.code.forms.shell_options import has_name, headers, targets, why_refused
from imds_probe.inventory.code.forms.shell_printed import REPLACED, uncommented, unprinted
from imds_probe.inventory.code.forms.shell_settings import is_set_by_setting
from imds_probe.inventory.code.forms.shell_variables import COMMAND_MAX, Variables, is_variable_only_said, uses
from imds_probe.inventory.code.speaks import Evidence, Hit, Kind
from imds_probe.inventory.code.words import Found, search_bytes

COMMANDS_MAX = 500  # in one file
EMBEDDED_MAX = 1024 * 1024  # characters of a script in which code of other languages is judged
ENDS_MAX = 40  # signs that may end one
_TOOL = re.compile(
    r"(?<![\w./-])(?:[\w./-]{0,60}/)?(?:curl|curlie|wget2?|axel|check_(?:http|curl)|httpie|https?|fetch|lwp-(?:request|download|mirror|rget|dump)|GET|aria2c|xh|lynx|"
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
_HANDED_ON = re.compile(r"token|header|hdr|auth|opt|arg|param|config|curl|cmd", re.IGNORECASE)
_FROM_FILE = re.compile(
    r"[\s(](?:-[a-zA-Z]{0,8}K[ \t]{0,5}|--config[ \t=]{1,5})[\"']?(?![-<\s\"'])|[\s(](?:-[a-zA-Z]{0,8}H|--header)[ =]?[\"']?@"
)
_HEADER_FILE = re.compile(r"[\s(](?:-[a-zA-Z]{0,8}H|--header)[ =]?[\"']?@(/[\w./-]{1,100})")
_OPTIONS_MADE = re.compile(r"\s\"?(?:\$\([^()\n]{1,200}\)|`[^`\n]{1,200}`)\"?(?=\s)")
_WHOLE_ARGUMENT = re.compile(r"(?<=\s)\"?\$\{?([A-Za-z_]\w{0,60})(?:\[[@*]\])?\}?\"?(?=[\s)]|\Z)")
_NAME_USED = re.compile(r"\$\{?([A-Za-z_]\w{0,60})")
_HANDED_OVER = re.compile(r"metadata-token[ \t]{0,5}:[ \t]{0,5}[\"']?\$\{?([A-Za-z_]\w{0,60})", re.IGNORECASE)
_TOKEN_TAKEN = re.compile(
    r"metadata-token[ \t]{0,5}:[ \t]{0,5}[\"']?[\\$]?\$(?:([A-Za-z_]\w{0,60})|\{([A-Za-z_]\w{0,60})\})", re.IGNORECASE
)
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
_PATH_OR_SERVICE = ("service", "path")
_TOKENS: tuple[Kind, ...] = ("token", "header")


def judged(text: str) -> Judged:
    """Judge a text, whose characters stand for one byte each."""
    if MAY_HAVE_ANY.search(text) is None:
        return _judged(text)
    plain = uncommented(text)
    shown = unprinted(plain)
    variables = Variables(shown, plain)
    parts = parts_of(text, shown, variables.value)
    own = _judged(without(text, parts)) if parts else _judged(text)
    of_parts = judged_parts(text, parts, variables, judged) if len(text) <= EMBEDDED_MAX else Judged()
    return Judged((*own.hits, *of_parts.hits), own.evidence | of_parts.evidence)


def _judged(text: str) -> Judged:
    found = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
    if not found and not context.COMMAND.search(text):
        return Judged()
    return _Reading(text, found).judged()


@dataclass(frozen=True)
class _Command:
    """What one command does: the address that it asks; whether it asks for a token, or why that is refused; whether it is `given`
    one, or hands over an empty variable for one.
    """

    evidence: Evidence
    spelled: str
    fetches: bool
    refused: str
    given: bool = False
    lost: bool = False


class _Reading:
    def __init__(self, text: str, found: list[Found]) -> None:
        self._plain = uncommented(text)
        self._text = unprinted(self._plain)
        self._found = found
        self._lines = Lines(text)
        self._variables = Variables(self._text, self._plain)
        self._set = self._variables.set
        self._shown: dict[str, bool] = {}
        self._lost = Lost(self._text, text)
        taken = itertools.islice(_TOKEN_TAKEN.finditer(self._text), COMMANDS_MAX)
        self._taken = [(match, self._variables.set_at(match.start())) for match in taken]
        self._uses = uses(self._plain)
        self._functions = {match[1] for match in _FUNCTION.finditer(self._text)}

    def judged(self) -> Judged:
        hits, evidence = [], Evidence()
        named = {name for name, value in self._set.items() if _is_tool(value)}
        spans = [span for span in _commands(self._text, named) if not self._is_in_text_shown(span[0])]
        commands = self._with_fallbacks({span: self._command(*span) for span in spans})
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
            if command.lost:
                hits.append(Hit(self._lines.number(begin), LOST, "header", bare=True))
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
        name = self._variables.set_at(each.at)
        if name is not None:
            return not _BLOCKS.search(name) and not self._is_in_text_shown(each.at)
        return each.kind not in _PATH_OR_SERVICE or (self._is_handed_on(each) and not _BLOCKS.search(line))

    def _is_in_text_shown(self, at: int) -> bool:
        """Whether a place is in the text of a variable that is used only to be said to people; what makes such a text is run."""
        name = self._variables.set_at(at)
        if name is None or REPLACED.search(self._text, max(self._text.rfind("\n", 0, at), at - COMMAND_MAX, 0), at):
            return False
        if name not in self._shown:
            self._shown[name] = is_variable_only_said(self._plain, self._uses.get(name, ()))
        return self._shown[name]

    def _is_handed_on(self, each: Found) -> bool:
        """Whether the line hands a word to a function of this file, or to a program that by its name gets something."""
        line = self._line(each.at).strip()
        substituted = "$(" in line or "`" in line
        if _QUIET.match(f"{line} ") or (self._variables.set_at(each.at) is not None and not substituted):
            return False
        words = _WORD.findall(line[:200])
        gets = "://" in line and any("get" in word.lower() for word in words[:3])
        return gets or any(word in self._functions for word in words)

    def _command(self, begin: int, end: int) -> _Command:
        raw = self._text[begin:end]
        fed = handed_to(self._plain, begin, end, by_input=_RAW_TOOL.match(raw) is not None)
        aimed = targets(raw)
        text, unknown = self._variables.expanded(raw)
        asked = text if aimed == raw else self._variables.expanded(aimed)[0]
        here = f"{asked} {fed}"
        spelled = self._variables.substituted(aimed)
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
        bare = bare or (by_token and (service or path) and self._has_token_by_setting(raw, begin))
        lost = by_token and (service or path) and self._has_lost_token(raw, begin, end)
        bare = bare or lost
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
        refused = (
            why_refused(f"{self._variables.substituted(raw)} {text} {fed}")
            if fetches and service and not hidden
            else ""
        )
        return _Command(evidence, first, fetches and not refused, refused, given and not bare, lost)

    def _with_fallbacks(self, commands: dict[tuple[int, int], _Command]) -> dict[tuple[int, int], _Command]:
        """The same, where requests that only an absent token leads to are none without a token."""
        fetching = [span for span, command in commands.items() if command.fetches]
        lost = any(command.lost for command in commands.values())
        if lost or not fetching or not any(command.evidence.bare for command in commands.values()):
            return commands
        carrying = [span for span, command in commands.items() if command.given]
        functions = {match[1]: match.start() for match in _FUNCTION.finditer(self._text)}
        known = Fallbacks(self._text, fetching, carrying, self._set, functions, is_lost=self._lost.is_lost)
        return {
            span: replace(command, evidence=replace(command.evidence, bare=False))
            if command.evidence.bare and known.has(span)
            else command
            for span, command in commands.items()
        }

    def _has_token_by_setting(self, raw: str, at: int) -> bool:
        """Whether all that a command has of a token is in variables that are set only where a setting says so."""
        handed, written = _HANDED_OVER.search(raw), {each.kind for each in _words(raw)}
        if "token" in written or ("header" in written and handed is None):
            return False
        named = dict.fromkeys(_NAME_USED.findall(raw))
        held = [name for name in named if any(each.kind in _TOKENS for each in _words(self._set.get(name, "")))]
        carriers = [handed[1]] if handed else held
        return bool(carriers) and all(is_set_by_setting(self._text, name, self._set, at) for name in carriers)

    def _has_lost_token(self, raw: str, begin: int, end: int) -> bool:
        """Whether the token that a command of curl hands over is in a variable that is empty there: curl leaves the header out."""
        if "wget" in raw[:80]:
            return False
        named = frozenset(_NAME_USED.findall(raw))
        taken = [match for match, held in self._taken if begin <= match.start() < end or held in named]
        if not taken or len(_TOKEN_TAKEN.findall(raw)) != sum(each.kind == "header" for each in _words(raw)):
            return False
        return all(self._lost.is_lost(match[1] or match[2], self._text.rfind("$", 0, match.end())) for match in taken)

    def _may_carry(self, raw: str, text: str) -> bool:
        """Whether a token may be in a variable that this file does not set, or the request is another cloud's."""
        if any(word in text for word in context.OTHERS):
            return True
        return any(_HANDED_ON.search(name) or name in "@*" for name in self._variables.unset(raw))

    def _has_header_from_elsewhere(self, raw: str, text: str, aimed: str) -> bool:
        """Whether a command has a header that only running tells: of a file, another command, a variable that is set elsewhere."""
        unnamed = raw
        for header in headers(raw):
            unnamed = unnamed.replace(header, " ") if has_name(header) else unnamed
        if _FROM_FILE.search(text) and not self._writes_others(text):
            return True
        if any(_HEADER_NAME.search(name) for name in self._variables.unset(unnamed)):
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

    def _writes_others(self, text: str) -> bool:
        """Whether this script writes the file that a command's headers are in, and no token into it."""
        named = _HEADER_FILE.search(text)
        content = written_to(self._plain, named[1]) if named and self._plain.count(named[1]) == 2 else ""
        return bool(content) and "$" not in content and "`" not in content and not _words(content)

    def _line(self, at: int) -> str:
        begin = self._text.rfind("\n", max(0, at - COMMAND_MAX), at) + 1
        end = self._text.find("\n", at, at + COMMAND_MAX)
        return self._text[max(begin, at - COMMAND_MAX) : end if end >= 0 else at + COMMAND_MAX]


def _words(text: str) -> list[Found]:
    found = search_bytes(text.encode("latin-1", "replace"))
    return [each for each in found if context.stands_alone(each)]


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


SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh", "busybox")
FORM = Form("shell", (".sh", ".bash", ".zsh", ".ksh", ".service", ".timer", ".cron"), SHELLS, text=judged, always=True)
