"""The shells of a script: which parts of it run in a shell of their own, so that what they set is lost behind them.

Source: bash(1), "Command Execution Environment", "Pipelines", "Functions". What is not understood opens no shell of its own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from imds_probe.dataclass import dataclass

TEXT_MAX, SIGNS_MAX, OPEN_MAX, SCOPES_MAX = 256 * 1024, 50_000, 200, 3000
BLANK_MAX = 200  # characters before a command
DOCUMENTS_MAX, LINE_MAX = 200, 4000  # here-documents, and characters between the sign of one and its end
PIPED_MAX = 300  # commands of one pipe
_SCOPE_SIGN = re.compile(
    r"\\.|\$'(?:[^'\\]|\\.){0,4000}'|'[^']*'|\"|`|\$\{|\$\(|[<>]\(|\d?[<>]{1,2}&\d?|&>|>\||<<<|<<-?[ \t]{0,10}[\"'\\]?[\w!%@_+~-]|"
    r"=\(|\(\)|[(){}]|;;|&&|\|\||\|&|[|&;\n]|(?<![\w$./=-])(?:if|fi|while|until|for|select|do|done|case|esac|then|else|elif|function)(?![\w./=-])",
    re.DOTALL,
)
_IN_DOUBLE = re.compile(r"\\.|\"|\$\{|\$\(|`", re.DOTALL)
_IN_EXPANSION = re.compile(r"\\.|\"|\$\{|\$\(|`|\}", re.DOTALL)
_SCOPE_FUNCTION = re.compile(r"(?:^|[;&|{}\s])([A-Za-z_][\w:.-]{0,60})[ \t]{0,10}\Z")
_FUNCTION_WORD = re.compile(r"[ \t]{1,10}([A-Za-z_][\w:.-]{0,60})")
_SCOPE_DOCUMENT = re.compile(
    r"<<(-?)[ \t]{0,10}(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n]{1,60})(?P=quote)|(?P<escaped>\\?)(?P<word>[\w.!%@+~-]{1,60}))"
)
# A text of several lines follows in YAML: no pipe, though it looks like one.
_TEXT_OF_YAML = re.compile(r"(?:[\w\"']:|(?:^|\n)[ \t]{0,80}-)[ \t]{1,9}\Z")
_TEXT_BEGINS = re.compile(r"[+-]?\d?[+-]?[ \t]{0,9}\n")
_GIVEN_TO_SHELL = re.compile(
    r"(?:\b(?:ba|da|a|k|z)?sh|\bbusybox|\b(?:su|runuser))"
    r"(?:[ \t]{1,9}[^\s;|&'\"]{1,80}){0,6}[ \t]{1,9}-[a-zA-Z]{0,6}c[ \t\\\n]{1,20}\Z"
)
_LAST_HERE = re.compile(r"\A#![^\n]{0,80}\b(?:zsh|ksh\d{0,2})\b|\blastpipe\b")
_BEGINS = {"${": "${", "$(": "(", "<(": "(", ">(": "(", "=(": "array"}
_SEPARATORS = frozenset(("|", "|&", ";", ";;", "&", "&&", "||", "\n"))
_OPENS = frozenset(("if", "while", "until", "for", "select", "case"))
_CLOSES = frozenset(("fi", "done", "esac"))
_BEFORE_COMMAND = frozenset(("then", "do", "else", "elif", "if", "while", "until", "time"))


@dataclass(frozen=True)
class Scope:
    """A part from `begin` to `end` that runs in a shell of its own; or a function's body, by its `function`. `handed`: its text is
    given to another program's shell, as it stands where it is `plain`, else with what this shell has put in.
    """

    begin: int
    end: int
    function: str = ""
    handed: bool = False
    plain: bool = False


@dataclass(frozen=True)
class _Open:
    """What has begun and not ended: a kind of bracket, and of the list in it where its last command and last "&&" list began."""

    sign: str
    begin: int
    command: int
    listed: int
    function: str = ""
    piped: tuple[tuple[int, int], ...] = ()
    handed: bool = False


def has_last_here(whole: str) -> bool:
    """Whether the shell of a script, which has its comments, runs the last command of a pipe itself."""
    return _LAST_HERE.search(whole) is not None


@functools.lru_cache(maxsize=2)
def scopes_of(text: str, *, last_here: bool = False) -> tuple[Scope, ...]:
    """All of a script, each behind those that it is in. A text that is too long has none."""
    if len(text) > TEXT_MAX:
        return ()
    found = sorted(_Scan(text, last_here=last_here).scopes(), key=lambda scope: (scope.begin, -scope.end))
    return tuple(found[:SCOPES_MAX])


class _Scan:
    def __init__(self, text: str, *, last_here: bool) -> None:
        self._text, self._last_here = text, last_here
        self._open = [_Open("", 0, 0, 0)]
        self._named = ""  # the function whose body comes next
        self._documents: list[tuple[str, bool, int]] = []
        self._documents_met = 0
        self._found: list[Scope] = []

    def scopes(self) -> Sequence[Scope]:
        at = 0
        for _ in range(SIGNS_MAX):
            top = self._open[-1].sign
            pattern = _IN_DOUBLE if top == '"' else _IN_EXPANSION if top == "${" else _SCOPE_SIGN
            match = pattern.search(self._text, at)
            if match is None or len(self._found) >= SCOPES_MAX:
                break
            at = self._taken(match)
        del self._open[1:]  # never ended: nothing is known of it
        self._end_list(len(self._text))
        return self._found

    def _taken(self, match: re.Match[str]) -> int:
        """Go on behind a sign; the place where to look for the next."""
        sign, at, end = match[0], match.start(), match.end()
        if sign[0] in "\\0123456789" or sign.startswith(("$'", "&>", ">|", "<<<", ">&", "<&", ">>&")):
            return end
        if sign in _SEPARATORS:
            return self._separator(sign, at, end)
        if sign[0].isalpha():
            return self._word(sign, at, end)
        if sign.startswith("<<"):
            return self._document(at, end)
        if sign in _BEGINS:
            self._begin(_BEGINS[sign], end)
        elif sign[0] in "\"'`" or self._open[-1].sign == "${":
            self._quoted(sign, at, end)
        elif sign == "()":
            named = _SCOPE_FUNCTION.search(self._text, max(0, at - 80), at)
            self._named = named[1] if named else self._named
        else:
            self._bracket(sign, at, end)
        return end

    def _quoted(self, sign: str, at: int, end: int) -> None:
        top = self._open[-1].sign
        if sign == "`" and any(each.sign == "`" for each in self._open):
            while self._open[-1].sign != "`":
                self._open.pop()
            self._close(at, end)
        elif sign == "`":
            self._begin(sign, end)
        elif sign[0] == "'":
            if self._is_given(at):
                self._found.append(Scope(at, end, handed=True, plain=True))
        elif sign == '"' and top != '"':
            self._begin(sign, end, handed=self._is_given(at))
        else:
            self._close(at, end)

    def _is_given(self, at: int) -> bool:
        before = self._text[max(0, at - 40) : at]
        option = before.rstrip(" \t\\\n").rpartition(" ")[2]
        if not before[-1:].isspace() or option[:1] != "-" or option[-1:] != "c":
            return False
        return _GIVEN_TO_SHELL.search(self._text, max(0, at - 300), at) is not None

    def _command_comes(self, at: int) -> bool:
        before = self._text[max(0, at - BLANK_MAX) : at].rstrip(" \t")
        while before.endswith("\\\n"):
            before = before[:-2].rstrip(" \t")
        return not before or before[-1] in ";|&\n(){}`!" or before[-8:].split()[-1] in _BEFORE_COMMAND

    def _bracket(self, sign: str, at: int, end: int) -> None:
        comes = self._named != "" or self._command_comes(at)
        if sign == "(":
            self._begin("(" if comes else "array", end)
        elif sign == "{":
            if comes and self._text[end : end + 1].isspace():
                self._begin("{", end)
        elif (sign == ")" and self._open[-1].sign in ("(", "array")) or (sign == "}" and self._open[-1].sign == "{"):
            self._close(at, end)

    def _word(self, word: str, at: int, end: int) -> int:
        if self._open[-1].sign == "array" or not self._command_comes(at):
            return end
        if word == "function":
            named = _FUNCTION_WORD.match(self._text, end)
            self._named = named[1] if named else ""
            return named.end() if named else end
        if word in _OPENS:
            self._begin(word, end)
        elif word in _CLOSES and self._open[-1].sign in _OPENS:
            self._close(at, end)
        return end

    def _begin(self, sign: str, at: int, *, handed: bool = False) -> None:
        if len(self._open) < OPEN_MAX:
            function = self._named if sign in ("(", "{") else ""
            self._named = "" if function else self._named
            self._open.append(_Open(sign, at, at, at, function, handed=handed))

    def _close(self, at: int, end: int) -> None:
        self._end_list(at)
        if len(self._open) == 1:
            return
        closed = self._open.pop()
        if closed.function:
            self._found.append(Scope(closed.begin, end, closed.function))
        if closed.sign in ("(", "`"):
            self._found.append(Scope(closed.begin, end))
        elif closed.handed:
            self._found.append(Scope(closed.begin, end, handed=True))

    def _separator(self, sign: str, at: int, end: int) -> int:
        top = self._open[-1]
        if top.sign in ('"', "array") or (sign == "|" and self._is_text_of_yaml(at, end)):
            return end
        if sign in ("|", "|&"):
            if len(top.piped) < PIPED_MAX:
                self._open[-1] = replace(top, piped=(*top.piped, (top.command, at)), command=end)
            return end
        if sign == "\n":
            end = self._behind_documents(end)
            if not self._text[top.command : at].strip(" \t\\\n"):
                self._open[-1] = replace(top, command=end, listed=end if top.listed == top.command else top.listed)
                return end
        if sign == "&":
            self._found.append(Scope(top.listed, at))
        self._end_list(at)
        listed = top.listed if sign in ("&&", "||") else end
        self._open[-1] = replace(self._open[-1], command=end, listed=listed)
        return end

    def _is_text_of_yaml(self, at: int, end: int) -> bool:
        return (
            _TEXT_BEGINS.match(self._text, end) is not None
            and _TEXT_OF_YAML.search(self._text, max(0, at - 100), at) is not None
        )

    def _end_list(self, at: int) -> None:
        """Each command of a pipe runs in a shell of its own; the last one in some shells does not."""
        top = self._open[-1]
        if top.piped:
            last = () if self._last_here else ((top.command, at),)
            self._found += (Scope(begin, end) for begin, end in (*top.piped, *last))
            self._open[-1] = replace(top, piped=())

    def _document(self, at: int, end: int) -> int:
        match = _SCOPE_DOCUMENT.match(self._text, at)
        self._documents_met += 1
        if match is None or self._documents_met > DOCUMENTS_MAX:
            return end
        word = match["quoted"] or match["word"]
        self._documents.append((word, bool(match["quote"] or match["escaped"]), at))
        return match.end()

    def _behind_documents(self, at: int) -> int:
        """Where the line that follows begins, behind the here-documents of the line before: text for another shell."""
        for word, plain, begun in self._documents:
            closed = re.compile(rf"^[ \t]{{0,80}}{re.escape(word)}[ \t\r]{{0,5}}(?=[)`'\"]|$)", re.MULTILINE).search(
                self._text, at
            )
            if closed is not None and at - begun <= LINE_MAX:
                self._found.append(Scope(at, closed.start(), handed=True, plain=plain))
                at = closed.end()
        self._documents.clear()
        return at


def within(scopes: Sequence[Scope], at: int) -> Iterator[Scope]:
    """Those that a place is in, the outermost first."""
    return (scope for scope in scopes if scope.begin <= at < scope.end)
