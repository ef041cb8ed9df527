"""The simple commands of a text for a shell, whatever lists, loops, conditions and functions they stand in.

Every branch is taken: what a condition would say is not known. A variable has the value that it was given last. A function is
gone through where it is made, without its arguments, and again where it is called, if that tells more.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.recent_lines import RECENT
from imds_probe.inventory.schedules.commands.shell_functions import (
    ALL,
    FUNCTIONS_DEEP_MAX,
    FUNCTIONS_MAX,
    MAYBE_NONE,
    UNKNOWN,
    UNSET,
    Arguments,
    Function,
    is_number,
)
from imds_probe.inventory.schedules.commands.shell_text import HOME_OF, Part, Variable, Word
from imds_probe.inventory.schedules.commands.simple_commands import START, VALUE_MAX, WORDS_MAX, Simple, Step, taken

TEXT_MAX = 64 * 1024
DEPTH_MAX = 6
COMMANDS_MAX = 1000
CALLED_MAX, CALLS_DEEP_MAX = 1000, 6  # commands of functions that are called again, and calls in each other
VARIABLES_MAX = 500
PRINTED_FROM_MAX, PRINTED_DEPTH_MAX = 200, 2  # each depth goes through what is nested once more
CD, PWD, RUN_PARTS = "cd", "pwd", "run-parts"
ANY = "="  # no name of a variable: some were set whose names are not known
_OF_SHELL = frozenset(("BASH", "OLDPWD", "PWD", "REPLY", "SHELL", "_"))  # which sets them by itself
_PRINTING: Mapping[str, Callable[[str], str]] = {
    "dirname": lambda path: posixpath.dirname(path) or ".",
    "basename": posixpath.basename,
    "readlink": posixpath.normpath,
    "realpath": posixpath.normpath,
    "echo": str,
    "which": str,
    "command": str,
    "cygpath": str,  # of scripts that run elsewhere, too
}
TOO_DEEP = "commands that stand in each other without end"
TOO_LONG = "a text for a shell of more than 65536 characters"
TOO_MANY = "more than 1000 commands in one text"


@dataclass(frozen=True)
class Command:
    """One simple command. A word that only running it would tell is None. `assigned` are the variables before it. `level` says
    in how many shells within this one it runs: what changes there is as before outside of it. `fed` is what it reads from a
    here-document or here-string, without what only running tells. `is_piped`: it reads what the command before it writes.
    `patterns` are words of which only a part is known, with UNKNOWN for the rest, and None for those that are known; empty where
    all are. `within` are the functions that it stands in, where they are made. `target` is the file that has what it writes, where
    that is known, and is a here-document.
    """

    words: tuple[str | None, ...]
    level: int = 0
    assigned: Mapping[str, str] = field(default_factory=dict)
    fed: str | None = None
    is_piped: bool = False
    patterns: tuple[str | None, ...] = ()
    within: tuple[Function, ...] = ()
    target: str = ""

    def pattern(self, words: Sequence[str | None], at: int = 0) -> str | None:
        """Of a word among the last of the command's own, as much as is known where that is not all."""
        if not self.patterns:
            return UNKNOWN if words[at] is None else None
        own = at + len(self.words) - len(words)
        if own >= 0 and tuple(words[at:]) == self.words[own:]:
            return self.patterns[own]
        return UNKNOWN if words[at] is None else None


