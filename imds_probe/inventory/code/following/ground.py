"""One system's files as following needs them: each directory listed once, each file looked at once, all within bounds.

What was kept of an earlier run stands for a file that is the same by device, inode, size and times.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import posixpath
import stat
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.following.known import Kept, Known, Limits, known_of, owner_of
from imds_probe.inventory.code.following.loads import NOTHING, Asked
from imds_probe.inventory.code.following.named_files import named_settings
from imds_probe.inventory.code.speaks import Said
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed
from imds_probe.system.door import File, FileStatus
from imds_probe.system.unchanged import identity_of, is_of_root, is_settled

if TYPE_CHECKING:
    from imds_probe.inventory.code.following.language import Language

HELD_MAX_BYTES = 4 * 1024 * 1024  # of a file that is read once for both: what it says, and what it asks for
FILE_MAX_BYTES = 512 * 1024 * 1024
HEAD_BYTES = 1024
SHORT_MAX_BYTES, AHEAD_MAX_BYTES = (
    48 * 1024,
    4 * 1024 * 1024,
)  # of a file that is asked for with others, and of all of these
TEXT_ENDS = (".py", ".js", ".rb", ".pl", ".php", ".sh")
OF_LIBRARIES = ("/site-packages/", "/dist-packages/", "/node_modules/", "/gems/", "/vendor/", "/usr/lib", "/usr/share/")
NAMES_MAX_BYTES = 256 * 1024  # of a file in which others are named
SMALL_MAX_BYTES = 1024 * 1024  # of package.json and the like
WALKED_MAX, DEPTH_MAX = 3000, 12  # files of one package, and directories within each other
ONCE_MAX = 20_000  # answers that are kept for who asks the same
# Nobody's code: what version control and Python keep beside it.
PASSED_OVER = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules"})
OF_MANY = frozenset(("/", "/root", "/home", "/opt", "/srv", "/usr", "/usr/local", "/usr/share", "/var", "/var/lib"))
NO_NAMES = frozenset[str]()
T = TypeVar("T")


@dataclass
class Ground:
    """One system below its root. `kept` are files by their paths as an earlier run has left them, `learnt` those that a later
    one can have: of files that root alone can write, and that did not change since `before_ns`, a time.time_ns; none where
    that is None. `shared` are files of this run by path, of systems that are made of the same image. `reads_ahead`: files that are
    visited next are asked for together, as whoever opens them holds what has come. Which of them a reader breaks at is not known
    then. `more`: of a program's own code there was more than is walked through, until somebody says no again.
    """

    root: Path
    limits: Limits = field(default_factory=Limits)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    before_ns: int | None = None
    learnt: dict[str, Kept] = field(default_factory=dict)
    shared: dict[str, Kept] = field(default_factory=dict)
    reads_ahead: bool = False
    trail: set[str] | None = None  # while somebody wants to know what all this depended on
    kept_from: bool = False  # whether something kept us from a place that was asked for, until somebody says no again
    more: bool = False
    _once: dict[Hashable, tuple[tuple[Any, ...], frozenset[str], bool]] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _listed: dict[str, frozenset[str] | None] = field(default_factory=dict)
    _stems: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict)
    _small: dict[str, bytes] = field(default_factory=dict)
    _heads: dict[str, bytes] = field(default_factory=dict)
    _statuses: dict[str, FileStatus | None] = field(default_factory=dict)
    _known: dict[str, Known] = field(default_factory=dict)
    _languages: dict[str, str] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], Iterable[T]]) -> tuple[T, ...]:
        """What this comes to, found out once for all who ask by the same key; what it depended on, all of them depend on."""
        known = self._once.get(key)
        if known is None:
            before = self.trail, self.kept_from
            self.trail, self.kept_from = set(), False
            try:
                known = tuple(make()), frozenset(self.trail), self.kept_from
            finally:
                self.trail, self.kept_from = before
            if len(self._once) < ONCE_MAX:
                self._once[key] = known
        found, depended_on, kept_from = known
        if self.trail is not None:
            self.trail |= depended_on
        self.kept_from = self.kept_from or kept_from
        return found

    def listed(self, directory: str) -> frozenset[str]:
        """The names in a directory; none where there is no such directory, or nobody may look."""
        directory = directory.rstrip("/") or "/"
        if directory not in self._listed:
            self._listed[directory] = self._names(directory)
        found = self._listed[directory]
        self.kept_from = self.kept_from or directory in self._failed
        if found is None:
            self.has(directory)  # what says so is the directory above, also to who asks later
            return NO_NAMES
        self._touch(directory)
        return found

    def _names(self, directory: str) -> frozenset[str] | None:
        """None where there is nothing: that is known by the directory above."""
        if directory != "/" and not self.has(directory):
            return None
        try:
            return frozenset(rootfs.names(self.root, directory))
        except rootfs.FileUnreadable as trouble:
            self._fail(directory, trouble)
            return NO_NAMES

    def _fail(self, path: str, trouble: rootfs.FileUnreadable) -> None:
        """What makes no sense says nothing; what cannot be read may say anything."""
        if isinstance(trouble, FileFailed):
            self._failed.add(path)

    def has(self, path: str) -> bool:
        """Whether there is something of that name."""
        directory, _, name = path.rpartition("/")
        return name in self.listed(directory or "/")

    def stems(self, directory: str, end: str) -> Mapping[str, str]:
        """The names in a directory that end so, by what stands before their first dot."""
        key = directory, end
        names = self.listed(directory)
        if key not in self._stems:
            ending = sorted(name for name in names if name.endswith(end))
            self._stems[key] = {name.partition(".")[0]: name for name in ending}
        return self._stems[key]

    def first(self, paths: Iterable[str]) -> str | None:
        """The first of these that there is and that is no directory."""
        return next((path for path in paths if self.has(path) and not self.listed(path)), None)

    def real(self, path: str) -> str:
        """A path without links; the same where there is nothing to see."""
        self._touch(path)
        if path not in self._real:
            self._real[path] = rootfs.real_path(self.root, path) or path
        return self._real[path]

    def small(self, path: str, limit_bytes: int = SMALL_MAX_BYTES) -> bytes:
        """The content of a small file that says where others are; empty where there is none."""
        there = self.has(path)
        if path not in self._small:
            content = b""
            if there:
                try:
                    content = rootfs.read(self.root, path, limit_bytes) or b""
                except rootfs.FileUnreadable as trouble:
                    self._fail(path, trouble)
            self._small[path] = content
        self.kept_from = self.kept_from or path in self._failed
        if there:  # one without content may have some later, which the directory does not show
            self._touch(path)
        return self._small[path]

    def head(self, path: str) -> bytes:
        """The first bytes of a file, enough for the line that names its interpreter; empty where there is none."""
        self._touch(path)
        if path not in self._heads:
            self._heads[path] = b""
            with contextlib.suppress(rootfs.FileUnreadable), rootfs.opened(self.root, path) as file:
                self._heads[path] = file.read(HEAD_BYTES) if file is not None else b""
        return self._heads[path]

    def matching(self, pattern: str) -> list[str]:
        """Directories by a path, some of whose names may end with a wildcard, in order; without one, they need not be there."""
        found = [""]
        for name in pattern.strip("/").split("/"):
            if name.endswith("*"):
                begins = name[:-1]
                found = [
                    f"{at}/{each}" for at in found for each in sorted(self.listed(at or "/")) if each.startswith(begins)
                ]
            else:
                found = [f"{at}/{name}" for at in found]
        return found

    def walked(
        self,
        directory: str,
        ends: tuple[str, ...],
        most: int = WALKED_MAX,
        *,
        of_program: bool = False,
        aside: Collection[str] = (),
    ) -> Iterator[str]:
        """Files below a directory whose names end so. No directory is gone into twice, whatever links lead there, and none of those
        that are called as one of `aside`. `of_program`: it is what a program itself may run, so that `more` says what is left out,
        unless the directory is one in which everything lies.
        """
        of_program = of_program and not _is_of_many(directory)
        waiting, seen = [(directory.rstrip("/"), 0)], set(self._directories([directory]).values())
        while waiting:
            at, depth = waiting.pop()
            names = sorted(self.listed(at))
            # Sites are called as their hosts are: /var/www/example.com.
            dotted = of_program and not depth
            inner = [
                name
                for name in names
                if ("." not in name or (dotted and name[0] != "." and not name.endswith(ends)))
                and name not in PASSED_OVER
                and name not in aside
            ]
            directories = self._directories([f"{at}/{name}" for name in inner])
            for path in (f"{at}/{name}" for name in names):
                if path.endswith(ends):
                    most -= 1
                    if most < 0:
                        self.more = self.more or of_program
                        return
                    yield path
                elif path in directories and directories[path] not in seen:
                    if len(seen) >= WALKED_MAX or depth >= DEPTH_MAX:
                        self.more = self.more or of_program
                        continue
                    seen.add(directories[path])
                    waiting.append((path, depth + 1))

    def some(self, listed: Sequence[T], most: int) -> Sequence[T]:
        """As many as are looked at of what a program itself may run; `more` says where there are others."""
        self.more = self.more or len(listed) > most
        return listed[:most]

    def _directories(self, paths: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Those of these paths that lead to directories, by device and inode."""
        self.look_up(paths)
        found = {}
        for path in paths:
            self._touch(path)
            status = self._statuses[path]
            if status is not None and stat.S_ISDIR(status.st_mode):
                found[path] = status.st_dev, status.st_ino
        return found

    def look_up(self, paths: Sequence[str]) -> None:
        """The status of all of these, in one go: for what is visited next."""
        new = [path for path in dict.fromkeys(paths) if path not in self._statuses]
        if new:
            self._statuses.update(zip(new, rootfs.statuses(self.root, new), strict=True))

    def ahead(self, paths: Sequence[str]) -> None:
        """These are visited next."""
        self.look_up(paths)
        if not self.reads_ahead:
            return
        left, new = AHEAD_MAX_BYTES, []
        for path in paths:
            status = self._statuses[path]
            if status is None or status.st_size > min(left, SHORT_MAX_BYTES) or not stat.S_ISREG(status.st_mode):
                continue
            if not any(path in known for known in (self._known, self.kept, self.shared)):
                left -= status.st_size
                new.append(path)
        if len(new) > 1:
            rootfs.ahead(self.root, new)

    def _holds_nothing(self, path: str) -> bool:
        """Whether it is a directory or a device, as /dev/null is: no code lies there. What a pipe would give, nobody knows."""
        self.look_up([path])
        status = self._statuses[path]
        return status is not None and (stat.S_ISDIR(status.st_mode) or stat.S_ISCHR(status.st_mode))

    def regular(self, paths: Sequence[str]) -> list[str]:
        """Those of these paths that lead to a file."""
        for path in paths:
            self._touch(path)
        found = zip(paths, self.statuses(paths), strict=True)
        return [path for path, status in found if status is not None and stat.S_ISREG(status.st_mode)]

    def statuses(self, paths: Sequence[str]) -> list[FileStatus | None]:
        """Of all of these; None of what is not there, or cannot be looked up."""
        self.look_up(paths)
        return [self._statuses[path] for path in paths]

    def digest(self, paths: Sequence[str], *, learning: bool = False) -> bytes | None:
        """Of what these paths are now; None where one was just changed, or is a file that another user than root can write to:
        what he has mapped he can change without a trace. Of a directory each change leaves its time.
        """
        if self.before_ns is None:
            return None
        self.look_up(paths)
        digest = hashlib.sha256()
        for path in paths:
            status = self._statuses[path]
            if status is not None:
                trusted = stat.S_ISDIR(status.st_mode) or is_of_root(status)
                if not trusted or (learning and not self._is_settled(status)):
                    return None
            digest.update(
                f"{path}\0{identity_of(status) if status is not None else ''}\0".encode("utf-8", "surrogatepass")
            )
        return digest.digest()

    def size_bytes(self, path: str) -> int:
        """How long a file is that was looked up; 0 where there is none."""
        status = self._statuses.get(path)
        return status.st_size if status is not None else 0

    def forget(self) -> None:
        """Make room: what was visited is visited no more, and what was learnt of it has been handed on."""
        for each in (self._known, self._languages, self.shared, self.learnt):
            each.clear()

    def changed_ns(self, paths: Sequence[str]) -> int | None:
        """When the one of these that changed last did so, a time.time_ns; None where there is none of them."""
        self.look_up(paths)
        return max((status.st_ctime_ns for path in paths if (status := self._statuses[path]) is not None), default=None)

    def _touch(self, path: str) -> None:
        if self.trail is not None:
            self.trail.add(path)

    def _is_settled(self, status: FileStatus) -> bool:
        return self.before_ns is not None and is_settled(status, self.before_ns)

    def visit(self, path: str, language: Language | None = None) -> Known:
        """What a file says, and what it asks for in this language; without one, as it was read in whatever."""
        name = language.id if language else ""
        if path not in self._known or (name and self._languages[path] != name):
            self._languages[path] = name
            self._known[path] = self._remembered(path, name) or self._read(path, language)
        return self._known[path]

    def visit_program(self, proc: Path, pid: int, path: str) -> Known:
        """The same of the program that a process runs, whatever lies at its path by now."""
        if path not in self._known or self._known[path].unread in (unread.GONE, unread.HIDDEN):
            self._languages[path] = ""
            try:
                with rootfs.program(proc, pid) as file:
                    self._known[path] = self._of(file, path, None)[0]
            except OSError:
                self._known[path] = Known(None, unread=unread.GONE)
        return self._known[path]

    def _remembered(self, path: str, language: str) -> Known | None:
        of_run, of_image = self.kept.get(path), self.shared.get(path)
        if of_run is None and of_image is None:
            return None
        self.look_up([path])
        status = self._statuses[path]
        if status is None:
            return None
        same = identity_of(status)
        if of_run is not None and of_run.identity == same and is_of_root(status) and language in ("", of_run.language):
            self.learnt[path] = of_run
            return known_of(of_run, status)
        # Layers of an image keep inode and times; each container has a device of its own.
        if of_image is not None and of_image.identity[1:] == same[1:] and language in ("", of_image.language):
            return known_of(of_image, status)
        return None

    def _read(self, path: str, language: Language | None) -> Known:
        if self.limits.spent:
            return Known(None, unread=unread.NO_TIME)
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return Known(None, unread=unread.GONE)
                known, status = self._of(file, path, language)
        except rootfs.FileUnreadable as trouble:
            is_empty = not isinstance(trouble, FileFailed) and self._holds_nothing(path)
            return Known(None, unread="" if is_empty else unread.HIDDEN)
        if known.said is None:
            return known
        kept = Kept(identity_of(status), language.id if language else "", known.said, known.asked)
        self.shared[path] = kept
        if self._is_settled(status) and is_of_root(status):
            self.learnt[path] = kept
        return known

    def _of(self, file: File, path: str, language: Language | None) -> tuple[Known, FileStatus]:
        status = file.status()
        size = status.st_size
        if size > FILE_MAX_BYTES:
            return Known(None, unread=unread.TOO_LONG), status
        if size > self.limits.bytes:
            return Known(None, unread=unread.NO_TIME), status
        self.limits.bytes -= size
        if size <= HELD_MAX_BYTES:
            said, asked = _both(io.BytesIO(_content(file, size)), path, language)
        else:
            with rootfs.buffered(file) as buffered:
                said, asked = _both(buffered, path, language)
        return Known(said, asked, said.unread, size, owner_of(status)), status


def _is_of_many(directory: str) -> bool:
    """Whether a script has no directory of its own: others' code lies there, too."""
    place = directory.rstrip("/") or "/"
    return place in OF_MANY or posixpath.dirname(place) == "/home"


def _both(file: BinaryIO, path: str, language: Language | None) -> tuple[Said, Asked]:
    if language is None:
        return said_by(file, path), NOTHING
    # What has no end of its own is of the language that runs it, unless its first line says another one.
    end = "" if path.endswith(language.ends) or language.ends[0] not in TEXT_ENDS else language.ends[0]
    said = said_by(file, f"{path}{end}")
    file.seek(0)
    asked = language.asked(file)
    if any(place in path for place in OF_LIBRARIES):
        return said, asked
    file.seek(0)
    settings = named_settings(file.read(NAMES_MAX_BYTES), in_shell=language.id == "shell" or said.form == "shell")
    return said, replace(asked, settings=settings)


def _content(file: File, size: int) -> bytes:
    chunks, left = [], size + 1
    while left > 0 and (chunk := file.read(left)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
