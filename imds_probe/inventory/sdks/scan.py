"""Which libraries one system has: what its processes use, and what lies on its disk; each place looked into once.

A system is a root directory, the host's or a container's, with the processes that run in it.
"""

from __future__ import annotations

import errno
import fnmatch
import posixpath
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.files import Look, libraries_of
from imds_probe.inventory.sdks.known_files import KnownFiles
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Located, OwnCode, Recogniser, Use
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.inventory.sdks.running import INTERPRETERS, Running
from imds_probe.inventory.sdks.start import Start
from imds_probe.inventory.sdks.wanted import SOUGHT
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed, FileUnreadable
from imds_probe.system.door import FileStatus
from imds_probe.system.walk import Budget
from imds_probe.system.walk_memory import WalkMemory

ARCHIVES_OF_A_DIRECTORY_MAX = 1000
TROUBLES_MAX = 100
MATCHES_MAX = 2000  # paths of one pattern
FOUND_MAX = 1000  # libraries in one file
SHARED_MIN_BYTES = 1024 * 1024  # an SDK that was linked into a shared object
_SYSTEM_LIBRARIES = ("/lib/", "/lib64/", "/usr/lib/x86_64", "/usr/lib/aarch64", "/usr/lib64/lib", "/usr/lib/lib")
_WITH_DIRECTORIES = [(each, each.directories) for each in RECOGNISERS if each.directories is not None]
_ENVIRONMENT = "pyvenv.cfg"
_BY_KEY = {each.key: each for each in RECOGNISERS}
_ARCHIVES = tuple(
    end for each in RECOGNISERS if each.files is not None and each.files.claim == "archive" for end in each.files.ends
)
_Identity = tuple[int, int, int, int, bool]
# What files of containers of one image were found to hold: by path, inode, size, time of the last change, and how they were read.
FileCache = dict[tuple[str, int, int, int, bool], tuple[Library, ...]]


