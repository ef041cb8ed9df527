"""The simple commands of a text for a shell, whatever lists, loops, conditions and functions they stand in.

Every branch is taken: what a condition would say is not known. A variable has the value that it was given last.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.recent_tokens import RECENT
from imds_probe.inventory.schedules.commands.shell_text import Part, Substituted, Token, Variable, Word

TEXT_MAX = 64 * 1024
DEPTH_MAX = 6
COMMANDS_MAX = 1000
WORDS_MAX = 1000
VALUE_MAX = 16 * 1024
VARIABLES_MAX = 500
PRINTED_FROM_MAX, PRINTED_DEPTH_MAX = 200, 2  # each depth goes through what is nested once more
_PRINTING: Mapping[str, Callable[[str], str]] = {
    "dirname": lambda path: posixpath.dirname(path) or ".",
    "basename": posixpath.basename,
    "readlink": posixpath.normpath,
    "realpath": posixpath.normpath,
    "echo": str,
    "which": str,
    "command": str,
}
# Words of the language that a command may stand behind.
_BEFORE_COMMANDS = frozenset("if then elif else while until do { ! time coproc".split())  # noqa: SIM905
_CLOSING = frozenset("fi done esac }".split())  # noqa: SIM905
_WITH_WORDS = frozenset(("for", "select", "case", "function"))  # what follows is no command up to the next operator
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
TOO_DEEP = "commands that stand in each other without end"
TOO_LONG = "a text for a shell of more than 65536 characters"
TOO_MANY = "more than 1000 commands in one text"


@dataclass(frozen=True)
class Command:
    """One simple command. A word that only running it would tell is None. `assigned` are the variables before it. `level` says
    in how many shells within this one it runs: what changes there is as before outside of it.
    """

    words: tuple[str | None, ...]
    level: int = 0
    assigned: Mapping[str, str] = field(default_factory=dict)


class _Patterns:
    """What stands between "case" or the end of a branch and a closing bracket is no command."""

    def __init__(self) -> None:
        self._cases, self._here = 0, False

    def take(self, token: Token, pending: Sequence[Word]) -> bool:
        """Whether the token, and the words before it, are of such a pattern."""
        plain = token.plain if isinstance(token, Word) else None
        if self._here:
            self._here = token != ")" and plain != "esac"
            self._cases -= plain == "esac"
            return True
        if plain == "in" and len(pending) > 1 and pending[-2].plain == "case":
            self._cases += 1
            self._here = True
            return True
        if self._cases and plain == "esac" and not pending:
            self._cases -= 1
            return True
        self._here = self._cases > 0 and token in (";;", ";&", ";;&")
        return False


@dataclass
class Shell:
    """One shell. `variables` change as it goes on; `problems` are what was not followed."""

    variables: dict[str, str]
    problems: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    _left: int = COMMANDS_MAX
    _within: int = 0  # so many substitutions whose value is worked out

    def commands(self, text: str) -> Iterator[Command]:
        """The commands of a text in its order; those of substitutions before the command that they stand in."""
        yield from self._commands(text, 0, 0)

    def _commands(self, text: str, depth: int, level: int) -> Iterator[Command]:
        if depth > DEPTH_MAX:
            self._problem(TOO_DEEP)
            return
        if len(text) > TEXT_MAX:
            self._problem(TOO_LONG)
            text = text[:TEXT_MAX]
        opened = 0
        pending: list[Word] = []
        patterns = _Patterns()
        for token in itertools.chain(RECENT.of(text), ("\n",)):
            if patterns.take(token, pending):
                pending = []
                continue
            if isinstance(token, Word):
                pending.append(token)
                continue
            if token == "(" and pending:  # a function is made: NAME ()
                self.functions.add(pending[0].plain or "")
                pending = []
            yield from self._simple(pending, depth, level + opened)
            pending = []
            opened = max(0, opened + (token == "(") - (token == ")"))
            if self._left <= 0:
                self._problem(TOO_MANY)
                return

    def _problem(self, what: str) -> None:
        if what not in self.problems:
            self.problems.append(what)

    def _simple(self, words: list[Word], depth: int, level: int) -> Iterator[Command]:
        for word in words:
            for part in word.parts:
                if isinstance(part, Substituted) and part.command:
                    yield from self._commands(part.command, depth + 1, level + 1)
        words = _without_keywords(words)
        assigned: dict[str, str] = {}
        while words and (pair := self._assignment(words[0])):
            assigned[pair[0]] = pair[1]
            words = words[1:]
        if not words:
            for name, value in assigned.items():
                self.assign(name, value)
            return
        self._left -= 1
        expanded = tuple(value for word in words[:WORDS_MAX] for value in self._expanded(word))
        if expanded:
            yield Command(expanded[:WORDS_MAX], level, assigned)

    def assign(self, name: str, value: str) -> None:
        """From now on the variable has this value."""
        if name in self.variables or len(self.variables) < VARIABLES_MAX:
            self.variables[name] = value[:VALUE_MAX]

    def _assignment(self, word: Word) -> tuple[str, str] | None:
        first = word.parts[0] if word.parts else None
        if not isinstance(first, str):
            return None
        name, sign, rest = first.partition("=")
        name = name.removesuffix("+")
        if not sign or not name or not _NAME.issuperset(name) or name[0].isdigit():
            return None
        values = [self._value(part) for part in (rest, *word.parts[1:])]
        return name, "".join(value or "" for value in values)[:VALUE_MAX]

    def _expanded(self, word: Word) -> list[str | None]:
        """What a word becomes: where a variable stands by itself and unquoted, as many words as its value has."""
        if len(word.parts) == 1 and isinstance(part := word.parts[0], Variable) and not part.quoted:
            value = self._value(part)
            return [None] if value is None else list(value.split()[:WORDS_MAX])
        if not word.parts:
            return [""] if word.quoted else []
        values = [self._value(part) for part in word.parts]
        return [None if any(value is None for value in values) else "".join(map(str, values))[:VALUE_MAX]]

    def _value(self, part: Part) -> str | None:
        if isinstance(part, str):
            return part
        if isinstance(part, Variable):
            value = self.variables.get(part.name)
            return value if value is not None else part.default or None
        known = 0 < len(part.command) <= PRINTED_FROM_MAX and self._within < PRINTED_DEPTH_MAX
        return self._printed(part.command) if known else None

    def _printed(self, text: str) -> str | None:
        """What a substitution comes to, where it does no more than take a path apart: "$(dirname "$0")"."""
        directory = ""
        for command in Shell(dict(self.variables), _within=self._within + 1).commands(text):
            if command.level:
                continue  # of a substitution within, which has its value where it stands
            if None in command.words:
                return None
            name, *arguments = map(str, command.words)
            named = [word for word in arguments if not word.startswith("-")]
            if name == "cd" and named:
                directory = named[0]
            elif name == "pwd":
                return directory or None
            elif name in _PRINTING and named:
                return _PRINTING[name](named[0])
            else:
                return None
        return None


def _without_keywords(words: list[Word]) -> list[Word]:
    at = 0
    while at < len(words) and not words[at].quoted:
        plain = words[at].plain
        if plain in _WITH_WORDS or plain in _CLOSING or plain in ("[[", "in"):
            return []
        if plain not in _BEFORE_COMMANDS:
            break
        at += 1
    return words[at:]
