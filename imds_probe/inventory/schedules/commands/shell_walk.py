"""The way through a text for a shell: its commands and functions, and the here-documents and pipes that feed them."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence

from imds_probe.inventory.code.following.fed import with_code, with_file
from imds_probe.inventory.schedules.commands.activated import activated, is_whole
from imds_probe.inventory.schedules.commands.around import Around, known_text
from imds_probe.inventory.schedules.commands.followed import NO_NAME, TOO_DEEP, TOO_MANY
from imds_probe.inventory.schedules.commands.shell_commands import ANY, Command, Shell
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN, Function
from imds_probe.inventory.schedules.commands.starter_words import Words
from imds_probe.inventory.schedules.commands.starters import inner
from imds_probe.inventory.schedules.commands.surroundings import Surroundings
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT
from imds_probe.inventory.schedules.commands.unknown_names import fits, is_nameless
from imds_probe.inventory.schedules.commands.walking import DEPTH_MAX, path_of

WRITTEN_MAX, WORDS_BEFORE_SCRIPT = 50, 4  # here-documents of one command that are kept as files
_SHELL_OF_SUDO = re.compile(r"\s-(?:[a-zA-Z]{0,9}[is]|-login|-shell)")
_BUILTINS = frozenset(
    """
    : [ true false echo printf read set shift exit return unset umask ulimit wait kill let type hash getopts alias unalias
    jobs bg fg break continue pwd popd dirs disown shopt enable test mapfile readarray
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_ASSIGNING = frozenset(("export", "readonly", "local", "declare", "typeset"))


class ShellWalk(Surroundings):
    """The part that runs what stands in a text."""

    def run_text(self, text: str, around: Around, depth: int) -> None:
        """A text for a shell, which changes what is around it."""
        shell = Shell(around.environment, functions=around.functions, partly=around.partly, arguments=around.arguments)
        shell.home = self._home
        if depth > DEPTH_MAX:
            if any(_starts_something(command) for command in shell.commands(text)):
                self._say(TOO_DEEP, around)
            return
        outer = around.command
        self._run_commands(shell.commands(text), shell, around, depth)
        around.command = outer
        if shell.is_open:
            self._say(NO_NAME, around)
        for problem in shell.problems:
            self._say(problem, around)

    def _run_commands(self, commands: Iterable[Command], shell: Shell, around: Around, depth: int) -> None:
        outer: list[tuple[str, str]] = []  # directories of the shells that the current one is within
        within, before = around.within, Command(())

        def here(level: int) -> str:
            directory, where = outer[level] if level < len(outer) else (around.directory, around.where)
            return "" if where else directory

        shell.here = here
        for command in commands:
            while len(outer) > command.level:
                around.directory, around.where = outer.pop()
            outer += [(around.directory, around.where)] * (command.level - len(outer))
            around.command, around.within = command, (*within, *command.within)
            if self.found.is_full:
                self._say(TOO_MANY, around)
                break
            self._note_written(before, command, around)
            if not self._run_fed(before, command, around, depth):
                self._run_one(command, shell, around, depth)
            before = command
        around.within = within

    def _note_written(self, before: Command, command: Command, around: Around) -> None:
        """The file that a here-document becomes, which may be started later on."""
        fed = command.fed if command.fed is not None else before.fed if command.is_piped else None
        names = [posixpath.basename(word or "") for word in command.words[:3]]
        target = command.target
        if "tee" in names:
            target = next(
                (word or "" for word in command.words[names.index("tee") + 1 :] if (word or "-")[0] != "-"), ""
            )
        if target and fed is not None and len(self._written) < WRITTEN_MAX:
            self._written[self._at(target, around)] = fed

    def _run_written(self, words: Words, around: Around, depth: int) -> bool:
        """A script that a here-document has written, and that is not there now."""
        for at, word in enumerate(words[:WORDS_BEFORE_SCRIPT] if self._written else ()):
            path = self._at(word or "", around) if "/" in (word or "") or at else ""
            text = self._written.get(path)
            if text is None or self._files.has_file(path):
                continue
            first = text.partition("\n")[0]
            interpreter = first[2:].split() if first.startswith("#!") else ["/bin/sh"]
            run = with_code(tuple(words[:at]) if at else tuple(interpreter), text)
            key = ("written", path)
            if run is not None and key not in self.found.scripts:
                self.found.scripts.add(key)
                self.run((*run, *words[at + 1 :]), around.copy({}), depth + 1, 0)
            return run is not None
        return False

    def _run_fed(self, before: Command, command: Command, around: Around, depth: int) -> bool:
        """What reads code from its input, a here-document or what the command before it writes: a file or a text. So does at."""
        name = posixpath.basename(command.words[0] or "")
        before = before if command.is_piped else Command(())
        written = command.fed if command.fed is not None else _written_by(before)
        if name in ("at", "batch") and written is not None:
            self.run_text(written, around.copy({}), depth + 1)
            return True
        file = before.words[-1] if before.words[:1] == ("cat",) and len(before.words) > 1 else None
        to_file = ("/bin/sh", file or "") if name in ("at", "batch") else with_file(command.words, file or "")
        words: Words | None = to_file if file else None
        if written is not None:
            words = with_code(command.words, written)
            if name == "ssh" and words is not None:
                words = (*words[:-1], shlex.quote(words[-1] or ""))  # which it hands on in one text
            words = _with_text(command.words, written) if words is None else words
        if words is not None:
            self.run(words, around.copy(command.assigned), depth + (written is None), 0)
        return words is not None

    def _run_one(self, command: Command, shell: Shell, around: Around, depth: int) -> None:
        name, *arguments = command.words
        places = activated(command.words, around.environment, around.directory, self._files)
        if places is not None:
            self._activate(places, shell, around)
            if is_whole(command.words):
                return
        if name in shell.functions:
            self._call(shell.functions[name], command, shell, around, depth)
        elif name in ("cd", "pushd", "popd"):
            self._enter_directory(name, arguments, around)
        elif name in _BUILTINS or name in _ASSIGNING:
            _assign(command, shell)
        elif name in (".", "source"):
            self._source(arguments, around, depth)
        elif name in ("eval", "trap"):
            words = arguments if name == "eval" else arguments[:1]
            given = [known_text(words, at, around) for at in range(len(words))]
            if UNKNOWN_TEXT in given:
                self._depends(around)
                shell.partly[ANY] = UNKNOWN
            self.run_text(" ".join(each for each in given if each != UNKNOWN_TEXT), around, depth + 1)
        else:
            self._run_or_call(command, shell, around, depth)

    def _activate(self, places: Sequence[str], shell: Shell, around: Around) -> None:
        """What the shell starts from now on lies there first; in a function, once that is called."""
        if around.within:
            self._depends(around)
        elif places:
            shell.assign("PATH", path_of(places, around))
        else:
            self._say(NO_NAME, around)

    def _run_or_call(self, command: Command, shell: Shell, around: Around, depth: int) -> None:
        """A program; or functions, where only a part of the name is known and it fits theirs."""
        pattern = command.pattern(command.words)
        if pattern is not None and not is_nameless(pattern) and "/" not in pattern:
            called = [each for each in shell.functions.values() if fits(pattern, each.name)]
            for function in called:
                self._call(function, command, shell, around, depth)
            if called:
                return
        self.run(command.words, around.copy(command.assigned), depth, 0)

    def _call(self, function: Function, command: Command, shell: Shell, around: Around, depth: int) -> None:
        """A function whose commands depend on what it is given. The others are followed where it is made."""
        if not command.within and shell.depends(function):
            words = enumerate(command.words)
            given = [word if (known := command.pattern(command.words, at)) is None else known for at, word in words]
            self._run_commands(shell.called(function, [each or "" for each in given[1:]]), shell, around, depth)
            around.command = command
            if shell.calls_too_many:
                self._say(NO_NAME, around)


def _with_text(words: Words, text: str) -> Words | None:
    """The same of what starts a shell where it is given nothing else: sudo -i, ssh."""
    base = posixpath.basename(words[0] or "")
    if base not in ("sudo", "ssh") or inner(base, words[1:]) is not None:
        return None
    if base == "sudo":
        return (*words, "/bin/sh", "-c", text) if _SHELL_OF_SUDO.search(" ".join(map(str, words))) else None
    return (*words, text) if inner(base, (*words[1:], text)) is not None else None


def _assign(command: Command, shell: Shell) -> None:
    """The variables that a command of the shell itself sets."""
    name, *arguments = command.words
    if name in ("read", "mapfile", "readarray"):
        for variable in arguments:
            shell.forget(variable or "")
    elif name == "printf" and arguments[:1] == ["-v"] and len(arguments) > 1:
        shell.assign(arguments[1] or "", UNKNOWN)
    elif name == "getopts":
        shell.assign("OPTARG", shell.arguments.choices() if shell.arguments is not None else UNKNOWN)
    for at, argument in enumerate(arguments, 1) if name in _ASSIGNING else ():
        pattern = command.pattern(command.words, at)
        variable, sign, value = ((argument or "") if pattern is None else pattern).partition("=")
        if sign and variable.replace("_", "a").isalnum():
            shell.assign(variable, value)
        elif UNKNOWN in variable:
            shell.partly[ANY] = UNKNOWN


def _starts_something(command: Command) -> bool:
    """Whether it is more than what the shell does by itself."""
    name = command.words[0] if command.words else ""
    return name != "" and name not in _BUILTINS and name not in _ASSIGNING


def _written_by(command: Command) -> str | None:
    """The text that a command writes, where that is known."""
    words = [word or "" for word in command.words]
    if words[:1] == ["cat"] and len(words) == 1:
        return command.fed
    if words[:1] in (["echo"], ["printf"]) and len(words) > 1:
        return " ".join(words[1:])
    return None
