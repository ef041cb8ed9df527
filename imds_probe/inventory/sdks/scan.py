"""Which libraries one system has: what its processes use, and what lies on its disk; each place looked into once.

A system is a root directory, the host's or a container's, with the processes that run in it.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.inventory.sdks.files import Look, libraries_of
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Located, Recogniser
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.inventory.sdks.running import INTERPRETERS, Running
from imds_probe.inventory.sdks.walk import Budget, Walk
from imds_probe.inventory.sdks.wanted import wanted
from imds_probe.system import rootfs

ARCHIVES_OF_A_DIRECTORY_MAX = 1000
TROUBLES_MAX = 100
SHARED_MIN_BYTES = 1024 * 1024  # an SDK that was linked into a shared object
_SYSTEM_LIBRARIES = ("/lib/", "/lib64/", "/usr/lib/x86_64", "/usr/lib/aarch64", "/usr/lib64/lib", "/usr/lib/lib")
_WITH_DIRECTORIES = [(each, each.directories) for each in RECOGNISERS if each.directories is not None]
_BY_KEY = {each.key: each for each in RECOGNISERS}
_ARCHIVES = tuple(
    end for each in RECOGNISERS if each.files is not None and each.files.claim == "archive" for end in each.files.ends
)
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
        walk = Walk(self.root, wanted, budget, left_out)
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
            elif path.endswith(_ARCHIVES) or "aws" in posixpath.basename(path):
                yield from self._file(path, Look(thorough=True))
            elif ".so" in path and not path.startswith(_SYSTEM_LIBRARIES):
                yield from self._file(path, Look(thorough=True, min_bytes=SHARED_MIN_BYTES))
        idle = bool(process.without_tls) and self._has_tls(process.without_tls)
        if idle:
            return
        for path in process.scripts:
            yield from self._file(path, Look(thorough=True))
        isolated = any(self._is_isolated(prefix) for prefix in process.prefixes)
        for key, path in (*process.directories, *(() if isolated else process.base)):
            yield from self._place(key, path)

    def _executable(self, process: Running, proc: Path | None) -> Iterator[Located]:
        if posixpath.basename(process.executable).rstrip("0123456789.") in INTERPRETERS:
            return  # what an interpreter runs is what matters, and its own file is long
        found = list(self._file(process.executable, Look(thorough=True)))
        if found or proc is None or not process.replaced:
            yield from found
        elif process.executable in process.replaced:
            # The kernel keeps the file for as long as it runs, whatever stands under its name now.
            with rootfs.program(proc, process.pid) as file:
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

    def _place(self, key: str, pattern: str) -> Iterator[Located]:
        recogniser = _BY_KEY[key]
        if not recogniser.wanted(self.names):
            return
        try:
            for path in self._matching(pattern):
                status = rootfs.status(self.root, path)
                if status is None:
                    continue
                # One directory has several names: lib64 is a link to lib, in many a virtual environment.
                identity = (key, status.st_dev, status.st_ino)
                if identity not in self._places:
                    self._places[identity] = tuple(self._looked_into(recogniser, path))
                yield from self._places[identity]
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble.problem)

    def _looked_into(self, recogniser: Recogniser, path: str) -> Iterator[Located]:
        if recogniser.files is not None and recogniser.files.claim == "archive":
            yield from self._archives(recogniser.files.ends, path)
        if recogniser.directories is not None:
            yield from recogniser.directories.libraries(self.root, path, recogniser.wanted(self.names))

    def _archives(self, ends: tuple[str, ...], path: str) -> Iterator[Located]:
        """An entry of a class path: an archive, or a directory of such."""
        if path.endswith(ends):
            yield from self._file(path, Look(thorough=True))
            return
        archives = [name for name in rootfs.names(self.root, path) if name.endswith(ends)]
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
        for recogniser, directories in _WITH_DIRECTORIES:
            # By name alone: that a file is called as another ecosystem's directory is does no harm.
            if name in directories.names:
                yield from self._place(recogniser.key, path)
                return
            if directories.marks and name.endswith(directories.marks):
                yield from self._place(recogniser.key, directory)
                return
        yield from self._file(path, Look(thorough=False))

    def _file(self, path: str, look: Look) -> Iterator[Located]:
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return
                status = file.status()
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