@dataclass
class Shell:
    """One shell. `variables` change as it goes on, without what only running tells; `partly` are those of which that is a part,
    with UNKNOWN for it. `arguments` are those of the script, None where they are not known. `problems` are what was not followed.
    `here` gives the directory in so many shells within this one, nothing where that is not known; `home` that of a user, or
    of who runs this where no name is given.
    """

    variables: dict[str, str]
    problems: list[str] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    partly: dict[str, str] = field(default_factory=dict)
    arguments: Arguments | None = None
    here: Callable[[int], str] = lambda level: ""
    home: Callable[[str], str | None] = lambda user: None
    _level: int = 0
    _links: set[str] = field(default_factory=set)
    _left: int = COMMANDS_MAX
    _left_called: int = CALLED_MAX
    _made: tuple[Function, ...] = ()
    _called: tuple[str, ...] = ()
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
                self._make(step)
                if step.simple is not None:
                    yield from self._simple(step.simple, depth, level + opened)
                opened = max(0, opened + step.opened)
                if self._left <= 0:
                    self._problem(TOO_MANY)
                    return

    def _make(self, step: Step) -> None:
        """The functions that are made here, each with what stands in it."""
        has_room = len(self.functions) < FUNCTIONS_MAX and len(self._made) < FUNCTIONS_DEEP_MAX
        if step.function is not None and has_room:
            made = self.functions[step.function] = Function(step.function)
            self._made = (*self._made, made)
        if self._made:
            self._made = tuple(each for each in self._made if not each.take(step))

    def called(self, function: Function, given: Sequence[str]) -> Iterator[Command]:
        """The commands of a function with these arguments. What calls itself is not gone through again."""
        if function.name in self._called or len(self._called) >= CALLS_DEEP_MAX:
            return
        outer, made, called, left = self.arguments, self._made, self._called, self._left
        self.arguments, self._made = Arguments(tuple(given), function.shifts), ()
        self._called = (*called, function.name)
        try:
            for step in tuple(function.steps):
                for command in self._simple(step.simple, 0, 0) if step.simple is not None else ():
                    if self._left_called <= 0:
                        return
                    self._left_called -= 1
                    yield command
        finally:
            self.arguments, self._made, self._called, self._left = outer, made, called, left

    def depends(self, function: Function) -> bool:
        """Whether what it starts depends on the call, or that holds of functions that it calls."""
        known, ahead = {function.name}, [function]
        while ahead:
            each = ahead.pop()
            if each.depends:
                return True
            new = (each.names & self.functions.keys()) - known
            known |= new
            ahead += [self.functions[name] for name in new]
        return False

    @property
    def is_open(self) -> bool:
        """Whether the text ends within a function of which not all is known."""
        return any(each.depends for each in self._made)

    @property
    def calls_too_many(self) -> bool:
        """Whether functions that are called are not gone through any more."""
        return self._left_called <= 0

    def _problem(self, what: str) -> None:
        if what not in self.problems:
            self.problems.append(what)

    def _simple(self, simple: Simple, depth: int, level: int) -> Iterator[Command]:
        for text in simple.substituted:
            yield from self._commands(text, depth + 1, level + 1)
        if simple.is_loop:
            name, parts = simple.assigned[0]
            self.assign(name, self._choices() if self._is_of_all(parts) else self._each_of(parts))
            return
        self._level = level
        if simple.link and simple.link not in self.partly:
            self._links.add(simple.link)
        given = {name: self._pattern(parts) for name, parts in simple.assigned}
        if not simple.words:
            for name, value in given.items():
                self.assign(name, value)
            return
        self._left -= 1
        expanded = [each for word in simple.words for each in self._expanded(word)] if simple.fixed is None else []
        words = simple.fixed if simple.fixed is not None else tuple(word for word, _ in expanded)
        if words:
            fed = self._joined(simple.fed) if simple.fed is not None else None
            assigned = {name: value.replace(UNKNOWN, "") for name, value in given.items()}
            patterns = tuple(pattern for _, pattern in expanded[:WORDS_MAX])
            patterns = patterns if any(patterns) else ()
            for each in self._each_suffix(simple, words):
                yield Command(each, level, assigned, fed, simple.is_piped, within=self._made)
            target = self._pattern(simple.target) if simple.target else ""
            target = "" if UNKNOWN in target else target
            yield Command(words[:WORDS_MAX], level, assigned, fed, simple.is_piped, patterns, self._made, target)

    def _each_suffix(self, simple: Simple, words: tuple[str | None, ...]) -> Iterator[tuple[str | None, ...]]:
        """Where a command is all arguments, and some were taken before: what else it may be."""
        arguments = self.arguments
        if self._made or arguments is None or not arguments.shifts or not simple.words:
            return
        first = simple.words[0].parts
        if len(first) != 1 or not isinstance(first[0], Variable) or first[0].name not in ALL:
            return
        rest = words[len(arguments.given) :]
        for given in arguments.commands()[1:]:
            if not any(UNKNOWN in each for each in given):
                yield (*given, *rest)[:WORDS_MAX]

    def assign(self, name: str, value: str) -> None:
        """From now on the variable has this value, which may have UNKNOWN in it."""
        if name in self._links and UNKNOWN in value and self.variables.get(name):
            return  # what a symbolic link leads to, where the path was one
        if name in self.variables or len(self.variables) < VARIABLES_MAX:
            value = value[:VALUE_MAX]
            self.variables[name] = value.replace(UNKNOWN, "")
            self.partly.pop(name, None)
            if UNKNOWN in value:
                self.partly[name] = value

    def forget(self, name: str) -> None:
        """From now on nothing is known of it."""
        self.variables.pop(name, None)
        if name and (name in self.partly or len(self.partly) < VARIABLES_MAX):
            self.partly[name] = UNKNOWN

    def _joined(self, parts: Sequence[Part]) -> str:
        """What a text comes to; what only running tells is left out."""
        return self._pattern(parts).replace(UNKNOWN, "")

    def _pattern(self, parts: Sequence[Part]) -> str:
        """The same with UNKNOWN for it."""
        return "".join(self._with_unknown(part) for part in parts)[:VALUE_MAX]

    def _with_unknown(self, part: Part) -> str:
        if isinstance(part, Variable):
            name = "HOME" if part.name == HOME_OF else part.name
            if (partly := self.partly.get(name)) is not None:
                return UNKNOWN if part.cut else partly
            if is_number(part.name) and self.arguments is not None and not self._made and not part.cut:
                return self.arguments.value(int(part.name[:4])) or self._default(part)
            if part.default and part.name not in ALL:
                return self._own(part) or self._default(part)
        value = self._value(part)
        return UNKNOWN if value is None else value

    def _each_of(self, parts: Sequence[Part]) -> str:
        """What a loop goes through; of a variable by itself, each word of its value."""
        value = self._pattern(parts)
        words = value.split() if len(parts) == 1 and isinstance(parts[0], Variable) else []
        return f"{{{','.join(words)}}}" if len(words) > 1 else value

    def _is_of_all(self, parts: Sequence[Part]) -> bool:
        return len(parts) == 1 and isinstance(parts[0], Variable) and parts[0].name in ALL

    def _choices(self) -> str:
        return UNKNOWN if self.arguments is None or self._made else self.arguments.choices()

    def _expanded(self, word: Word) -> list[tuple[str | None, str | None]]:
        """What a word becomes, each with its pattern where not all of it is known: where a variable stands by itself and
        unquoted, as many words as its value has.
        """
        if len(word.parts) == 1 and isinstance(part := word.parts[0], Variable):
            if self._is_unset(part):
                return [(None, UNSET)]
            if part.name in ALL and self.arguments is not None and not self._made:
                return [(None, each) if UNKNOWN in each else (each, None) for each in self.arguments.given]
            if not part.quoted:
                return [_split(each) for each in self._with_unknown(part).split()[:WORDS_MAX]]
        if not word.parts:
            return [("", None)] if word.quoted else []
        patterns = [self._with_unknown(part) for part in word.parts]
        pattern = "".join(patterns)[:VALUE_MAX]
        if UNKNOWN not in pattern:
            return [(pattern, None)]
        # Of a variable that was set, the part that is known is its value.
        is_set = all(
            isinstance(part, Variable) and self._value(part) is not None
            for part, known in zip(word.parts, patterns, strict=True)
            if UNKNOWN in known
        )
        return [(pattern.replace(UNKNOWN, "") if is_set else None, pattern)]

    def _is_unset(self, part: Variable) -> bool:
        """Whether nothing gives the variable a value. What may be set in a way that nobody knows is none of these."""
        name = part.name
        if ANY in self.partly or name in self.partly or name in self.variables or part.default:
            return False
        return name not in _OF_SHELL and name.replace("_", "a").isalnum() and not is_number(name[:1])

    def _value(self, part: Part) -> str | None:
        if isinstance(part, str):
            return part
        if isinstance(part, Variable):
            value = self._known(part)
            return part.cut.of(value) if part.cut and value else value
        known = 0 < len(part.command) <= PRINTED_FROM_MAX and self._within < PRINTED_DEPTH_MAX
        return self._printed(part.command) if known else None

    def _known(self, part: Variable) -> str | None:
        value = self._own(part)
        if value or not part.default or (value is None and part.name in ALL and self._is_given):
            return value
        default = self._default(part)
        return None if UNKNOWN in default else default or value

    def _default(self, part: Variable) -> str:
        """What stands for a variable that has no value, with UNKNOWN in it."""
        value = self._pattern(part.default)
        if part.assigned:
            self.assign(part.name, value)
        return value

    @property
    def _is_given(self) -> bool:
        """Whether there are arguments here that are looked at."""
        return self.arguments is not None and not self._made

    def _own(self, part: Variable) -> str | None:
        """What a variable was given; None where that is not known, or nothing was."""
        if is_number(part.name) or part.name in ALL:
            return self._argument(part.name)
        if part.name == HOME_OF:
            return self.variables.get("HOME") or self.home("")
        if part.name.startswith(HOME_OF):
            return self.home(part.name[1:])
        value = self.variables.get(part.name)
        return self.here(self._level) or None if value is None and part.name == "PWD" else value

    def _argument(self, name: str) -> str | None:
        if self.arguments is None or self._made:
            return None
        value = " ".join(self.arguments.given) if name in ALL else self.arguments.value(int(name[:4]))
        return None if UNKNOWN in value else value

    def _printed(self, text: str) -> str | None:
        """What a substitution comes to, where it does no more than take a path apart: "$(dirname "$0")"."""
        if _logs_in(text):
            return "docker login"
        if _prints_else(text):
            return None
        directory = ""
        here = self.here(self._level)
        inner = Shell(
            dict(self.variables),
            partly=dict(self.partly),
            arguments=self.arguments,
            here=lambda _: directory or here,
            home=self.home,
            _within=self._within + 1,
        )
        inner._made = self._made
        for command in inner.commands(text):
            if command.level:
                continue  # of a substitution within, which has its value where it stands
            if None in command.words or command.patterns:
                return None
            name, *arguments = map(str, command.words)
            named = [word for word in arguments if not word.startswith("-")]
            if name == CD and named:
                directory = posixpath.normpath(posixpath.join(directory or here, named[0]))
            elif name == PWD:
                return directory or here or None
            elif name in _PRINTING and named:
                return _PRINTING[name](named[0])
            elif name == RUN_PARTS and "--list" in arguments and named:
                return f"{named[-1].rstrip('/')}/*"
            else:
                return None
        return None


def _split(word: str) -> tuple[str | None, str | None]:
    """A word of a variable's value, with its pattern."""
    known = word.replace(UNKNOWN, "")
    if known == word:
        return word, None
    return (known, word) if known else (None, MAYBE_NONE)


def _logs_in(text: str) -> bool:
    """Whether the AWS CLI prints a command of Docker's, as its first version did."""
    words = text.split()
    return any(pair == ("ecr", "get-login") for pair in itertools.pairwise(words))


def _prints_else(text: str) -> bool:
    """Whether a text begins with a command whose words are all there, and which takes no path apart."""
    steps: Sequence[Step] = next((steps for line in RECENT.of(text)[:1] for steps, _ in [taken(line, START)]), ())
    first = steps[0].simple if steps and steps[0].function is None else None
    if first is None or not first.fixed or first.substituted or first.assigned:
        return False
    return first.fixed[0] not in _PRINTING and first.fixed[0] not in (CD, PWD, RUN_PARTS)
