"""What was asked of files is not asked again: where several look at the same ones, one after the other and not for long."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.door import ENTRIES_MAX, File, Files, FileStatus

FILE_MAX_BYTES, HELD_MAX_BYTES = 64 * 1024, 8 * 1024 * 1024
KNOWN_MAX = 50_000
K = TypeVar("K")
V = TypeVar("V")


class HeldFile(File):
    """A file all of whose bytes are here."""

    def __init__(self, content: bytes, status: FileStatus) -> None:
        super().__init__()
        self._content, self._status = io.BytesIO(content), status

    def status(self) -> FileStatus:
        return self._status

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._content.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._content.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._content.readinto(buffer)


@dataclass
class Once:
    """What `files` has said of statuses, real paths, names and small files, by root and path. What could not be read is asked
    for again. It lasts as long as this does.
    """

    files: Files
    _statuses: dict[tuple[str, str], FileStatus | FileUnreadable | None] = field(default_factory=dict)
    _real: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _names: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    _held: dict[tuple[str, str], tuple[bytes, FileStatus] | None] = field(default_factory=dict)
    _held_bytes: int = 0

    def looked_up(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
        """See rootfs.looked_up."""
        at = str(root)
        new = [path for path in dict.fromkeys(paths) if (at, path) not in self._statuses]
        found: dict[str, FileStatus | FileUnreadable | None] = {path: None for path in new if self._is_absent(at, path)}
        if asked := [path for path in new if path not in found]:
            found.update(zip(asked, self.files.looked_up(root, asked), strict=True))
        said = tuple(found[path] if path in found else self._statuses[at, path] for path in paths)
        _make_room(self._statuses)
        self._statuses.update(((at, path), each) for path, each in found.items())
        return said

    def status(self, root: Path, path: str) -> FileStatus | None:
        """See rootfs.status."""
        (found,) = self.looked_up(root, [path])
        if isinstance(found, FileUnreadable):
            raise found
        return found

    def real_path(self, root: Path, path: str) -> str | None:
        """See rootfs.real_path."""
        # Whoever looks it up in another process finds both at once.
        if (str(root), path) not in self._real and self.looked_up(root, [path]) == (None,):
            return None
        return _known(self._real, (str(root), path), lambda: self.files.real_path(root, path))

    def names(self, root: Path, path: str) -> tuple[str, ...]:
        """See rootfs.names."""
        status = self._statuses.get((str(root), path))
        if isinstance(status, FileStatus) and not stat.S_ISDIR(status.st_mode):
            return ()
        return _known(self._names, (str(root), path), lambda: self.files.names(root, path))

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See rootfs.names_ahead."""
        at = str(root)
        new = [path for path in dict.fromkeys(paths) if (at, path) not in self._names]
        found = self.files.names_of(root, new) if new else {}
        _make_room(self._names)
        self._names.update(((at, path), names) for path, names in found.items())
        return found

    @contextlib.contextmanager
    def opened(self, root: Path, path: str) -> Iterator[File | None]:
        """See rootfs.opened."""
        key = str(root), path
        if key in self._held:
            held = self._held[key]
            yield HeldFile(*held) if held is not None else None
            return
        with self.files.opened(root, path) as file:
            _make_room(self._statuses)
            self._statuses.setdefault(key, file.status() if file is not None else None)
            if file is None:
                self._hold(key, None)
            elif file.status().st_size <= FILE_MAX_BYTES:
                content = _read(file)
                if len(content) <= FILE_MAX_BYTES:
                    self._hold(key, (content, file.status()))
                file.seek(0)
            yield file

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        """See rootfs.ahead."""
        at = str(root)
        there = {path: self._held[at, path] for path in paths if (at, path) in self._held}
        new = [path for path in dict.fromkeys(paths) if path not in there]
        found = self.files.contents(root, new) if new else {}
        _make_room(self._statuses)
        for path, held in found.items():
            self._statuses.setdefault((at, path), held[1] if held is not None else None)
            self._hold((at, path), held)
        return {**there, **found}

    def _is_absent(self, at: str, path: str) -> bool:
        """Whether the directory that it would lie in, or lead through, is known not to hold it."""
        above, slash, name = path.rpartition("/")
        while slash and name not in ("", ".", ".."):
            names = self._names.get((at, above or "/"))
            if names is not None:
                return len(names) < ENTRIES_MAX and name not in names
            above, slash, name = above.rpartition("/")
        return False

    def _hold(self, key: tuple[str, str], held: tuple[bytes, FileStatus] | None) -> None:
        self._held_bytes += len(held[0]) if held is not None else 0
        if self._held_bytes > HELD_MAX_BYTES or len(self._held) >= KNOWN_MAX:
            self._held.clear()
            self._held_bytes = len(held[0]) if held is not None else 0
        self._held[key] = held


def _read(file: File) -> bytes:
    """All of a file, and of one that has grown a byte too much."""
    content = bytearray()
    while len(content) <= FILE_MAX_BYTES and (chunk := file.read(FILE_MAX_BYTES + 1 - len(content))):
        content += chunk
    return bytes(content)


def _known(known: dict[K, V], key: K, ask: Callable[[], V]) -> V:
    if key not in known:
        _make_room(known)
        known[key] = ask()
    return known[key]


def _make_room(known: dict[K, V]) -> None:
    if len(known) >= KNOWN_MAX:
        known.clear()
