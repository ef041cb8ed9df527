"""Files as the parser gets them: looked up, opened and read by the opener, a message and an answer at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imds_probe.reading import messages as m
from imds_probe.reading.connection import Connection, Garbage
from imds_probe.system.confined import UNANSWERED, FileUnreadable
from imds_probe.system.door import File, FileStatus

REPLY_S = 3.0  # a disk that is alive answers sooner; past it the opener counts as hanging
HEAD_BYTES = 64 * 1024  # comes with the answer that a file was opened: most files have no more
PIECE_MAX_BYTES = 4 * 1024 * 1024


class RemoteFile(File):
    """A file that the opener has open, or all of whose bytes came already. Descriptors there are none."""

    def __init__(self, opened: m.Opened, ask: Callable[[m.Request], m.Reply], path: str) -> None:
        super().__init__()
        self._handle, self._status, self._head = opened.handle, opened.status, opened.head
        self._ask, self._path = ask, path
        self._at = 0

    def status(self) -> FileStatus:
        return self._status

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_DATA:
            self._at = self._data_from(offset)
            return self._at
        size = len(self._head) if self._handle is None else self._status.st_size
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}
        if whence not in starts:
            raise ValueError(f"a place in a file cannot be said by {whence}")
        if starts[whence] + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._head[self._at : self._at + len(buffer)]
        if not content and self._handle is not None:
            reply = self._ask(m.Piece(self._handle, self._at, min(len(buffer), PIECE_MAX_BYTES)))
            content = reply.content if isinstance(reply, m.Content) else self._failed(reply)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed and self._handle is not None:
            self._ask(m.Close(self._handle))
        super().close()

    def _data_from(self, at: int) -> int:
        if self._handle is None:
            if at >= len(self._head):
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
            return at
        reply = self._ask(m.Data(self._handle, at))
        if not isinstance(reply, m.Place):
            self._failed(reply)
        return reply.at  # type: ignore[union-attr]

    def _failed(self, reply: m.Reply) -> bytes:
        raise trouble(reply, self._path)


class RemoteFiles:
    """See door.Files. `lost` is called where the opener does not answer, with whether it hangs: it says how to reach another
    one, None where there is none any more.
    """

    def __init__(self, door: Connection[m.Reply], lost: Callable[[bool], Connection[m.Reply] | None]) -> None:
        self._door: Connection[m.Reply] | None = door
        self._lost = lost
        self._roots: Sequence[str] = ()
        self._generation = 0

    def roots(self, roots: Sequence[str]) -> None:
        """Those that the paths of head, pieces and link may begin with."""
        self._roots = sorted(roots, key=len, reverse=True)

    @contextlib.contextmanager
    def opened(self, root: Path, path: str) -> Iterator[RemoteFile | None]:
        reply = self._asked(m.Open(os.fsencode(root), os.fsencode(path), HEAD_BYTES))
        if isinstance(reply, m.Absent):
            yield None
            return
        if not isinstance(reply, m.Opened):
            raise _unreadable(reply, path)
        try:
            with self._file(reply, path) as file:
                yield file
        except OSError as error:
            raise FileUnreadable(f"{path} cannot be read: {error.strerror}", "Run as root.") from None

    @contextlib.contextmanager
    def program(self, proc: Path, pid: int) -> Iterator[RemoteFile]:
        reply = self._asked(m.Open(os.fsencode(proc), str(pid).encode(), HEAD_BYTES, program=True))
        if not isinstance(reply, m.Opened):
            raise trouble(reply, f"{proc}/{pid}/exe")
        with self._file(reply, f"{proc}/{pid}/exe") as file:
            yield file

    def names(self, root: Path, path: str) -> tuple[str, ...]:
        reply = self._asked(m.Names(os.fsencode(root), os.fsencode(path)))
        if not isinstance(reply, m.Listed):
            raise _unreadable(reply, path)
        return tuple(os.fsdecode(name) for name in reply.names)

    def status(self, root: Path, path: str) -> FileStatus | None:
        reply = self._asked(m.Status(os.fsencode(root), os.fsencode(path)))
        if isinstance(reply, m.Stated):
            return reply.status
        if isinstance(reply, m.Absent):
            return None
        raise _unreadable(reply, path)

    def statuses(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | None, ...]:
        reply = self._asked(m.Statuses(os.fsencode(root), [os.fsencode(path) for path in paths]))
        return tuple(reply.statuses) if isinstance(reply, m.AllStated) else (None,) * len(paths)

    def real_path(self, root: Path, path: str) -> str | None:
        reply = self._asked(m.RealPath(os.fsencode(root), os.fsencode(path)))
        return os.fsdecode(reply.content) if isinstance(reply, m.Content) else None

    def head(self, path: Path, limit_bytes: int) -> bytes:
        root, below = self._split(path)
        return self._content(m.Head(root, below, limit_bytes), path)

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        return self.head(path, limit_bytes)

    def link(self, path: Path) -> str:
        root, below = self._split(path)
        return os.fsdecode(self._content(m.Link(root, below), path))

    def _content(self, request: m.Request, path: Path) -> bytes:
        reply = self._asked(request)
        if not isinstance(reply, m.Content):
            raise trouble(reply, str(path))
        return reply.content

    def _split(self, path: Path) -> tuple[bytes, bytes]:
        whole = str(path)
        for root in self._roots:
            if whole.startswith(f"{root.rstrip('/')}/"):
                return os.fsencode(root), os.fsencode(whole[len(root.rstrip("/")) :])
        raise PermissionError(errno.EPERM, "it is below no root that was granted", whole)

    def _file(self, opened: m.Opened, path: str) -> RemoteFile:
        """Asked about by the opener that has it open, and by no other."""
        generation = self._generation

        def ask(request: m.Request) -> m.Reply:
            if generation != self._generation:
                return m.Failed(errno.EHOSTDOWN)
            return self._asked(request)

        return RemoteFile(opened, ask, path)

    def _asked(self, request: m.Request) -> m.Reply:
        if self._door is None:
            return m.Failed(errno.EHOSTDOWN)
        deadline = time.monotonic() + REPLY_S
        try:
            self._door.send(request, deadline)
            return m.Absent() if isinstance(request, m.Close) else self._door.receive(deadline)
        except (TimeoutError, EOFError, Garbage) as loss:
            self._door.close()
            self._generation += 1
            self._door = self._lost(isinstance(loss, TimeoutError))
            return m.Failed(errno.ETIMEDOUT)


def trouble(reply: m.Reply, path: str) -> OSError:
    """What the opener's answer stands for, where it is none of those that were hoped for."""
    number = reply.number if isinstance(reply, m.Failed) else errno.ENOENT if isinstance(reply, m.Absent) else errno.EIO
    return OSError(number, os.strerror(number), path)


def _unreadable(reply: m.Reply, path: str) -> FileUnreadable:
    if isinstance(reply, m.Unreadable):
        return FileUnreadable(reply.problem, reply.remedy)
    number = reply.number if isinstance(reply, m.Failed) else errno.EIO
    if number in UNANSWERED:
        return FileUnreadable(f"{path[:200]} cannot be read: its file system does not answer")
    return FileUnreadable(f"{path[:200]} cannot be read: {os.strerror(number)}")
