"""The simple commands of a text for a shell, whatever lists, loops, conditions and functions they stand in.

Every branch is taken: what a condition would say is not known. A variable has the value that it was given last.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.recent_lines import RECENT
from imds_probe.inventory.schedules.commands.shell_text import Part, Variable, Word
from imds_probe.inventory.schedules.commands.simple_commands import START, VALUE_MAX, WORDS_MAX, Simple, Step, taken

TEXT_MAX = 64 * 1024
DEPTH_MAX = 6
COMMANDS_MAX = 1000
VARIABLES_MAX = 500
PRINTED_FROM_MAX, PRINTED_DEPTH_MAX = 200, 2  # each depth goes through what is nested once more
CD, PWD = "cd", "pwd"
_PRINTING: Mapping[str, Callable[[str], str]] = {
    "dirname": lambda path: posixpath.dirname(path) or ".",
    "basename": posixpath.basename,
    "readlink": posixpath.normpath,
    "realpath": posixpath.normpath,
    "echo": str,
    "which": str,
    "command": str,
}
TOO_DEEP = "commands that stand in each other without end"
TOO_LONG = "a text for a shell of more than 65536 characters"
TOO_MANY = "more than 1000 commands in one text"


@dataclass(frozen=True)
class Command:
    """One simple command. A word that only running it would tell is None. `assigned` are the variables before it. `level` says
    in how many shells within this one it runs: what changes there is as before outside of it. `fed` is what it reads from a
    here-document or here-string, without what only running tells. `is_piped`: it reads what the command before it writes.
    """

    words: tuple[str | None, ...]
    level: int = 0
    assigned: Mapping[str, str] = field(default_factory=dict)
    fed: str | None = None
    is_piped: bool = False


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
        opened, state = 0, START
        for line in RECENT.of(text):
            steps, state = taken(line, state)
            for step in steps:
                if step.function is not None:
                    self.functions.add(step.function)
                if step.simple is not None:
                    yield from self._simple(step.simple, depth, level + opened)
                opened = max(0, opened + step.opened)
                if self._left <= 0:
                    self._problem(TOO_MANY)
                    return

    def _problem(self, what: str) -> None:
        if what not in self.problems:
            self.problems.append(what)

    def _simple(self, simple: Simple, depth: int, level: int) -> Iterator[Command]:
        for text in simple.substituted:
            yield from self._commands(text, depth + 1, level + 1)
        if simple.is_loop and any(self._value(part) is None for part in simple.assigned[0][1]):
            self.variables.pop(simple.assigned[0][0], None)
            return
        assigned = {name: self._joined(parts) for name, parts in simple.assigned}
        if not simple.words:
            for name, value in assigned.items():
                self.assign(name, value)
            return
        self._left -= 1
        expanded: tuple[str | None, ...] | None = simple.fixed
        if expanded is None:
            expanded = tuple(value for word in simple.words for value in self._expanded(word))
        if expanded:
            fed = self._joined(simple.fed) if simple.fed is not None else None
            yield Command(expanded[:WORDS_MAX], level, assigned, fed, simple.is_piped)

    def assign(self, name: str, value: str) -> None:
        """From now on the variable has this value."""
        if name in self.variables or len(self.variables) < VARIABLES_MAX:
            self.variables[name] = value[:VALUE_MAX]

    def _joined(self, parts: Sequence[Part]) -> str:
        """What a variable is set to; what only running tells is left out."""
        return "".join(self._value(part) or "" for part in parts)[:VALUE_MAX]

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
        if _prints_else(text):
            return None
        directory = ""
        for command in Shell(dict(self.variables), _within=self._within + 1).commands(text):
            if command.level:
                continue  # of a substitution within, which has its value where it stands
            if None in command.words:
                return None
            name, *arguments = map(str, command.words)
            named = [word for word in arguments if not word.startswith("-")]
            if name == CD and named:
                directory = named[0]
            elif name == PWD:
                return directory or None
            elif name in _PRINTING and named:
                return _PRINTING[name](named[0])
            else:
                return None
        return None


def _prints_else(text: str) -> bool:
    """Whether a text begins with a command whose words are all there, and which takes no path apart."""
    steps: Sequence[Step] = next((steps for line in RECENT.of(text)[:1] for steps, _ in [taken(line, START)]), ())
    first = steps[0].simple if steps and steps[0].function is None else None
    if first is None or not first.fixed or first.substituted or first.assigned:
        return False
    return first.fixed[0] not in _PRINTING and first.fixed[0] not in (CD, PWD)
