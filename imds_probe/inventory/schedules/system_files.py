"""The files of one system, with what could not be read of it: one that cannot be read never keeps the others from being read."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.packages.package import printable
from imds_probe.inventory.settings.formats import yaml_document
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed
from imds_probe.system.door import File, FileStatus

TEXT_MAX_BYTES = 1024 * 1024
ALL_MAX_BYTES, OF_USER_MAX_BYTES = 48 * 1024 * 1024, 4 * 1024 * 1024
YAML_MAX = 256 * 1024  # characters of all texts together: 4 s for the reader in Python
TROUBLES_MAX = 200
PIECE_BYTES = 16 * 1024
EXECUTABLE = 0o111
T = TypeVar("T")


@dataclass(frozen=True)
class LeftOut:
    """A file or directory of which something was not read that may start a program, and why, one of unread.REASONS. `owner_uid`
    is the unprivileged user whose own it is, None where it is root's.
    """

    path: str
    why: str
    owner_uid: int | None = None


@dataclass
class SystemFiles:
    """A root. `troubles` are sentences, `said` counts them, also those that were said before. `trail` are the paths that anything
    was found out of, while somebody wants to know. `owner_uid` is the unprivileged user whose own files are read now, None while
    root's are: no user's take the room of anybody else's. `left_out` is what was not read, each once. `of_image`: nothing runs
    there.
    """

    root: Path
    troubles: list[str] = field(default_factory=list)
    said: int = 0
    trail: set[str] | None = None
    owner_uid: int | None = None
    left_out: dict[LeftOut, None] = field(default_factory=dict)
    of_image: bool = False
    _left_bytes: dict[int | None, int] = field(default_factory=lambda: {None: ALL_MAX_BYTES})
    _left_yaml: int = YAML_MAX
    _said: set[str] = field(default_factory=set)

    def say(self, trouble: str) -> None:
        """Something was not read, and why."""
        self.said += 1
        said = printable(trouble)
        if said not in self._said and len(self.troubles) < TROUBLES_MAX:
            self._said.add(said)
            self.troubles.append(said)

    def leave_out(self, path: str, why: str, trouble: str) -> None:
        """The same of what may start a program: nobody knows which."""
        self.say(trouble)
        self.left_out[LeftOut(path, why, self.owner_uid)] = None

    def some(self, path: str, listed: Sequence[T], most: int, noun: str) -> Sequence[T]:
        """As much of what there is at a path as is read. That there is more is left out."""
        if len(listed) > most:
            self.leave_out(path, unread.MORE, f"{path} has more than {most} {noun}, and the rest was not read")
        return listed[:most]

    def take_left_out(self) -> tuple[LeftOut, ...]:
        """What was left out since this was asked for."""
        taken = tuple(self.left_out)
        self.left_out.clear()
        return taken

    def note(self, paths: Iterable[str]) -> None:
        """Something depends on these."""
        if self.trail is not None:
            self.trail.update(paths)

    def names(self, path: str) -> tuple[str, ...]:
        """What a directory holds, sorted; empty where there is none."""
        self.note([path])
        try:
            return rootfs.names(self.root, path)
        except rootfs.FileUnreadable as trouble:
            self._unreadable(path, trouble)
            return ()

    def content(self, path: str, limit_bytes: int | None = None) -> bytes | None:
        """The beginning of a file, None where there is none or it cannot be read. Who gives no limit needs it whole."""
        self.note([path])
        left = self._left_bytes.setdefault(self.owner_uid, OF_USER_MAX_BYTES)
        limit = max(0, min(TEXT_MAX_BYTES if limit_bytes is None else limit_bytes, left))
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return None
                content = _beginning(file, limit + 1)
        except rootfs.FileUnreadable as trouble:
            self._unreadable(path, trouble)
            return None
        if len(content) > limit:
            trouble_said = f"only the first {limit} bytes of {path} were read"
            if limit_bytes is None or limit < limit_bytes:
                self.leave_out(path, unread.MORE, trouble_said)
            else:
                self.say(trouble_said)
            content = content[:limit]
        self._left_bytes[self.owner_uid] = left - len(content)
        return content

    def head(self, path: str, length: int) -> bytes:
        """So many bytes of a file, which may have more; none of what cannot be read."""
        self.note([path])
        try:
            with rootfs.opened(self.root, path) as file:
                return b"" if file is None else file.read(length) or b""
        except rootfs.FileUnreadable as trouble:
            self._unreadable(path, trouble)
            return b""

    def text(self, path: str, limit_bytes: int | None = None) -> str | None:
        """The same as text."""
        content = self.content(path, limit_bytes)
        return None if content is None else content.decode(errors="replace")

    def lines(self, path: str) -> list[str]:
        """The lines of a text, empty where there is none; only a line feed ends one."""
        return (self.text(path) or "").split("\n")

    def yaml(self, text: str, path: str) -> object:
        """The value in a text of YAML, which stands in this file; None where it is none, or one too many."""
        self._left_yaml -= len(text)
        if self._left_yaml < 0:
            self.leave_out(path, unread.MORE, f"{path} was not read: there is more YAML than the limit")
            return None
        try:
            return yaml_document(text)
        except (ValueError, RecursionError):
            self.say(f"{path} is not YAML")
            return None

    def status(self, path: str) -> FileStatus | None:
        """What a path leads to; None for nothing, or where that cannot be told."""
        self.note([path])
        try:
            return rootfs.status(self.root, path)
        except rootfs.FileUnreadable as trouble:
            self._unreadable(path, trouble)
            return None

    def statuses(self, paths: Sequence[str]) -> list[FileStatus | None]:
        """The same of several paths in one go."""
        if not paths:
            return []
        self.note(paths)
        found: list[FileStatus | None] = []
        for path, status in zip(paths, rootfs.looked_up(self.root, paths), strict=True):
            if isinstance(status, rootfs.FileUnreadable):
                self._unreadable(path, status)
            found.append(None if isinstance(status, rootfs.FileUnreadable) else status)
        return found

    def ahead(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Their content is asked for next, if they are files that count: see rootfs.ahead."""
        return rootfs.ahead(self.root, paths)

    def names_ahead(self, directories: Sequence[str]) -> None:
        """The same of directories, and of what they hold."""
        rootfs.names_ahead(self.root, directories)

    def has_file(self, path: str) -> bool:
        """Whether a path leads to a regular file."""
        status = self.status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def files(self, paths: Sequence[str], *, executable: bool = False) -> Iterator[str]:
        """Those of the paths that lead to a regular file, which somebody may execute where that is asked for."""
        if not paths:
            return
        self.note(paths)
        for path, status in zip(paths, rootfs.looked_up(self.root, paths), strict=True):
            if isinstance(status, rootfs.FileUnreadable):
                self._unreadable(path, status)
            elif status is None or not stat.S_ISREG(status.st_mode):
                continue
            elif not executable or status.st_mode & EXECUTABLE:
                yield path

    def _unreadable(self, path: str, trouble: rootfs.FileUnreadable) -> None:
        """What is no file says nothing; of what something keeps us from, nobody knows what it says."""
        if isinstance(trouble, FileFailed):
            self.leave_out(path, unread.HIDDEN, trouble.problem)
        else:
            self.say(trouble.problem)

    def real_path(self, path: str) -> str | None:
        """A path without links, None where it leads nowhere."""
        self.note([path])
        return rootfs.real_path(self.root, path)


def _beginning(file: File, length: int) -> bytes:
    """So many bytes, fewer where the file ends before. Room is made for no more than it seems to have."""
    chunks, left = [], length
    at_once = max(PIECE_BYTES, file.status().st_size + 1)
    while left > 0 and (chunk := file.read(min(left, at_once))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
