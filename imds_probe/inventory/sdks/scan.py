"""Which libraries one system has: what its processes use, and what lies on its disk; each place looked into once.

A system is a root directory, the host's or a container's, with the processes that run in it.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.inventory.sdks.dotnet import Dotnet
from imds_probe.inventory.sdks.files import ARCHIVES, PYTHON_ARCHIVES, SCRIPTS, Look, libraries_of
from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.node import Node
from imds_probe.inventory.sdks.php import Php
from imds_probe.inventory.sdks.python import Python
from imds_probe.inventory.sdks.recogniser import Located, Recogniser
from imds_probe.inventory.sdks.ruby import Ruby
from imds_probe.inventory.sdks.running import INTERPRETERS, Running
from imds_probe.inventory.sdks.walk import Budget, Walk
from imds_probe.system import rootfs

RECOGNISERS: tuple[Recogniser, ...] = (Python(), Node(), Ruby(), Php(), Dotnet())
ARCHIVES_OF_A_DIRECTORY_MAX = 1000
TROUBLES_MAX = 100
PROGRAM_MIN_BYTES = 512 * 1024  # a Go program that does nothing has more
BUNDLE_MIN_BYTES = 96 * 1024  # the part of an SDK that asks for credentials has more, minified
SHARED_MIN_BYTES = 1024 * 1024  # an SDK that was linked into a shared object
_SYSTEM_LIBRARIES = ("/lib/", "/lib64/", "/usr/lib/x86_64", "/usr/lib/aarch64", "/usr/lib64/lib", "/usr/lib/lib")
# What ends so is no program, whatever its mode says.
_DATA = frozenset(
    {
        *("a", "bz2", "c", "cc", "cfg", "class", "conf", "cpp", "crt", "css", "csv", "db", "dat"),
        *("exe", "gif", "go", "gz", "h", "hpp", "html", "idx", "ini", "jpg", "la", "lock", "log"),
        *("lua", "map", "md", "mo", "node", "o", "pack", "pdf", "pem", "php", "pl", "pm", "png"),
        *("po", "properties", "py", "pyc", "pyi", "pyo", "rb", "rs", "rst", "sh", "so", "sql", "svg"),
        *("tar", "toml", "ts", "ttf", "txt", "typed", "wasm", "whl", "woff", "woff2", "xml", "xz", "yaml"),
        *("yml", "zst"),
    }
)
_DIRECTORIES = frozenset(name for recogniser in RECOGNISERS for name in recogniser.directories)
_ENDS = (*ARCHIVES, *PYTHON_ARCHIVES, *(end for recogniser in RECOGNISERS for end in recogniser.files))
_Identity = tuple[int, int, int, int, bool]
# What files of containers of one image were found to hold: by path, inode, size, time of change, and how they were read.
FileCache = dict[tuple[str, int, int, int, bool], tuple[Library, ...]]


@dataclass(frozen=True)
class Use:
    """A library, where it lies, and the processes that have it loaded or would find it there; none: on disk only."""

    located: Located
    pids: tuple[int, ...]


@dataclass
class Scan:
    """One system. `names` are the packages that matter, by ecosystem; `shared` is shared by containers of one image.
    `troubles` are places that could not be read.
    """

    root: Path
    names: Mapping[str, Collection[str]]
    shared: FileCache = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _files: dict[_Identity, tuple[Located, ...]] = field(default_factory=dict)
    _places: dict[tuple[str, int, int], tuple[Located, ...]] = field(default_factory=dict)

    def of_processes(self, processes: Iterable[Running], proc: Path | None = None) -> list[Use]:
        """What these processes use, in the order of paths. With `proc`, an executable that is not there any more is
        read from there.
        """
        pids: dict[Located, set[int]] = defaultdict(set)
        for process in processes:
            for located in self._of_process(process, proc):
                pids[located].add(process.pid)
        ordered = sorted(pids.items(), key=lambda item: (item[0].path, str(item[0].found)))
        return [Use(located, tuple(sorted(found))) for located, found in ordered]

    def on_disk(self, starts: Sequence[str], budget: Budget, left_out: Collection[str] = ()) -> list[Use]:
        """What lies below `starts`, whoever uses it. What is mounted below them is left out, and so is `left_out`."""
        walk = Walk(self.root, _wanted, budget, left_out)
        found: dict[Located, None] = {}
        for start in starts:
            for path in walk.below(start):
                found.update(dict.fromkeys(self._at(path)))
        for trouble in walk.unreadable:
            self._trouble(trouble)
        return [Use(located, ()) for located in sorted(found, key=lambda located: (located.path, str(located.found)))]

    def _of_process(self, process: Running, proc: Path | None) -> Iterator[Located]:
        for path in sorted(process.loaded):
            if path == process.executable:
                yield from self._executable(process, proc)
            elif path.endswith(ARCHIVES) or "aws" in posixpath.basename(path):
                yield from self._file(path, Look(thorough=True))
            elif ".so" in path and not path.startswith(_SYSTEM_LIBRARIES):
                yield from self._file(path, Look(thorough=True, min_bytes=SHARED_MIN_BYTES))
        idle = bool(process.without_tls) and self._has_tls(process.without_tls)
        if idle:
            return
        for path in process.scripts:
            yield from self._file(path, Look(thorough=True))
        isolated = any(self._is_isolated(prefix) for prefix in process.prefixes)
        for ecosystem, path in (*process.directories, *(() if isolated else process.base)):
            yield from self._place(ecosystem, path)

    def _executable(self, process: Running, proc: Path | None) -> Iterator[Located]:
        if posixpath.basename(process.executable).rstrip("0123456789.") in INTERPRETERS:
            return  # what an interpreter runs is what matters, and its own file is long
        found = list(self._file(process.executable, Look(thorough=True)))
        if found or proc is None or not process.replaced:
            yield from found
        elif process.executable in process.replaced:
            # The kernel keeps the file for as long as it runs, whatever stands under its name now.
            with open(proc / str(process.pid) / "exe", "rb") as file:
                for library in libraries_of(file, process.executable, self.names, Look(thorough=True)):
                    yield Located(library, process.executable)

    def _has_tls(self, directory: str) -> bool:
        try:
            return any(
                name.startswith("_ssl.") for path in self._matching(directory) for name in rootfs.names(self.root, path)
            )
        except rootfs.FileUnreadable:
            return False

    def _is_isolated(self, prefix: str) -> bool:
        """Whether this is a virtual environment that does not see the packages of the Python that it was made from."""
        try:
            content = rootfs.read(self.root, f"{prefix}/pyvenv.cfg", 64 * 1024)
        except rootfs.FileUnreadable:
            return False
        if content is None:
            return False
        settings = (line.partition("=") for line in content.decode(errors="replace").lower().splitlines())
        return not any(
            key.strip() == "include-system-site-packages" and value.strip() == "true" for key, _, value in settings
        )

    def _place(self, ecosystem: str, pattern: str) -> Iterator[Located]:
        if not self.names.get(ecosystem):
            return
        try:
            for path in self._matching(pattern):
                status = rootfs.status(self.root, path)
                if status is None:
                    continue
                # One directory has several names: lib64 is a link to lib, in many a virtual environment.
                key = (ecosystem, status.st_dev, status.st_ino)
                if key not in self._places:
                    self._places[key] = tuple(self._looked_into(ecosystem, path))
                yield from self._places[key]
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble.problem)

    def _looked_into(self, ecosystem: str, path: str) -> Iterator[Located]:
        if ecosystem == "maven":
            yield from self._class_path(path)
        for recogniser in RECOGNISERS:
            if recogniser.ecosystem == ecosystem:
                yield from recogniser.libraries_in(self.root, path, self.names[ecosystem])

    def _class_path(self, path: str) -> Iterator[Located]:
        if path.endswith(ARCHIVES):
            yield from self._file(path, Look(thorough=True))
            return
        archives = [name for name in rootfs.names(self.root, path) if name.endswith(ARCHIVES)]
        for name in archives[:ARCHIVES_OF_A_DIRECTORY_MAX]:
            yield from self._file(f"{path}/{name}", Look(thorough=True))

    def _matching(self, pattern: str) -> list[str]:
        """Paths with one name that has a wildcard; what has none is taken as it stands."""
        parts = pattern.split("/")
        at = next((index for index, part in enumerate(parts) if "*" in part), None)
        if at is None:
            return [pattern]
        names = rootfs.names(self.root, "/".join(parts[:at]) or "/")
        return ["/".join([*parts[:at], name, *parts[at + 1 :]]) for name in fnmatch.filter(names, parts[at])]

    def _at(self, path: str) -> Iterator[Located]:
        directory, _, name = path.rpartition("/")
        for recogniser in RECOGNISERS:
            # By name alone: that a file is called as another ecosystem's directory is does no harm.
            if name in recogniser.directories:
                yield from self._place(recogniser.ecosystem, path)
                return
            if recogniser.files and name.endswith(recogniser.files):
                yield from self._place(recogniser.ecosystem, directory)
                return
        yield from self._file(path, Look(thorough=False))

    def _file(self, path: str, look: Look) -> Iterator[Located]:
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return
                status = os.fstat(file.fileno())
                if status.st_size < look.min_bytes:
                    return
                content = (status.st_ino, status.st_size, status.st_mtime_ns, look.thorough)
                if (status.st_dev, *content) not in self._files:
                    if (path, *content) not in self.shared:
                        self.shared[path, *content] = tuple(libraries_of(file, path, self.names, look))
                    libraries = self.shared[path, *content]
                    self._files[status.st_dev, *content] = tuple(Located(library, path) for library in libraries)
                yield from self._files[status.st_dev, *content]
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble.problem)

    def _trouble(self, sentence: str) -> None:
        if len(self.troubles) < TROUBLES_MAX and sentence not in self.troubles:
            self.troubles.append(sentence)


def _wanted(entry: os.DirEntry[str], directory: str, is_directory: bool) -> bool:
    """Whether a walk over the disk has met something worth looking into. It meets half a million files: most by name."""
    name = entry.name
    if is_directory:
        return name in _DIRECTORIES
    _, dot, end = name.rpartition(".")
    if dot and end in _DATA:
        return False
    if name.endswith(_ENDS) or name.startswith("libaws-cpp-sdk-core.so"):
        return True
    if name.endswith(SCRIPTS):
        return "/node_modules" not in directory and _size(entry) >= BUNDLE_MIN_BYTES
    if end in ("json", "zip", "dll"):
        return False
    return _size(entry, executable=True) >= PROGRAM_MIN_BYTES


def _size(entry: os.DirEntry[str], *, executable: bool = False) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES):
            raise
        return 0
    return 0 if executable and not status.st_mode & 0o111 else status.st_size
