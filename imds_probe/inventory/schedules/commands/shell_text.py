"""The tokens of a text for a POSIX shell, which bash reads alike: sh(1p), "Token Recognition" and "Word Expansions".

A text is gone through once, and what is nested (substitutions in substitutions) so often as `DEPTH_MAX` allows.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.cut_values import Cut, cut_by
from imds_probe.inventory.schedules.commands.recent import Recent

TOKENS_MAX = 20_000
OPERATORS = ("&&", "||", ";;&", ";;", ";&", "|&", ";", "&", "|", "\n", "(", ")")
_REDIRECTIONS = ("&>>", "&>", "<<<", "<<-", "<<", ">>", ">|", ">&", "<&", "<>", ">", "<")
_OTHER_THAN_FED = ("<", "&", ">")  # behind the sign of what standard input is read from
_HERE_DOCS = ("<<", "<<-")
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_SPECIAL = frozenset("@*#?-$!0123456789")
_SHELL_OPERATOR = re.compile("|".join(map(re.escape, OPERATORS)))
_BLANK = re.compile(r"[ \t\r]*")
_PLAIN = re.compile(r"[^\s;&|()<>'\"\\`$~]+")
_PLAIN_IN_QUOTES = re.compile(r"[^\"\\`$]+")
HOME_OF = "~"  # begins the name of a variable that stands for a home: of the user who runs it, or of the one whose name follows
_HOME = re.compile(r"~(?:[A-Za-z_][\w.-]{0,63})?(?=[/:\s;&|()<>]|\Z)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w{0,200}\+?=")
_BLANKS = frozenset(" \t\r")
_ENDS = frozenset(" \t\r\n;&|()<>")
_BEGIN_REDIRECTIONS = frozenset("<>&0123456789")
_CLOSES = {"(": ")", "{": "}"}
HERE_DOCS_MAX = 50
DEFAULTS_DEEP_MAX = 6  # each of which is gone through once more


@dataclass(frozen=True)
class Variable:
    """What a variable stands for, or `default` where it is not set: ${NAME:-default}. It has that value from then on where it is
    `assigned`: ${NAME:=default}. `cut` is what is cut off: ${NAME%/*}.
    """

    name: str
    quoted: bool
    default: tuple[Part, ...] = ()
    cut: Cut | None = None
    assigned: bool = False


@dataclass(frozen=True)
class Substituted:
    """What a command prints, whose text is `command`; of arithmetic and the like that is empty."""

    command: str


Part = str | Variable | Substituted


def substituted(parts: Iterable[Part]) -> Iterator[str]:
    """The commands whose output is put in, also into defaults."""
    for part in parts:
        if isinstance(part, Variable):
            yield from substituted(part.default)
        elif isinstance(part, Substituted) and part.command:
            yield part.command


@dataclass(frozen=True)
class Word:
    """A word in parts: texts, and what only running it would tell. `fed`: it is no word but the file that standard input is, or,
    where it is `content`, what standard input has: a here-document or here-string. `aside`: it is no word either but another file
    that is redirected, of which only the commands count whose output its name is, or, where it is the `target` of what has a
    here-document in its line, the name.
    """

    parts: tuple[Part, ...]
    quoted: bool = False
    fed: bool = False
    content: bool = False
    aside: bool = False
    target: bool = False

    @property
    def plain(self) -> str | None:
        """Its text, where nothing has to be put in."""
        first = self.parts[0] if self.parts else ""
        return first if len(self.parts) < 2 and isinstance(first, str) else None


Token = str | Word  # an operator is a text
_HERE = Word((), fed=True, content=True)  # in the place of a here-document until it is read


class Line(tuple[Token, ...]):
    """The tokens up to the next end of a line that is none within a word, and that. `taken` is what simple_commands makes of it."""

    taken: dict[Any, Any]

    def __new__(cls, found: Iterable[Token]) -> Line:
        line = super().__new__(cls, found)
        line.taken = {}
        return line


def tokens(text: str) -> Iterator[Token]:
    """Words and operators; redirections and comments are passed over, but not what they substitute, nor what standard input is."""
    return itertools.chain.from_iterable(lines(text))


def lines(text: str) -> Iterator[Line]:
    """The same by lines. The last one may end without an end of a line."""
    reading = _Reading(text.replace("\\\n", ""))
    left = TOKENS_MAX
    while left > 0 and (line := reading.line()):
        yield line if len(line) <= left else Line(line[:left])
        left -= len(line)


# Lines that begin and end with a command of their own, as most do: scripts of one author have many in common.
_LINES: Recent[Line] = Recent(TOKENS_MAX)


class _Reading:
    def __init__(self, text: str, depth: int = 0) -> None:
        self._text, self._at, self._depth = text, 0, depth
        self._here_docs: list[tuple[str, bool, bool]] = []
        self._contents: list[Word] = []
        self._has_document = False

    def line(self) -> Line:
        """The next one; nothing at the end of the text."""
        end = self._text.find("\n", self._at) + 1
        line = self._text[self._at : end]
        known = _LINES.get(line) if line else None
        if known is not None:
            self._at = end
            return known
        found: list[Token] = []
        self._has_document = "<<" in line if line else self._text.find("<<", self._at) >= 0
        while len(found) < TOKENS_MAX and (token := self.token()) is not None:
            found.append(token)
            if token == "\n":
                break
        if self._contents:
            contents = iter(self._contents)
            found = [next(contents, each) if each is _HERE else each for each in found]
            self._contents = []
        read = Line(each for each in found if each is not _HERE)
        # A here-document follows its line, and is not to be seen in it.
        if line and self._at == end and read[-1:] == ("\n",) and "<<" not in line:
            _LINES.keep(line, read)
        return read

    def token(self) -> Token | None:
        while True:
            self._pass_blanks()
            if self._at >= len(self._text):
                return None
            if self._text[self._at] == "#":
                self._at = self._line_end()
                continue
            begin = self._at
            if self._text[begin] in _BEGIN_REDIRECTIONS and self._is_redirection():
                sign = self._text[begin : self._at + 3].removeprefix("0")
                here_docs = len(self._here_docs)
                target = self._redirected()
                if len(self._here_docs) > here_docs:
                    return _HERE
                if target is not None and sign == "<<<":
                    return Word(target.parts, target.quoted, fed=True, content=True)
                if target is not None and sign[:1] == "<" and sign[1:2] not in _OTHER_THAN_FED:
                    return Word(target.parts, target.quoted, fed=True)
                if target is not None and self._has_document and sign[:1] == ">" and sign[1:2] != "&":
                    return Word(target.parts, aside=True, target=True)
                if target is not None and any(substituted(target.parts)):
                    return Word(tuple(map(Substituted, substituted(target.parts))), aside=True)
                continue
            operator = _SHELL_OPERATOR.match(self._text, self._at)
            if operator is None:
                return self._word()
            self._at = operator.end()
            if operator[0] == "\n":
                self._pass_here_docs()
            return operator[0]

    def _pass_blanks(self) -> None:
        if self._text[self._at : self._at + 1] in _BLANKS and (blank := _BLANK.match(self._text, self._at)):
            self._at = blank.end()

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _one_of(self, signs: tuple[str, ...]) -> str:
        if not self._text.startswith(signs, self._at):  # mostly so, and said at once
            return ""
        return next(sign for sign in signs if self._text.startswith(sign, self._at))

    def _is_redirection(self) -> bool:
        """A sign of one, maybe behind the number of a descriptor; but "<(" is a word of its own."""
        at = self._at
        while at < len(self._text) and self._text[at].isdigit() and at - self._at < 4:
            at += 1
        here, self._at = self._at, at
        found = bool(self._one_of(_REDIRECTIONS)) and not self._text.startswith(("<(", ">("), at)
        self._at = at if found else here
        return found

    def _redirected(self) -> Word | None:
        sign = self._one_of(_REDIRECTIONS)
        self._at += len(sign)
        self._pass_blanks()
        if self._at >= len(self._text) or self._text[self._at] in "\n;&|":
            return None
        target = self._word()
        if sign in _HERE_DOCS and len(self._here_docs) < HERE_DOCS_MAX:
            self._here_docs.append((target.plain or "", sign == "<<-", target.quoted))
        return target

    def _pass_here_docs(self) -> None:
        for end, tabs, quoted in self._here_docs:
            begin = closing = self._at
            while self._at < len(self._text):
                closing = self._at
                line = self._text[self._at : self._line_end()]
                self._at = self._line_end() + 1
                if (line.lstrip("\t") if tabs else line).rstrip("\r") == end:
                    break
            else:
                closing = self._at
            content = self._text[begin:closing]
            parts = (content,) if quoted else _Reading(content, self._depth).in_document()
            self._contents.append(Word(parts, quoted, fed=True, content=True))
        self._here_docs = []

    def in_document(self) -> tuple[Part, ...]:
        """The parts of all of the text, as of a here-document in which the shell puts in what has a "$" before it."""
        parts: list[Part] = []
        while self._at < len(self._text):
            parts.append(self._piece(quoted=True))
        return _joined(parts)

    def _word(self) -> Word:
        plain = _PLAIN.match(self._text, self._at)
        if plain and (plain.end() == len(self._text) or self._text[plain.end()] in _ENDS):
            self._at = plain.end()  # as most words are
            return Word((plain[0],))
        parts: list[Part] = []
        quoted, begin = False, self._at
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "~" and (home := self._home(begin)):
                parts.append(home)
                continue
            if character in " \t\r\n;&|)" or (character in "<>(" and not self._is_substituted_file()):
                if character == "(" and not parts:
                    self._at += 1  # nothing that makes sense: never stay where we are
                break
            if character == "'":
                quoted = True
                end = self._text.find("'", self._at + 1)
                end = len(self._text) if end < 0 else end
                parts.append(self._text[self._at + 1 : end])
                self._at = end + 1
            elif character == '"':
                quoted = True
                self._at += 1
                self._in_quotes(parts)
            else:
                parts.append(self._piece(quoted=False))
        return Word(_joined(parts), quoted)

    def _home(self, begin: int) -> Variable | None:
        """The home that a tilde stands for: at the beginning of a word, or of a part of a value that is assigned."""
        is_part = self._at > begin and self._text[self._at - 1] in "=:" and _ASSIGNED.match(self._text, begin, self._at)
        named = _HOME.match(self._text, self._at) if is_part or self._at == begin else None
        if named is None:
            return None
        self._at = named.end()
        return Variable(named[0], quoted=True)

    def _is_substituted_file(self) -> bool:
        return self._text.startswith(("<(", ">("), self._at)

    def _in_quotes(self, parts: list[Part]) -> None:
        while self._at < len(self._text):
            if self._text[self._at] == '"':
                self._at += 1
                return
            parts.append(self._piece(quoted=True))

    def _piece(self, *, quoted: bool) -> Part:
        """What begins here: a run of plain characters, an escape, or something to be put in."""
        character = self._text[self._at]
        following = self._text[self._at + 1 : self._at + 2]
        if character == "\\":
            self._at += 2
            return following if not quoted or following in '$`"\\' else f"\\{following}"
        if character == "`":
            return self._in_backticks()
        if character in "<>" and following == "(" and not quoted:
            return Substituted(self._inside("("))
        if character == "$" and following:
            return self._put_in(following, quoted)
        plain = (_PLAIN_IN_QUOTES if quoted else _PLAIN).match(self._text, self._at)
        self._at = plain.end() if plain else self._at + 1
        return plain[0] if plain else character

    def _in_backticks(self) -> Substituted:
        begin = self._at = self._at + 1
        while self._at < len(self._text) and self._text[self._at] != "`":
            self._at += 2 if self._text[self._at] == "\\" else 1
        inside = self._text[begin : self._at]
        self._at += 1
        return Substituted(inside.replace("\\`", "`"))

    def _put_in(self, following: str, quoted: bool) -> Part:
        if following == "(":
            if self._text.startswith("$((", self._at):
                self._inside("(")
                return Substituted("")
            return Substituted(self._inside("("))
        if following == "{":
            return self._in_braces(self._inside("{", quoted=quoted), quoted)
        if following in ("'", '"') and not quoted:
            self._at += 1  # $'...' and $"..." are quotes in bash
            return ""
        begin = self._at = self._at + 1
        if following in _SPECIAL:
            self._at += 1
            return Variable(following, quoted)
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            self._at += 1
        return Variable(self._text[begin : self._at], quoted) if self._at > begin else "$"

    def _inside(self, opening: str, *, quoted: bool = False) -> str:
        """What stands between the bracket that comes next and the one that closes it. Within double quotes an apostrophe is one."""
        begin = self._at = self._text.index(opening, self._at) + 1
        waiting = [_CLOSES[opening]]
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\\":
                self._at += 1
            elif character == waiting[-1]:
                waiting.pop()
                if not waiting:
                    break
            elif character == "'" and waiting[-1] != '"' and not (quoted and len(waiting) == 1):
                end = self._text.find("'", self._at + 1)
                self._at = len(self._text) if end < 0 else end
            elif character == '"':
                waiting.append('"')
            elif character in _CLOSES and (waiting[-1] != '"' or self._text[self._at - 1] == "$"):
                waiting.append(_CLOSES[character])
            self._at += 1
        inside = self._text[begin : self._at]
        self._at += 1
        return inside

    def _in_braces(self, inside: str, quoted: bool) -> Part:
        """${NAME}, ${NAME:-default}; anything else that bash can do with a variable is not known."""
        end = next((at for at, character in enumerate(inside) if character not in _NAME), len(inside))
        name, rest = inside[:end], inside[end:]
        if not name:
            return Variable(inside[:1] if inside[:1] in _SPECIAL else "", quoted)
        for sign in (":-", "-", ":=", "="):
            if rest.startswith(sign):
                default = self._default(rest[len(sign) :], quoted)
                return Variable(name, quoted, default, assigned=sign.endswith("="))
        if rest in ("[@]", "[*]"):
            return Variable(name, quoted=False)
        # The first of several values is what an array stands for by itself.
        rest = rest.removeprefix("[0]")
        if cut := cut_by(rest):
            return Variable(name, quoted, cut=cut)
        return Variable(name, quoted) if not rest else Substituted("")

    def _default(self, text: str, quoted: bool) -> tuple[Part, ...]:
        if self._depth >= DEFAULTS_DEEP_MAX:
            return (Substituted(""),)
        if quoted and len(text) > 1 and text[0] == text[-1] == "'":
            return (text[1:-1],)
        return _Reading(text, self._depth + 1).in_braces(quoted)

    def in_braces(self, quoted: bool) -> tuple[Part, ...]:
        """The parts of all of the text, as of a default, in which quotes may begin and end."""
        parts: list[Part] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == '"':
                self._at += 1
                self._in_quotes(parts)
            elif character == "'" and not quoted:
                end = self._text.find("'", self._at + 1)
                end = len(self._text) if end < 0 else end
                parts.append(self._text[self._at + 1 : end])
                self._at = end + 1
            elif character == "~" and not quoted and (home := self._home(0)):
                parts.append(home)
            else:
                parts.append(self._piece(quoted=quoted))
        return _joined(parts)


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """The same with neighbouring texts as one."""
    joined: list[Part] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            run.append(part)
            continue
        if run:
            joined.append("".join(run))
            run = []
        joined.append(part)
    if run:
        joined.append("".join(run))
    return tuple(joined)
