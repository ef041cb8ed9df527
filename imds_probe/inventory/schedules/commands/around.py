"""What is around a command: variables, directory and arguments, and what of its words only running tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.shell_commands import Command
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN, Arguments, Function
from imds_probe.inventory.schedules.commands.starter_words import Words
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT
from imds_probe.inventory.schedules.commands.unknown_names import is_nameless
from imds_probe.inventory.schedules.scheduled import Network


@dataclass
class Around:
    """What a command is started with. A shell changes its own. `script` is the one that the command stands in. `partly` are
    variables of whose value only a part is known, and `where` is the directory if that is so. `command` is what the words come
    from that are run, `within` the functions that are only made there. `functions` and `arguments` are those of a shell.
    `perhaps`: nobody knows whether any of this is started. `of_project`: what starts it knows places of a project's own.
    `before` is where it was before it changed its directory, and `pushed` what it goes back to later.
    `network` as in Scheduled.
    """

    environment: dict[str, str]
    directory: str
    script: str = ""
    partly: dict[str, str] = field(default_factory=dict)
    where: str = ""
    command: Command = field(default_factory=lambda: Command(()))
    perhaps: bool = False
    functions: dict[str, Function] = field(default_factory=dict)
    arguments: Arguments | None = None
    within: tuple[Function, ...] = ()
    of_project: bool = False
    before: tuple[str, str] | None = None
    pushed: tuple[tuple[str, str], ...] = ()
    network: Network = "host"

    def copy(self, assigned: Mapping[str, str], directory: str = "", *, perhaps: bool = False) -> Around:
        partly = {name: value for name, value in self.partly.items() if name not in assigned}
        return Around(
            self.environment | dict(assigned),
            directory or self.directory,
            self.script,
            partly,
            "" if directory and directory != self.directory else self.where,
            self.command,
            perhaps or self.perhaps,
            within=self.within,
            network=self.network,
        )


def with_path(words: Words, at: int, path: str, around: Around) -> Around:
    """The same around words of which this one is a path by now."""
    inner = around.copy(
        {}, perhaps=any(UNKNOWN in each for each in (pattern_of(words, at, around) or "", around.where))
    )
    patterns = tuple(None if each == at else around.command.pattern(words, each) for each in range(len(words)))
    inner.command = replace(around.command, words=(*words[:at], path, *words[at + 1 :]), patterns=patterns)
    return inner


def text_at(words: Words) -> int:
    """Which word a shell is told by -c, which may stand among other letters ("-lc") and behind "-o pipefail"; 0 where none is."""
    at, told = 1, False
    while at < len(words) and (word := words[at]) is not None and word.startswith(("-", "+")) and word != "--":
        letters = word[1:] if not word.startswith("--") else ""
        told = told or "c" in letters
        at += 2 if letters.endswith(("o", "O")) or word in ("--rcfile", "--init-file") else 1
    return at if told and at < len(words) and words[at] != "" else 0


def known_text(words: Words, at: int, around: Around) -> str:
    """A text for a shell. What is not known of it is not known to that one either."""
    pattern = around.command.pattern(words, at)
    if pattern is None:
        return words[at] or ""
    return UNKNOWN_TEXT if is_nameless(pattern) else pattern.replace(UNKNOWN, UNKNOWN_TEXT)


def pattern_of(words: Words, at: int, around: Around) -> str | None:
    """As much as is known of the path that a word is, where that is not all; a directory of which that holds stands before it."""
    if at >= len(words):
        return None
    word, pattern = words[at] or "", around.command.pattern(words, at)
    is_relative = bool(word) and word[0] not in "/~" and ("/" in word if at == 0 else at == 1)
    return word if pattern is None and around.where and is_relative else pattern
