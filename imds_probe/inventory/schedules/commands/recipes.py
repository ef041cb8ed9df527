"""The recipes of a Makefile or a justfile, as the commands that make or just runs for its goals.

Variables that are set to texts are put in. A function of make's own is left out. Source: the manuals of GNU Make and just.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass

LINES_MAX, RULES_MAX, GOALS_MAX, VARIABLES_MAX = 5000, 500, 100, 200
VALUE_MAX, LINE_MAX, DEPTH_MAX, PUT_IN_MAX = 2000, 4000, 5, 200
NEEDED_MAX, TEXT_MAX = 500, 256 * 1024  # goals that one goal needs, and characters of what is run
_SET = re.compile(
    r"(?:export |override )?\s{0,20}([A-Za-z_.][\w.-]{0,60})\s{0,20}([:?+!]{0,3})=\s{0,20}(.*)", re.DOTALL
)
_IN_MAKE = re.compile(r"\$(?:\(([\w.@<^*-]{1,60})\)|\{([\w.@<^*-]{1,60})\}|([@<^*$\w]))")
_IN_JUST = re.compile(r"\{\{\s{0,5}([\w-]{1,60})\s{0,5}\}\}")
_CHANGES_DIRECTORY = re.compile(r"\b(?:cd|pushd)\s")
_QUIET = "@-+"
_CONDITION = re.compile(r"(?:ifn?eq|ifn?def|else|endif)(?![\w.:/-])")  # a recipe goes on behind it


@dataclass
class Rules:
    """What a file has: `recipes` and `needed` goals by goal, in the order of the file, and `variables`."""

    just: bool = False
    recipes: dict[str, list[str]] = field(default_factory=dict)
    needed: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    included: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """The rules and variables of a text."""
        goals: list[str] = []
        for line in _joined(text):
            if line[:1] in ("\t", " ") and goals:
                if command := line.strip()[:LINE_MAX]:
                    for goal in goals:
                        self.recipes[goal].append(command)
            elif line.strip() and not line.startswith("#") and (self.just or _CONDITION.match(line) is None):
                goals = self._begun(line)

    def _begun(self, line: str) -> list[str]:
        """The goals whose recipe follows a line; none where the line is something else."""
        word, _, rest = line.partition(" ")
        if word in ("include", "-include", "sinclude", "import"):
            self.included += [each.strip("'\"") for each in rest.split()]
            return []
        if given := _SET.fullmatch(line):
            self._set(given[1], given[2], given[3].strip())
            return []
        before, sign, behind = line.partition(":")
        if not sign or behind.startswith("=") or "=" in before.partition(" ")[0] or len(self.recipes) >= RULES_MAX:
            return []
        goals = [goal.lstrip("@") for goal in before.split()[: 1 if self.just else GOALS_MAX]]
        needed, _, recipe = behind.lstrip(":")[:LINE_MAX].partition(";")
        words = needed.split()
        for goal in goals:
            known = self.needed.setdefault(goal, [])
            known.extend(words[: max(0, NEEDED_MAX - len(known))])
            self.recipes.setdefault(goal, []).extend([recipe.strip()] if recipe.strip() else [])
        return goals

    def _set(self, name: str, sign: str, value: str) -> None:
        known = self.variables.get(name)
        if known is None and len(self.variables) >= VARIABLES_MAX:
            return
        value = value.strip("\"'") if self.just else value
        if known is not None and "?" in sign:
            return
        self.variables[name] = (f"{known} {value}" if known and "+" in sign else value)[:VALUE_MAX]

    def _default(self) -> str | None:
        """The goal of a command line that names none."""
        first = (goal for goal in self.recipes if not goal.startswith(".") and (self.just or "%" not in goal))
        return self.variables.get(".DEFAULT_GOAL") or next(first, None)

    def text(self, goals: Sequence[str], given: Mapping[str, str]) -> str:
        """What is run for these goals, else for the first one, as a text for a shell; `given` are variables of the command."""
        first = self._default()
        waiting = list(goals) or ([first] if first is not None else [])
        done: dict[str, None] = {}
        lines: list[str] = []
        left = TEXT_MAX
        while waiting and len(done) < GOALS_MAX and left > 0:
            goal = waiting.pop(0)
            if goal in done:
                continue
            done[goal] = None
            known: dict[tuple[str, int], str] = {}
            for rule in self._of_goal(goal):
                needed = [each.strip("()|&") for each in self.needed.get(rule, ())]
                put_in = (each for one in needed for each in self._put_in(one, given, goal, 0, known).split())
                waiting += itertools.islice(put_in, NEEDED_MAX)
                for line in self._lines(rule):
                    lines.append(self._put_in(line, given, goal, 0, known))
                    left -= len(lines[-1])
                    if left <= 0:
                        break
        return "\n".join(lines)

    def _lines(self, goal: str) -> Iterator[str]:
        """The commands of a recipe. Each is a shell of its own, so the directory that one goes to is not the next one's."""
        recipe = self.recipes.get(goal, [])
        is_one = ".ONESHELL" in self.recipes or (self.just and recipe[:1] != [] and recipe[0].startswith("#!"))
        for line in (each.lstrip(_QUIET).lstrip() for each in recipe):
            yield f"({line}\n)" if not is_one and _CHANGES_DIRECTORY.search(line) else line

    def _of_goal(self, goal: str) -> list[str]:
        if goal in self.recipes:
            return [goal]
        parts = ((rule, *rule.partition("%")) for rule in self.recipes)
        fitting = (
            rule
            for rule, begin, sign, end in parts
            if sign and len(goal) > len(begin) + len(end) and goal.startswith(begin) and goal.endswith(end)
        )
        return list(itertools.islice(fitting, 1))

    def _put_in(
        self, text: str, given: Mapping[str, str], goal: str, depth: int, done: dict[tuple[str, int], str]
    ) -> str:
        """A text with the values of its variables. Each is put together once: they may stand for many of each other."""

        def value(match: re.Match[str]) -> str:
            name = match[1] if self.just else (match[1] or match[2] or match[3])
            if name == "$":
                return "$"
            if name == "MAKE":
                return "make"
            if name == "@":
                return goal
            known = given.get(name, self.variables.get(name))
            if known is None or depth >= DEPTH_MAX:
                return ""
            if (name, depth) not in done:
                done[name, depth] = self._put_in(known, given, goal, depth + 1, done)
            return done[name, depth]

        pattern = _IN_JUST if self.just else _IN_MAKE
        return pattern.sub(value, text[:LINE_MAX], PUT_IN_MAX)[:LINE_MAX]


def _joined(text: str) -> Iterator[str]:
    """Lines, of which one that ends in a backslash goes on in the next."""
    begun = ""
    for number, line in enumerate(text.split("\n")):
        if number >= LINES_MAX:
            break
        if line.endswith("\\"):
            begun = f"{begun}{line[:-1]} "[:LINE_MAX]
            continue
        yield f"{begun}{line}".rstrip()
        begun = ""


def goals_of(arguments: Iterable[str | None], valued: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The goals that a command line names, and the variables that it sets."""
    goals: list[str] = []
    given: dict[str, str] = {}
    words = iter([word or "" for word in arguments])
    for word in words:
        name, sign, value = word.partition("=")
        if word.startswith("-"):
            if word in valued:
                next(words, None)
        elif sign and name.replace("_", "a").isalnum():
            given[name] = value
        elif word:
            goals.append(word)
    return goals, given
