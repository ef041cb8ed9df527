"""The functions that a text for a shell makes, and what `$1`, `"$@"` and their like stand for in them and in scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.simple_commands import Step

UNKNOWN = "\0"  # in a value, for each part that only running tells
MAYBE_NONE = UNKNOWN * 2  # a word of which nothing is known, and that is none where the variable is empty
UNSET = UNKNOWN * 3  # a word that is a variable which nothing sets that was read
STEPS_MAX, FUNCTIONS_MAX = 2000, 500
FUNCTIONS_DEEP_MAX = 10  # that are made in each other
CHOICES_MAX = 20
NAMES_MAX = 5  # words of a command that are looked at
ALL = ("@", "*")
_CHOICE = re.compile(r"[\w./@+-]{1,300}")
_SHIFTS = re.compile(r"\b(?:shift|getopts)\b|\bset\s{1,9}--")


@dataclass
class Function:
    """`steps` are what stands between its braces. `depends`: what it starts is only known of each call."""

    name: str
    steps: list[Step] = field(default_factory=list)
    depends: bool = False
    _depth: int = 0
    _begun: bool = False

    def take(self, step: Step) -> bool:
        """One step more; whether it is the last."""
        if step.simple is not None and len(self.steps) < STEPS_MAX:
            self.steps.append(step)
        begins = step.braces > 0 or (step.opened > 0 and step.function is None)
        self._begun = self._begun or begins
        self._depth += step.braces + step.opened
        return self._begun and self._depth <= 0

    @property
    def names(self) -> set[str]:
        """The words that may be the names of other functions."""
        words = (word.plain for step in self.steps if step.simple for word in step.simple.words[:NAMES_MAX])
        return {plain for plain in words if plain}

    @property
    def shifts(self) -> bool:
        """Whether it takes its arguments one after the other."""
        return any(_of_shift(step.simple.words[0].plain) for step in self.steps if step.simple and step.simple.words)


def _of_shift(word: str | None) -> bool:
    return word in ("shift", "getopts", "set")


@dataclass(frozen=True)
class Arguments:
    """What a script or function was given; UNKNOWN stands for what is not known. `shifts`: it takes them one after the other, in an
    order that only running tells, so that each may be the first.
    """

    given: tuple[str, ...]
    shifts: bool = False

    @classmethod
    def of_script(cls, words: Iterable[str | None], text: str) -> Arguments:
        """Of a script with this text."""
        given = tuple(UNKNOWN if word is None else word for word in words)
        return cls(given, _SHIFTS.search(text) is not None)

    def value(self, number: int) -> str:
        """What `$1` and so on are; where each may be, all of them in braces."""
        if not self.shifts:
            return self.given[number - 1] if number <= len(self.given) else ""
        return self.choices()

    def choices(self) -> str:
        """One of them."""
        if any(UNKNOWN in each for each in self.given):
            return UNKNOWN
        choices = [each for each in dict.fromkeys(self.given) if _CHOICE.fullmatch(each)][:CHOICES_MAX]
        return f"{{{','.join(choices)}}}" if len(choices) > 1 else "".join(choices)

    def commands(self) -> Sequence[tuple[str, ...]]:
        """What `"$@"` may be, as a command."""
        if not self.shifts:
            return [self.given] if self.given else []
        return [self.given[at:] for at in range(min(len(self.given), CHOICES_MAX))]


def is_number(name: str) -> bool:
    """Whether a variable is an argument."""
    return name.isascii() and name.isdigit() and name != "0"
