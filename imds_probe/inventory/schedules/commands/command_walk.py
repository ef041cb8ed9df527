"""The way through one command: what shells would do with it, and what they and other programs would start in turn."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.fed import with_code, with_file
from imds_probe.inventory.schedules import cron_names, run_parts
from imds_probe.inventory.schedules.commands import conditions
from imds_probe.inventory.schedules.commands.container_run import ENGINES, run_by
from imds_probe.inventory.schedules.commands.followed import (
    MAYBE_RUN,
    NO_DIRECTORY,
    NO_NAME,
    NO_SCRIPT,
    OTHER_ROOT,
    STARTED_MAX,
    TOO_DEEP,
    TOO_MANY,
    HeldText,
    InRoot,
)
from imds_probe.inventory.schedules.commands.gathered import Gathered
from imds_probe.inventory.schedules.commands.handed_on import handed_on, maybe_run, runs_arguments, variants
from imds_probe.inventory.schedules.commands.named import beside
from imds_probe.inventory.schedules.commands.other_roots import Entered, directory_of, entered
from imds_probe.inventory.schedules.commands.programs import (
    DEFAULT_PATH,
    READ,
    READ_SOME,
    SHELLS,
    Programs,
    Started,
)
from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.project_environments import places_of
from imds_probe.inventory.schedules.commands.projects import is_runner, run_of
from imds_probe.inventory.schedules.commands.server_scripts import server_of
from imds_probe.inventory.schedules.commands.shell_commands import Command, Shell
from imds_probe.inventory.schedules.commands.starters import BEHIND, STARTERS_OF_LANGUAGES, Words, inner
from imds_probe.inventory.schedules.system_files import SystemFiles

SCRIPT_MAX_BYTES = 256 * 1024
DEPTH_MAX = 4  # of scripts that start scripts, and of programs that start programs
DEPTH_OF_STARTERS = 12
_BUILTINS = frozenset(
    """
    : [ true false echo printf read set shift exit return unset umask ulimit wait kill let type hash getopts alias unalias
    jobs bg fg break continue pwd popd dirs disown shopt enable test mapfile
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_ASSIGNING = frozenset(("export", "readonly", "local", "declare", "typeset"))
# They read a file of theirs: what stands there is not known where only running the command before would tell its name.
_INTERPRETERS = ("python", "node", "ruby", "perl", "php", "java", *SHELLS)
_OTHER_ROOTS = frozenset(("nsenter",))
_OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/")


@dataclass
class Around:
    """What a command is started with. A shell changes its own. `script` is the one that the command stands in."""

    environment: dict[str, str]
    directory: str
    script: str = ""

    def copy(self, assigned: Mapping[str, str], directory: str = "") -> Around:
        return Around(self.environment | dict(assigned), directory or self.directory, self.script)


class Walk:
    """One command's way. `found` is what there is on it."""

    def __init__(self, files: SystemFiles, programs: Programs) -> None:
        self._files, self._programs, self.found = files, programs, Gathered()

    def _say(self, why: str, around: Around) -> None:
        self.found.say(why, around.script)

    def run_text(self, text: str, around: Around, depth: int) -> None:
        """A text for a shell, which changes what is around it."""
        if depth > DEPTH_MAX:
            self._say(TOO_DEEP, around)
            return
        shell = Shell(around.environment)
        outer: list[str] = []  # directories of the shells that the current one is within
        before = Command(())
        for command in shell.commands(text):
            while len(outer) > command.level:
                around.directory = outer.pop()
            outer += [around.directory] * (command.level - len(outer))
            if self.found.is_full:
                self._say(TOO_MANY, around)
                break
            if not self._run_fed(before, command, around, depth):
                self._run_one(command, shell, around, depth)
            before = command
        for problem in shell.problems:
            self._say(problem, around)

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
        words = with_code(command.words, written) if written is not None else to_file if file else None
        if words is not None:
            self.run(words, around.copy(command.assigned), depth + (written is None), 0)
        return words is not None

    def _run_one(self, command: Command, shell: Shell, around: Around, depth: int) -> None:
        name, *arguments = command.words
        if name in shell.functions or name in _BUILTINS:
            return
        if name in _ASSIGNING:
            for argument in arguments:
                variable, sign, value = (argument or "").partition("=")
                if sign and variable.replace("_", "a").isalnum():
                    shell.assign(variable, value)
        elif name in ("cd", "pushd"):
            self._change_directory(arguments, around)
        elif name in (".", "source"):
            self._source(arguments, around, depth)
        elif name in ("eval", "trap"):
            words = arguments if name == "eval" else arguments[:1]
            self.run_text(" ".join(word or "" for word in words), around, depth + 1)
        else:
            self.run(command.words, around.copy(command.assigned), depth, 0)

    def run(self, words: Words, around: Around, depth: int, starters: int) -> None:
        """A program with its arguments; for what stands in a pattern, each that it fits."""
        for each in variants(words, self._files.names):
            self._run(each, around, depth, starters)

    def _run(self, words: Words, around: Around, depth: int, starters: int) -> None:
        name = words[0] if words else ""
        if name and name.startswith("~/") and "HOME" in around.environment:
            name = around.environment["HOME"] + name[1:]
            words = (name, *words[1:])
        if name is None:
            self._say(NO_NAME, around)
        if not name:
            return
        if name in (READ, READ_SOME):
            self._read(name, [word for word in words[1:] if word], around)
            return
        base = posixpath.basename(name)
        if starters > DEPTH_OF_STARTERS:
            self._say(TOO_DEEP, around)
        elif is_runner(base) and self._is_done(base, words[1:], around):
            return
        elif run := run_of(base, words[1:], around.directory, self._files):
            self._run_project(run, around, depth)
            if base not in BEHIND:
                self._start(words, base, around, depth)
        else:
            self._run_named(words, base, around, (depth, starters))

    def _run_named(self, words: Words, base: str, around: Around, depths: tuple[int, int]) -> None:
        depth, starters = depths
        if base == "run-parts":
            self._run_parts(words[1:], around, depth)
        elif root := entered(base, words[1:]):
            self._enter(base, root, around)
        elif started := inner(base, words[1:]):
            within = around.copy(started.assigned, self._at(started.directory, around))
            if base in BEHIND or base in STARTERS_OF_LANGUAGES:
                within = self._in_environment(base, words[1:], within)
            if started.text:
                self.run_text(started.text, within, depth + 1)
            else:
                self.run(started.words, within, depth, starters + 1)
        elif base in SHELLS and (text := _text_of(words[1:])):
            self.run_text(text, around.copy({}), depth + 1)
        else:
            self._start(words, base, around, depth)

    def _is_done(self, base: str, arguments: Words, around: Around) -> bool:
        key = (base, tuple(arguments), around.directory, *sorted(around.environment.items()))
        return self.found.is_done(key, around.script)

    def _run_project(self, run: Run, around: Around, depth: int) -> None:
        """What a project says that is run: its texts are searched as its own, and files are read as what they are."""
        for held in run.texts:
            within = around.copy({"PATH": _path(held.places, around)}, held.directory)
            self.found.hold(HeldText(held.path, held.text, dict(within.environment)))
            self.run_text(held.text, within, depth + 1)
        for words in run.words:
            self.run(words, around.copy({}, run.directory), depth + 1, 0)
        self._read(READ, run.files, around)
        self._read(READ_SOME, run.some_of, around)

    def _read(self, how: str, files: Sequence[str], around: Around) -> None:
        """Files that are read and done as they say."""
        there = tuple(self._files.files(files))
        if there:
            self.found.start(Started(there[0], (how, *there), dict(around.environment), around.directory))

    def _in_environment(self, base: str, arguments: Words, around: Around) -> Around:
        home = around.environment.get("HOME", "/root")
        places = places_of(base, arguments, around.directory, home, self._files)
        return around.copy({"PATH": _path(places, around)})

    def _start(self, words: Words, base: str, around: Around, depth: int) -> None:
        if base in ENGINES and (run := run_by(words[1:])):
            self.found.run_image(replace(run, engine=base))
        if base in _OTHER_ROOTS:
            self._say(OTHER_ROOT, around)
        script = next((word for word in words[1:] if word is None or not word.startswith("-")), "")
        if base.startswith(_INTERPRETERS) and script is None:
            self._say(NO_SCRIPT, around)
        started = self._programs.started(
            [word or "" for word in words], dict(around.environment), around.directory, around.script
        )
        if started is None:
            return
        if not base.startswith(_INTERPRETERS):
            self._hand_on(words, base, started, around, depth)
        if self.found.is_full:
            return
        self.found.start(started)
        if posixpath.basename(started.executable) in SHELLS:
            self._run_script(started, around, depth)

    def _hand_on(self, words: Words, base: str, started: Started, around: Around, depth: int) -> None:
        """What a program that is there runs of its arguments, or may run."""
        script = started.arguments[-len(words)]
        own = not script.startswith(_OF_DISTRIBUTION)
        is_script = own and posixpath.basename(started.executable) in SHELLS and script != started.executable
        runs = is_script and runs_arguments(self._files.text(script, SCRIPT_MAX_BYTES) or "")
        for handed in handed_on(base, words[1:], runs=runs):
            self.run(handed, around.copy({}), depth + 1, DEPTH_OF_STARTERS)
        if not runs:
            named = [self._at(each, around) for each in maybe_run(base, words[1:], own=own and not is_script)]
            if any(self._files.files(named, executable=True)):
                self._say(MAYBE_RUN, around)

    def _enter(self, program: str, root: Entered, around: Around) -> None:
        """What runs in another root, where it is known in which, and what."""
        named = directory_of(program, root.name, self._files) if root.name else root.directory
        directory = self._at(named, around)
        status = self._files.status(directory) if directory else None
        if not root.words or None in root.words[:1] or status is None or not stat.S_ISDIR(status.st_mode):
            self._say(OTHER_ROOT, around)
        else:
            words = tuple(word or "" for word in root.words)
            self.found.enter(InRoot(directory, words, root.within, dict(around.environment)))

    def _run_script(self, started: Started, around: Around, depth: int) -> None:
        script = next((word for word in started.arguments[1:] if word and word[0] not in "-+"), "")
        path = self._at(script, around)
        if path and path not in self.found.scripts:
            self.found.scripts.add(path)
            text = self._files.text(path, SCRIPT_MAX_BYTES) if self._files.has_file(path) else None
            if text and "\0" not in text:
                self._files.ahead(beside(text, path))
                self.found.passes_over = self.found.passes_over or conditions.of_calendar(text)
                within = around.copy({"0": path, "BASH_SOURCE": path})
                within.script = path
                arguments = started.arguments[started.arguments.index(script) + 1 :]
                if server := server_of(path, arguments, within.environment, self._files):
                    if not server[0]:
                        self._say(NO_NAME, within)
                    self.run(server, within.copy({}), depth + 1, 0)
                self.run_text(text, within, depth + 1)

    def _source(self, arguments: Words, around: Around, depth: int) -> None:
        """A file that the shell reads as its own: it stands there as a script of a shell."""
        name = arguments[0] if arguments else ""
        if not name:
            self._say(NO_SCRIPT, around)
            return
        for each in variants((name,), self._files.names):
            self._source_one(each[0] or "", around, depth)

    def _source_one(self, name: str, around: Around, depth: int) -> None:
        path = self._at(name, around)
        if path in self.found.scripts:
            return
        self._files.ahead([path])
        if not self._files.has_file(path):
            return
        self.found.scripts.add(path)
        shell = self._programs.started(["/bin/sh", path], dict(around.environment), around.directory, around.script)
        if shell is not None:
            self.found.start(shell)
        outer, around.script = around.script, path
        self.run_text(self._files.text(path, SCRIPT_MAX_BYTES) or "", around, depth + 1)
        around.script = outer

    def _change_directory(self, arguments: Sequence[str | None], around: Around) -> None:
        named = [word for word in arguments if word is None or not word.startswith("-")]
        if named and named[0] is None:
            self._say(NO_DIRECTORY, around)
        elif named:
            around.directory = self._at(named[0] or "", around)
        else:
            around.directory = around.environment.get("HOME") or "/"

    def _run_parts(self, arguments: Words, around: Around, depth: int) -> None:
        """All that is in a directory. Those that cron goes through by itself are listed with their own schedule."""
        directory = self._at(next((word for word in reversed(arguments) if word and word[0] != "-"), ""), around)
        if not directory or directory in run_parts.DIRECTORIES or directory in self.found.scripts:
            return
        self.found.scripts.add(directory)
        runs = cron_names.heeded(self._files)
        named = [f"{directory}/{name}" for name in self._files.names(directory) if runs(name)]
        for path in self._files.files(named[:STARTED_MAX], executable=True):
            self.run((path,), around.copy({}), depth + 1, 0)

    def _at(self, name: str, around: Around) -> str:
        return posixpath.normpath(posixpath.join(around.directory, name)) if name else ""


def _written_by(command: Command) -> str | None:
    """The text that a command writes, where that is known."""
    words = [word or "" for word in command.words]
    if words[:1] == ["cat"] and len(words) == 1:
        return command.fed
    if words[:1] in (["echo"], ["printf"]) and len(words) > 1:
        return " ".join(words[1:])
    return None


def _path(places: Sequence[str], around: Around) -> str:
    """The PATH with these places before all others."""
    return ":".join([*places, around.environment.get("PATH") or DEFAULT_PATH])


def _text_of(arguments: Words) -> str:
    """What a shell is told by -c, which may stand among other letters ("-lc") and behind "-o pipefail"."""
    at, told = 0, False
    while at < len(arguments) and (word := arguments[at]) is not None and word.startswith(("-", "+")) and word != "--":
        letters = word[1:] if not word.startswith("--") else ""
        told = told or "c" in letters
        at += 2 if letters.endswith(("o", "O")) or word in ("--rcfile", "--init-file") else 1
    return (arguments[at] or "") if told and at < len(arguments) else ""
