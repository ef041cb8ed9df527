"""Find programs below a root as execve(2) and a PATH would, with the interpreters that scripts name in their first line."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.sdks.start import Start

HEAD_BYTES = 256  # of a file, which the kernel looks at for an interpreter: BINPRM_BUF_SIZE
INTERPRETERS_MAX = 4  # one after the other
PATH_PARTS_MAX = 64
CACHED_MAX = 5000
MARK = b"#!"
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
    it is one that fits.
    """

    executable: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    script: str = ""
    perhaps: bool = False

    def start(self, root: Path) -> Start:
        """The same as of a running process that has loaded nothing yet."""
        return Start(self.executable, self.directory, self.arguments, self.environment, frozenset(), root)


@dataclass
class Programs:
    """The programs of one system."""

    files: SystemFiles
    _paths: dict[tuple[str, str], str] = field(default_factory=dict)
    _heads: dict[str, bytes] = field(default_factory=dict)
    _begun: dict[tuple[str, str, str], tuple[tuple[str, ...], frozenset[str]]] = field(default_factory=dict)

    def started(
        self, words: Sequence[str], environment: Mapping[str, str], directory: str, script: str = ""
    ) -> Started | None:
        """What these words start, by this script; None where there is no such program."""
        key = words[0], environment.get("PATH") or DEFAULT_PATH, directory
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

    def _begins(self, name: str, path: str, directory: str) -> tuple[str, ...]:
        """The executable of a program, and the arguments that come before its own; nothing where there is no such program."""
        at = self.found(name, path, directory)
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
            interpreter = self.found(name, path, directory) if name else ""
            arguments = (interpreter, *options, at, *arguments[1:])
            at = interpreter
        return ()

    def found(self, name: str, path: str, directory: str) -> str:
        """Where the program of this name is; empty where it is nowhere."""
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
