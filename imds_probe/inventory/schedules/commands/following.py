"""What a schedule starts: its own program, and what shells that it starts would start in turn."""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.fed import with_code, with_file
from imds_probe.inventory.schedules import cron_names, run_parts
from imds_probe.inventory.schedules.commands import conditions
from imds_probe.inventory.schedules.commands.container_run import ENGINES, ImageRun, run_by
from imds_probe.inventory.schedules.commands.handed_on import handed_on, maybe_run, runs_arguments, variants
from imds_probe.inventory.schedules.commands.other_roots import Entered, directory_of, entered
from imds_probe.inventory.schedules.commands.programs import (
    DEFAULT_PATH,
    MARK,
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
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

SCRIPT_MAX_BYTES = 256 * 1024
DEPTH_MAX = 4  # of scripts that start scripts, and of programs that start programs
DEPTH_OF_STARTERS = 12
STARTED_MAX = 300
PROJECTS_MAX = 200  # commands of projects, each of which may start others
BESIDE_MAX = 20  # files that a script names, and that are asked for together
DEPTH_AHEAD, AHEAD_MAX = 3, 200  # scripts that name others, and files of several schedules
_BUILTINS = frozenset(
    """
    : [ true false echo printf read set shift exit return unset umask ulimit wait kill let type hash getopts alias unalias
    jobs bg fg break continue pwd popd dirs disown shopt enable test mapfile
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_ASSIGNING = frozenset(("export", "readonly", "local", "declare", "typeset"))
# They read a file of theirs: what stands there is not known where only running the command before would tell its name.
_INTERPRETERS = ("python", "node", "ruby", "perl", "php", "java", *SHELLS)
NO_NAME = "the name of a program is only known while the command runs"
NO_SCRIPT = "the name of a script is only known while the command runs"
MAYBE_RUN = "nobody knows whether a program runs a file that it is given"
NO_DIRECTORY = "the directory of a command is only known while it runs"
OTHER_ROOT = "a command runs in another root"
TOO_MANY = f"it starts more than {STARTED_MAX} programs"
TOO_MANY_OF_PROJECTS = f"it starts more than {PROJECTS_MAX} scripts of projects"
TOO_DEEP = "programs that start each other without end"
_OTHER_ROOTS = frozenset(("nsenter",))
_OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/")
_FILE_NAME = re.compile(r"[\w.+-]{1,255}")
_BEGINS_LINE = re.compile(r"^[ \t]{0,20}(?:(?:exec|\.|source)[ \t]{1,10})?(/[\w./+-]{1,255})", re.MULTILINE)


@dataclass(frozen=True)
class Unfollowed:
    """What was not followed, a clause, and in which script; `script` is empty for the schedule's own command."""

    why: str
    script: str = ""


@dataclass(frozen=True)
class InRoot:
    """A command that runs in a directory which is its root; `within` is where in it."""

    directory: str
    words: tuple[str, ...]
    within: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class HeldText:
    """A text for a shell that a file of a project holds, and the environment that it runs in."""

    path: str
    text: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Followed:
    """`text` is the command itself as a text for a shell, to be searched for what it asks by itself. `started` are the
    programs, each once; a script stands there with its interpreter. `images` are those of containers that it runs, `roots` what
    runs in other roots, `held` further texts for a shell. `passes_over`: some starts come to nothing.
    """

    text: str
    started: tuple[Started, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()
    images: tuple[ImageRun, ...] = ()
    roots: tuple[InRoot, ...] = ()
    held: tuple[HeldText, ...] = ()
    passes_over: bool = False


@dataclass
class Following:
    """One system. What was looked up for one schedule is known for the next."""

    files: SystemFiles
    _programs: Programs = field(init=False)
    _last: tuple[Scheduled, Followed, frozenset[str]] | None = None

    def __post_init__(self) -> None:
        self._programs = Programs(self.files)

    def follow(self, scheduled: Scheduled) -> Followed:
        """Everything that the command would start here; of what runs in a container's image the text alone."""
        if self._last is None or not _are_alike(scheduled, self._last[0]):
            before, self.files.trail = self.files.trail, set()
            followed = self._follow(scheduled)
            self._last = scheduled, followed, frozenset(self.files.trail)
            self.files.trail = before
        self.files.note(self._last[2])
        return self._last[1]

    def ahead(self, some: Iterable[Scheduled]) -> None:
        """These are followed next. What they start comes in few messages, and so does what that seems to read and start."""
        words = (_first_word(each) for each in some if each.image is None and not each.root)
        waiting = dict.fromkeys(posixpath.normpath(word) for word in words if word.startswith("/"))
        asked: set[str] = set()
        for _ in range(DEPTH_AHEAD):
            asked.update(waiting)
            contents = self.files.ahead(list(waiting))
            self.files.names_ahead(list(dict.fromkeys(posixpath.dirname(path) for path in contents)))
            scripts = (
                (path, content.decode(errors="replace"))
                for path, content in contents.items()
                if content.startswith(MARK)
            )
            named = (each for path, text in scripts if _is_for_shell(text) for each in _named(text, path))
            waiting = dict.fromkeys(itertools.islice((each for each in named if each not in asked), AHEAD_MAX))

    def _follow(self, scheduled: Scheduled) -> Followed:
        command = scheduled.command
        text = command if isinstance(command, str) else shlex.join(command)
        words = (command,) if isinstance(command, str) else command
        if scheduled.image is not None:
            run = ImageRun(scheduled.image, words, scheduled.whole, scheduled.environment, scheduled.directory)
            return Followed(text, images=(run,) if scheduled.image else ())
        if scheduled.root:
            return Followed(text, roots=(InRoot(scheduled.root, words, scheduled.directory, scheduled.environment),))
        one = _One(self.files, self._programs)
        around = _Around(dict(scheduled.environment), scheduled.directory)
        if not isinstance(command, str):
            one.run(command, around, 0, 0)
        elif not text.startswith(MARK.decode()) or _is_for_shell(text):
            one.run_text(text, around, 0)
        return Followed(
            text,
            tuple(one.started.values()),
            tuple(one.unfollowed),
            tuple(one.images.values()),
            tuple(one.roots.values()),
            tuple(one.held.values()),
            one.passes_over or conditions.passes_over(command if isinstance(command, str) else " ".join(command)),
        )


@dataclass
class _Around:
    """What a command is started with. A shell changes its own. `script` is the one that the command stands in."""

    environment: dict[str, str]
    directory: str
    script: str = ""

    def copy(self, assigned: Mapping[str, str], directory: str = "") -> _Around:
        return _Around(self.environment | dict(assigned), directory or self.directory, self.script)


class _One:
    """One schedule. `started` are by what tells them apart."""

    def __init__(self, files: SystemFiles, programs: Programs) -> None:
        self._files, self._programs = files, programs
        self.started: dict[tuple[str, tuple[str, ...], str], Started] = {}
        self.unfollowed: dict[Unfollowed, None] = {}
        self.images: dict[tuple[object, ...], ImageRun] = {}
        self.roots: dict[tuple[str, tuple[str, ...]], InRoot] = {}
        self.passes_over = False
        self.held: dict[tuple[str, str], HeldText] = {}
        self._scripts: set[str] = set()
        self._of_projects: set[tuple[object, ...]] = set()

    def _say(self, why: str, around: _Around) -> None:
        self.unfollowed[Unfollowed(why, around.script)] = None

    def run_text(self, text: str, around: _Around, depth: int) -> None:
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
            if len(self.started) >= STARTED_MAX:
                self._say(TOO_MANY, around)
                break
            if not self._run_fed(before, command, around, depth):
                self._run_one(command, shell, around, depth)
            before = command
        for problem in shell.problems:
            self._say(problem, around)

    def _run_fed(self, before: Command, command: Command, around: _Around, depth: int) -> bool:
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

    def _run_one(self, command: Command, shell: Shell, around: _Around, depth: int) -> None:
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

    def run(self, words: Words, around: _Around, depth: int, starters: int) -> None:
        """A program with its arguments; for what stands in a pattern, each that it fits."""
        for each in variants(words, self._files.names):
            self._run(each, around, depth, starters)

    def _run(self, words: Words, around: _Around, depth: int, starters: int) -> None:
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

    def _run_named(self, words: Words, base: str, around: _Around, depths: tuple[int, int]) -> None:
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

    def _is_done(self, base: str, arguments: Words, around: _Around) -> bool:
        """Whether this was followed already, or is one too many: scripts of projects may start each other many times each."""
        key = (base, tuple(arguments), around.directory, *sorted(around.environment.items()))
        if key in self._of_projects:
            return True
        if len(self._of_projects) >= PROJECTS_MAX:
            self._say(TOO_MANY_OF_PROJECTS, around)
            return True
        self._of_projects.add(key)
        return False

    def _run_project(self, run: Run, around: _Around, depth: int) -> None:
        """What a project says that is run: its texts are searched as its own, and files are read as what they are."""
        for held in run.texts:
            within = around.copy({"PATH": _path(held.places, around)}, held.directory)
            self.held.setdefault((held.path, held.text), HeldText(held.path, held.text, dict(within.environment)))
            self.run_text(held.text, within, depth + 1)
        for words in run.words:
            self.run(words, around.copy({}, run.directory), depth + 1, 0)
        self._read(READ, run.files, around)
        self._read(READ_SOME, run.some_of, around)

    def _read(self, how: str, files: Sequence[str], around: _Around) -> None:
        """Files that are read and done as they say."""
        there = tuple(self._files.files(files))
        if there:
            read = Started(there[0], (how, *there), dict(around.environment), around.directory)
            self.started.setdefault((read.executable, read.arguments, read.directory), read)

    def _in_environment(self, base: str, arguments: Words, around: _Around) -> _Around:
        home = around.environment.get("HOME", "/root")
        places = places_of(base, arguments, around.directory, home, self._files)
        return around.copy({"PATH": _path(places, around)})

    def _start(self, words: Words, base: str, around: _Around, depth: int) -> None:
        if base in ENGINES and (run := run_by(words[1:])):
            self.images.setdefault((run.name, run.words, run.mounts), replace(run, engine=base))
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
        if len(self.started) >= STARTED_MAX:
            return
        self.started.setdefault((started.executable, started.arguments, started.directory), started)
        if posixpath.basename(started.executable) in SHELLS:
            self._run_script(started, around, depth)

    def _hand_on(self, words: Words, base: str, started: Started, around: _Around, depth: int) -> None:
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

    def _enter(self, program: str, root: Entered, around: _Around) -> None:
        """What runs in another root, where it is known in which, and what."""
        named = directory_of(program, root.name, self._files) if root.name else root.directory
        directory = self._at(named, around)
        status = self._files.status(directory) if directory else None
        if not root.words or None in root.words[:1] or status is None or not stat.S_ISDIR(status.st_mode):
            self._say(OTHER_ROOT, around)
        elif len(self.roots) < STARTED_MAX:
            words = tuple(word or "" for word in root.words)
            self.roots.setdefault((directory, words), InRoot(directory, words, root.within, dict(around.environment)))

    def _run_script(self, started: Started, around: _Around, depth: int) -> None:
        script = next((word for word in started.arguments[1:] if word and word[0] not in "-+"), "")
        path = self._at(script, around)
        if path and path not in self._scripts:
            self._scripts.add(path)
            text = self._files.text(path, SCRIPT_MAX_BYTES) if self._files.has_file(path) else None
            if text and "\0" not in text:
                self._files.ahead(_beside(text, path))
                self.passes_over = self.passes_over or conditions.of_calendar(text)
                within = around.copy({"0": path, "BASH_SOURCE": path})
                within.script = path
                arguments = started.arguments[started.arguments.index(script) + 1 :]
                if server := server_of(path, arguments, within.environment, self._files):
                    if not server[0]:
                        self._say(NO_NAME, within)
                    self.run(server, within.copy({}), depth + 1, 0)
                self.run_text(text, within, depth + 1)

    def _source(self, arguments: Words, around: _Around, depth: int) -> None:
        """A file that the shell reads as its own: it stands there as a script of a shell."""
        name = arguments[0] if arguments else ""
        if not name:
            self._say(NO_SCRIPT, around)
            return
        for each in variants((name,), self._files.names):
            self._source_one(each[0] or "", around, depth)

    def _source_one(self, name: str, around: _Around, depth: int) -> None:
        path = self._at(name, around)
        if path in self._scripts:
            return
        self._files.ahead([path])
        if not self._files.has_file(path):
            return
        self._scripts.add(path)
        shell = self._programs.started(["/bin/sh", path], dict(around.environment), around.directory, around.script)
        if shell is not None:
            self.started.setdefault((shell.executable, shell.arguments, shell.directory), shell)
        outer, around.script = around.script, path
        self.run_text(self._files.text(path, SCRIPT_MAX_BYTES) or "", around, depth + 1)
        around.script = outer

    def _change_directory(self, arguments: Sequence[str | None], around: _Around) -> None:
        named = [word for word in arguments if word is None or not word.startswith("-")]
        if named and named[0] is None:
            self._say(NO_DIRECTORY, around)
        elif named:
            around.directory = self._at(named[0] or "", around)
        else:
            around.directory = around.environment.get("HOME") or "/"

    def _run_parts(self, arguments: Words, around: _Around, depth: int) -> None:
        """All that is in a directory. Those that cron goes through by itself are listed with their own schedule."""
        directory = self._at(next((word for word in reversed(arguments) if word and word[0] != "-"), ""), around)
        if not directory or directory in run_parts.DIRECTORIES or directory in self._scripts:
            return
        self._scripts.add(directory)
        runs = cron_names.heeded(self._files)
        named = [f"{directory}/{name}" for name in self._files.names(directory) if runs(name)]
        for path in self._files.files(named[:STARTED_MAX], executable=True):
            self.run((path,), around.copy({}), depth + 1, 0)

    def _at(self, name: str, around: _Around) -> str:
        return posixpath.normpath(posixpath.join(around.directory, name)) if name else ""


def _written_by(command: Command) -> str | None:
    """The text that a command writes, where that is known."""
    words = [word or "" for word in command.words]
    if words[:1] == ["cat"] and len(words) == 1:
        return command.fed
    if words[:1] in (["echo"], ["printf"]) and len(words) > 1:
        return " ".join(words[1:])
    return None


def _path(places: Sequence[str], around: _Around) -> str:
    """The PATH with these places before all others."""
    return ":".join([*places, around.environment.get("PATH") or DEFAULT_PATH])


def _first_word(scheduled: Scheduled) -> str:
    words = scheduled.command.split(None, 1) if isinstance(scheduled.command, str) else scheduled.command
    return words[0] if words else ""


def _are_alike(one: Scheduled, other: Scheduled) -> bool:
    """Whether both start the same, as a unit's command does that a timer and the boot start."""
    return replace(one, place=other.place, kind=other.kind, how_often=other.how_often, every_s=other.every_s) == other


def _beside(text: str, script: str) -> list[str]:
    """What a script names that lies beside it, which is what it mostly reads and starts."""
    directory = f"{posixpath.dirname(script).rstrip('/')}/"
    found: dict[str, None] = {}
    at = text.find(directory) if directory != "/" else -1
    while at >= 0 and len(found) < BESIDE_MAX:
        if name := _FILE_NAME.match(text, at + len(directory)):
            found[f"{directory}{name[0]}"] = None
        at = text.find(directory, at + len(directory))
    return list(found)


def _named(text: str, script: str) -> Iterator[str]:
    """The same, and what its lines begin with."""
    yield from _beside(text, script)
    for match in itertools.islice(_BEGINS_LINE.finditer(text), BESIDE_MAX):
        yield posixpath.normpath(match[1])


def _text_of(arguments: Words) -> str:
    """What a shell is told by -c, which may stand among other letters ("-lc") and behind "-o pipefail"."""
    at, told = 0, False
    while at < len(arguments) and (word := arguments[at]) is not None and word.startswith(("-", "+")) and word != "--":
        letters = word[1:] if not word.startswith("--") else ""
        told = told or "c" in letters
        at += 2 if letters.endswith(("o", "O")) or word in ("--rcfile", "--init-file") else 1
    return (arguments[at] or "") if told and at < len(arguments) else ""


def _is_for_shell(text: str) -> bool:
    first = text.partition("\n")[0].removeprefix(MARK.decode()).split()
    return any(posixpath.basename(word) in SHELLS for word in first[:2])
