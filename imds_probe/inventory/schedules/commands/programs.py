"""Find programs below a root as execve(2) and a PATH would, with the interpreters that scripts name in their first line."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following import managed
from imds_probe.inventory.schedules.commands.switched import Switched
from imds_probe.inventory.schedules.scheduled import Network
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.sdks.start import Start

HEAD_BYTES = 256  # of a file, which the kernel looks at for an interpreter: BINPRM_BUF_SIZE
INTERPRETERS_MAX = 4  # one after the other
PATH_PARTS_MAX, VERSION_BYTES = 64, 200
CACHED_MAX = 5000
MARK = b"#!"
# Where programs lie that a shell only finds once its PATH has the directory.
_TOPS, PLACES_MAX = ("/opt", "/srv", "/usr/local"), 100
_PLACES = ("/usr/local/bin", "/usr/local/sbin", "/snap/bin", "/opt/bin", "/home/linuxbrew/.linuxbrew/bin")
_ENVIRONMENTS = frozenset(("env", "with-contenv"))  # the other one is of s6-overlay, which has its variables in files
# In the place of a program's path: what follows are files that are read and done as they say, all of them or only some.
READ, READ_SOME = "(read)", "(read some)"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "rbash", "busybox"))


@dataclass(frozen=True)
class Started:
    """A program that would run. `executable` is the file that the kernel runs, without links: of a script its interpreter.
    `arguments` are what /proc/PID/cmdline would say, the first of them a path as it was found. `environment` may have secrets.
    `script` is the one that starts it, empty where the schedule's own command does. `perhaps`: its name is only known in part, and
    it is one that fits. `network` as in Scheduled.
    """

    executable: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    script: str = ""
    perhaps: bool = False
    network: Network = "host"

    def start(self, root: Path) -> Start:
        """The same as of a running process that has loaded nothing yet."""
        return Start(self.executable, self.directory, self.arguments, self.environment, frozenset(), root)


@dataclass
class Programs:
    """The programs of one system. `logged_in` is what shells have around them that have read their user's profile: variables, those
    of which only a part is known, and the paths that this stood on.
    """

    files: SystemFiles
    logged_in: dict[tuple[str, ...], tuple[dict[str, str], dict[str, str], frozenset[str]]] = field(
        default_factory=dict
    )
    switched: Switched = field(init=False)
    _paths: dict[tuple[str, str], str] = field(default_factory=dict)
    _heads: dict[str, bytes] = field(default_factory=dict)
    _begun: dict[tuple[str, str, str, str], tuple[tuple[str, ...], frozenset[str]]] = field(default_factory=dict)
    _listed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.switched = Switched(self.files)

    def started(
        self, words: Sequence[str], environment: Mapping[str, str], directory: str, script: str = ""
    ) -> Started | None:
        """What these words start, by this script; None where there is no such program."""
        key = words[0], environment.get("PATH") or DEFAULT_PATH, directory, environment.get("HOME", "")
        known = self._begun.get(key)
        if known is None:
            before, self.files.trail = self.files.trail, set()
            known = self._begins(*key), frozenset(self.files.trail)
            self.files.trail = before
            if len(self._begun) >= CACHED_MAX:
                self._begun.clear()
            self._begun[key] = known
        begun, depended_on = known
        self.files.note(depended_on)
        if not begun:
            return None
        executable, *arguments = begun
        return Started(executable, (*arguments, *words[1:]), environment, directory, script)

    def _begins(self, name: str, path: str, directory: str, home: str) -> tuple[str, ...]:
        """The executable of a program, and the arguments that come before its own; nothing where there is no such program."""
        at = self._behind_shim(self.found(name, path, directory, home), directory)
        arguments: tuple[str, ...] = (at,)
        for _ in range(INTERPRETERS_MAX):
            if not at:
                return ()
            named = _interpreter(self._head(at))
            if not named:
                return (self.files.real_path(at) or at, *arguments)
            name, *options = named
            if posixpath.basename(name) in _ENVIRONMENTS:
                name, options = _of_env(options)
            name = managed.interpreter(name)
            interpreter = self._behind_shim(self.found(name, path, directory, home) if name else "", directory)
            arguments = (interpreter, *options, at, *arguments[1:])
            at = interpreter
        return ()

    def is_elsewhere(self, name: str, home: str) -> bool:
        """Whether there is a program of this name in a usual place that need be no part of PATH."""
        if not managed.NAME.fullmatch(name):
            return False
        below = [f"{top}/{each}/bin" for top in _TOPS for each in self._names(top)[:PLACES_MAX]]
        places = [*below, *_PLACES, *(f"{home}/{each}" for each in (".local/bin", "bin") if home)]
        named = [f"{place}/{name}" for place in places if name in self._names(place)]
        return any(self.files.files(named, executable=True))

    def is_by_name(self, path: str) -> bool:
        """Whether a script leaves it to PATH which interpreter runs it."""
        named = _interpreter(self._head(path))
        return bool(named) and posixpath.basename(named[0]) in _ENVIRONMENTS

    def _behind_shim(self, at: str, directory: str) -> str:
        """The program that a shim of a version manager stands for, which only chooses the version; else the same."""
        if not at or not managed.may_be_shim(at):
            return at
        behind = managed.behind_shim(at, self.files.real_path(at) or at, directory, self._system)
        return next(self.files.files(behind, executable=True), at)

    @property
    def _system(self) -> managed.System:
        return managed.System(self._names, lambda path: self.files.head(path, VERSION_BYTES).decode(errors="replace"))

    def _names(self, directory: str) -> tuple[str, ...]:
        """What a directory holds, looked up once: many names are looked for in the same places."""
        self.files.note([directory])
        if directory not in self._listed:
            if len(self._listed) >= CACHED_MAX:
                self._listed.clear()
            self._listed[directory] = self.files.names(directory)
        return self._listed[directory]

    def found(self, name: str, path: str, directory: str, home: str = "") -> str:
        """Where the program of this name is; empty where it is nowhere. What is in no directory of PATH may be where a version
        manager has put it, which the user's shell would know.
        """
        at = self._by_path(name, path, directory)
        if at or "/" in name or not managed.NAME.fullmatch(name):
            return at
        candidates = [f"{place}/{name}" for place in managed.places(name, home, directory, self._system)]
        self.files.note(candidates)
        return next(self.files.files(candidates, executable=True), "")

    def _by_path(self, name: str, path: str, directory: str) -> str:
        if "/" in name:
            candidates = [posixpath.normpath(posixpath.join(directory, name))]
        else:
            candidates = [posixpath.join(directory, part, name) for part in path.split(":")[:PATH_PARTS_MAX]]
        self.files.note(candidates)
        key = (name, directory if "/" in name else f"{directory}:{path}")
        if key not in self._paths:
            if len(self._paths) >= CACHED_MAX:
                self._paths.clear()
            if "/" in name:
                self.files.ahead(candidates)
            self._paths[key] = next(self.files.files(candidates, executable=True), "") if name else ""
        return self._paths[key]

    def _head(self, path: str) -> bytes:
        self.files.note([path])
        if path not in self._heads:
            if len(self._heads) >= CACHED_MAX:
                self._heads.clear()
            self._heads[path] = self.files.head(path, HEAD_BYTES)
        return self._heads[path]


def _interpreter(head: bytes) -> list[str]:
    """The interpreter and its one argument, as the kernel splits the first line; empty for what is no script."""
    if not head.startswith(MARK):
        return []
    line = head[len(MARK) :].partition(b"\n")[0].decode(errors="replace").strip()
    return line.split(None, 1)


def _of_env(options: Sequence[str]) -> tuple[str, list[str]]:
    """The program that env is asked for, and its arguments: "#!/usr/bin/env -S python3 -u"."""
    words = [word for option in options for word in option.split()]
    while words and (words[0].startswith("-") or "=" in words[0]):
        rest = words[0].removeprefix("-S") if words[0].startswith("-S") else ""
        words[:1] = [rest] if rest else []
    return (words[0], words[1:]) if words else ("", [])