@dataclass
class Scan:
    """One system. `names` are the packages that matter, by ecosystem; `shared` is shared by containers of one image, `known` is of
    files on its disk that an earlier run has read, `walked` of the directories there.
    `troubles` are places that make no sense, `unanswered` those of which nobody knows whether there is something.
    """

    root: Path
    names: Mapping[str, Collection[str]]
    shared: FileCache = field(default_factory=dict)
    known: KnownFiles = field(default_factory=KnownFiles)
    walked: WalkMemory = field(default_factory=WalkMemory)
    troubles: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    # What was looked at for one process is not looked at again for the next one.
    _statuses: dict[str, FileStatus | FileUnreadable | None] = field(default_factory=dict)
    _patterns: dict[tuple[str, str], tuple[Located, ...]] = field(default_factory=dict)
    _paths: dict[tuple[str, Look], tuple[Located, ...]] = field(default_factory=dict)
    _own: dict[object, OwnCode] = field(default_factory=dict)
    _isolated: dict[str, bool] = field(default_factory=dict)
    _tls: dict[str, bool] = field(default_factory=dict)
    _listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _files: dict[_Identity, tuple[Located, ...]] = field(default_factory=dict)
    _places: dict[tuple[str, int, int], tuple[Located, ...]] = field(default_factory=dict)

    def of_processes(self, processes: Iterable[Running], proc: Path | None = None) -> list[Use]:
        """What these processes use, in the order of paths. With `proc`, an executable that is not there any more is
        read from there.
        """
        pids: dict[Located, set[int]] = defaultdict(set)
        for process in processes:
            for located in self.of_process(process, proc):
                pids[located].add(process.pid)
        ordered = sorted(pids.items(), key=lambda item: (item[0].path, str(item[0].found)))
        return [Use(located, tuple(sorted(found))) for located, found in ordered]

    def on_disk(self, starts: Sequence[str], budget: Budget, left_out: Collection[str] = ()) -> list[Use]:
        """What lies below `starts`, whoever uses it. What is mounted below them is left out, and so is `left_out`."""
        found = {located: None for part, _ in self.parts_of_disk(starts, budget, left_out) for located in part}
        return [Use(located, ()) for located in sorted(found, key=lambda located: (located.path, str(located.found)))]

    def parts_of_disk(
        self, starts: Sequence[str], budget: Budget, left_out: Collection[str] = ()
    ) -> Iterator[tuple[Iterator[Located], int]]:
        """The same, a part after the other as the walk comes along, with the number of entries that it has met for it."""
        for part in rootfs.walk(self.root, starts, SOUGHT, budget, left_out, memory=self.walked):
            self.walked.learnt += part.learnt
            for trouble in part.unreadable:
                self._trouble(FileFailed(trouble))
            self._look_up(path for path in part.paths if path in self.known.kept)
            yield (located for path in part.paths for located in self._at(path)), part.entries

    def of_process(self, process: Running, proc: Path | None = None) -> Iterator[Located]:
        """What one process uses, as it is found; see of_processes."""
        if process.unread:
            self._trouble(FileFailed(process.unread))
        small = {path for path in process.loaded if path != process.executable and _may_have_one_linked_in(path)}
        self._look_up(small)
        for path in sorted(process.loaded):
            if path == process.executable:
                yield from self._executable(process, proc)
            elif path.endswith(_ARCHIVES) or "aws" in posixpath.basename(path):
                yield from self._file(path, Look(thorough=True))
            elif path in small and not self._is_smaller(path, SHARED_MIN_BYTES):
                yield from self._file(path, Look(thorough=True, min_bytes=SHARED_MIN_BYTES))
        own = [(key, self._own_code(key, start)) for key, start in process.own_code]
        idle = bool(process.without_tls) and self._has_tls(process.without_tls)
        if idle and not any(one.named or any(isinstance(each, FileFailed) for each in one.unread) for _, one in own):
            return
        for path in process.scripts:
            yield from self._file(path, Look(thorough=True))
        prefixes = (*process.prefixes, *(prefix for _, one in own for prefix in one.prefixes))
        self._look_up([*(f"{prefix}/{_ENVIRONMENT}" for prefix in prefixes), *_paths_of(process.directories)])
        isolated = any(self._is_isolated(prefix) for prefix in prefixes)
        base = () if isolated else process.base
        added = [(key, place) for key, one in own for place in one.places]
        self._look_up(_paths_of((*added, *base)))
        for key, path in (*process.directories, *added, *base):
            yield from self._place(key, path)

    def _own_code(self, key: str, start: Start) -> OwnCode:
        """What the code or settings say that it was started with; what of it could not be read is said."""
        recogniser = _BY_KEY[key]
        read = recogniser.runtime.own_code if recogniser.runtime is not None else None
        how = key, start.executable, start.directory, start.arguments, tuple(start.environment.items())
        if how not in self._own:
            self._own[how] = read(start, recogniser.wanted(self.names)) if read is not None else OwnCode()
        for trouble in self._own[how].unread:
            self._trouble(trouble)
        return self._own[how]

    def _look_up(self, paths: Iterable[str]) -> None:
        """The status of all of these, in one go."""
        new = [path for path in dict.fromkeys(paths) if path not in self._statuses]
        if new:
            self._statuses.update(zip(new, rootfs.looked_up(self.root, new), strict=True))

    def _is_smaller(self, path: str, size: int) -> bool:
        status = self._statuses.get(path)
        return isinstance(status, FileStatus) and status.st_size < size

    def _executable(self, process: Running, proc: Path | None) -> Iterator[Located]:
        if posixpath.basename(process.executable).rstrip("0123456789.") in INTERPRETERS:
            return  # what an interpreter runs is what matters, and its own file is long
        found = list(self._file(process.executable, Look(thorough=True)))
        if found or proc is None or not process.replaced:
            yield from found
        elif process.executable in process.replaced:
            # The kernel keeps the file for as long as it runs, whatever stands under its name now.
            try:
                with rootfs.program(proc, process.pid) as file:
                    libraries = libraries_of(file, process.executable, self.names, Look(thorough=True))
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESRCH):  # it has ended
                    self._trouble(FileFailed(f"{process.executable} cannot be read: {error.strerror}"))
                return
            yield from (Located(library, process.executable) for library in libraries[:FOUND_MAX])

    def _has_tls(self, directory: str) -> bool:
        if directory not in self._tls:
            self._tls[directory] = self._has_module(directory, "_ssl.")
        return self._tls[directory]

    def _has_module(self, directory: str, begins: str) -> bool:
        try:
            return any(
                name.startswith(begins) for path in self._matching(directory) for name in rootfs.names(self.root, path)
            )
        except rootfs.FileUnreadable:
            return False

    def _is_isolated(self, prefix: str) -> bool:
        """Whether this is a virtual environment that does not see the packages of the Python that it was made from."""
        path = f"{prefix}/{_ENVIRONMENT}"
        if self._statuses.get(path, self) is None:  # it was looked up, and there is none
            return False
        if prefix not in self._isolated:
            self._isolated[prefix] = self._sees_no_other(path)
        return self._isolated[prefix]

    def _sees_no_other(self, path: str) -> bool:
        try:
            content = rootfs.read(self.root, path, 64 * 1024)
        except rootfs.FileUnreadable:
            return False
        if content is None:
            return False
        settings = (line.partition("=") for line in content.decode(errors="replace").lower().splitlines())
        return not any(
            key.strip() == "include-system-site-packages" and value.strip() == "true" for key, _, value in settings
        )

    def _place(self, key: str, pattern: str) -> Iterator[Located]:
        if (key, pattern) not in self._patterns:
            found: list[Located] = []
            for located in self._places_of(key, pattern):
                found.append(located)
                yield located
            self._patterns[key, pattern] = tuple(found)
        else:
            yield from self._patterns[key, pattern]

    def _places_of(self, key: str, pattern: str) -> Iterator[Located]:
        recogniser = _BY_KEY[key]
        if not recogniser.wanted(self.names):
            return
        try:
            paths = self._matching(pattern)
            self._look_up(paths)
            for path in paths:
                status = self._statuses[path]
                if isinstance(status, FileUnreadable):
                    self._trouble(status)
                if not isinstance(status, FileStatus):
                    continue
                # One directory has several names: lib64 is a link to lib, in many a virtual environment.
                identity = (key, status.st_dev, status.st_ino)
                if identity not in self._places:
                    is_file = stat.S_ISREG(status.st_mode)  # Python looks for modules in archives, too
                    found = self._file_of(recogniser, path) if is_file else self._all_in(recogniser, path)
                    self._places[identity] = tuple(found)
                yield from self._places[identity]
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble)

    def _file_of(self, recogniser: Recogniser, path: str) -> Iterator[Located]:
        """A file in a place where a process looks for archives is one, whatever it is called."""
        files = recogniser.files
        if files is None or files.claim != "archive" or path.endswith(_ARCHIVES):
            yield from self._file(path, Look(thorough=True))
            return
        try:
            with rootfs.opened(self.root, path) as file:
                if file is not None:
                    with rootfs.buffered(file) as buffered:
                        found = files.libraries(buffered, recogniser.wanted(self.names))
                    yield from (Located(library, path) for library in found[:FOUND_MAX])
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble)

    def _all_in(self, recogniser: Recogniser, path: str) -> Iterator[Located]:
        """What can be read there: what comes after that is said to be missing."""
        try:
            yield from self._looked_into(recogniser, path)
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble)

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
        if len(archives) > ARCHIVES_OF_A_DIRECTORY_MAX:
            self._trouble(FileFailed(f"{path}: only {ARCHIVES_OF_A_DIRECTORY_MAX} of its archives were read"))
        for name in archives[:ARCHIVES_OF_A_DIRECTORY_MAX]:
            yield from self._file(f"{path}/{name}", Look(thorough=True))

    def _matching(self, pattern: str) -> list[str]:
        """Paths some of whose names have a wildcard; what has none is taken as it stands."""
        if "*" not in pattern:
            return [pattern]
        found, fixed = [""], ""
        for name in pattern.strip("/").split("/"):
            if "*" not in name:
                fixed += f"/{name}"
                continue
            above = [f"{at}{fixed}" or "/" for at in found]
            self._look_up(above)
            # Only one that has names: what is a file, or is not there, has none.
            found = [f"{at.rstrip('/')}/{each}" for at in above for each in fnmatch.filter(self._names_in(at), name)]
            if len(found) > MATCHES_MAX:
                self._trouble(FileFailed(f"{pattern}: only {MATCHES_MAX} of what matches was looked at"))
                found = found[:MATCHES_MAX]
            fixed = ""
        return [f"{at}{fixed}" for at in found]

    def _names_in(self, path: str) -> tuple[str, ...]:
        """The names in a directory whose status was looked up."""
        status = self._statuses[path]
        if isinstance(status, FileStatus) and not stat.S_ISDIR(status.st_mode):
            return ()
        if path not in self._listed:
            self._listed[path] = rootfs.names(self.root, path) if status is not None else ()
        return self._listed[path]

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
        if (path, look) not in self._paths:
            self._paths[path, look] = tuple(self._read(path, look))
        yield from self._paths[path, look]

    def _read(self, path: str, look: Look) -> Iterator[Located]:
        status = self._statuses.get(path)
        known = self.known.libraries(path, status) if isinstance(status, FileStatus) and not look.thorough else None
        if isinstance(status, FileStatus) and known is not None:
            yield from self._files.setdefault(_identity(status, look), tuple(Located(each, path) for each in known))
            return
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return
                status = file.status()
                if status.st_size < look.min_bytes:
                    return
                identity = _identity(status, look)
                if identity not in self._files:
                    content = (path, *identity[1:])
                    if content not in self.shared:
                        self.shared[content] = tuple(libraries_of(file, path, self.names, look)[:FOUND_MAX])
                    self._files[identity] = tuple(Located(library, path) for library in self.shared[content])
                if not look.thorough:
                    self.known.learn(path, status, tuple(each.found for each in self._files[identity]))
                yield from self._files[identity]
        except rootfs.FileUnreadable as trouble:
            self._trouble(trouble)

    def _trouble(self, trouble: FileUnreadable) -> None:
        kept = self.unanswered if isinstance(trouble, FileFailed) else self.troubles
        if len(kept) < TROUBLES_MAX and trouble.problem not in kept:
            kept.append(trouble.problem)


def _identity(status: FileStatus, look: Look) -> _Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns, look.thorough


def _may_have_one_linked_in(path: str) -> bool:
    return ".so" in path and not path.startswith(_SYSTEM_LIBRARIES)


def _paths_of(places: Iterable[tuple[str, str]]) -> list[str]:
    return [path for _, path in places if "*" not in path]
