"""Files as the parser gets them: looked up, opened and read by the opener, a message and an answer at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.reading import messages as m
from imds_probe.reading.connection import Connection, Garbage
from imds_probe.system.confined import GIVEN_UP, UNANSWERED, FileFailed, FileUnanswered, FileUnreadable, given_up
from imds_probe.system.door import File, FileStatus, Identity
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part
from imds_probe.system.walk_memory import WalkMemory

REPLY_S = 3.0  # a disk that is alive answers sooner; past it the opener counts as hanging
THEN_S = 1.0  # the same once something hung: where one share is dead there may be many
HEAD_BYTES = 64 * 1024  # comes with the answer that a file was opened: most files have no more
PIECE_MAX_BYTES = 1024 * 1024
TOGETHER_MAX = 32  # files that are asked for at once
AT_A_TIME = 500  # paths whose status is asked for
WALKS_MAX = 8  # begun anew where the opener was lost
AGAIN_MAX = 3
REAL_MAX = 10_000  # paths without links
NO_ANSWER = "its files do not answer"


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

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self.readall()
        content = self._head[self._at : self._at + size]
        if size and not content and self._handle is not None:
            reply = self._ask(m.Piece(self._handle, self._at, min(size, PIECE_MAX_BYTES)))
            content = reply.content if isinstance(reply, m.Content) else self._failed(reply)
        self._at += len(content)
        return content

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self.read(len(buffer))
        buffer[: len(content)] = content
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
    """See door.Files. `lost` is called where the opener does not answer within `reply_s`, with whether it hangs: it says how to
    reach another one, None where there is none any more.
    """

    def __init__(
        self,
        door: Connection[m.Reply] | None,
        lost: Callable[[bool], Connection[m.Reply] | None],
        reply_s: float = REPLY_S,
    ) -> None:
        self._door = door
        self._lost, self._reply_s = lost, reply_s
        self._roots: Sequence[str] = ()
        self._generation = 0
        self._real: dict[tuple[str, str], str | None] = {}  # as this task has found them

    def roots(self, roots: Sequence[str]) -> None:
        """Those that the paths of head, pieces and link may begin with, for a task of its own: what others found out of links may
        be another way by now.
        """
        self._real.clear()
        self._roots = sorted(roots, key=len, reverse=True)

    @contextlib.contextmanager
    def opened(self, root: Path, path: str) -> Iterator[RemoteFile | None]:
        reply = self._asked(m.Open(os.fsencode(root), os.fsencode(path), HEAD_BYTES))
        if isinstance(reply, m.Absent):
            yield None
            return
        if not isinstance(reply, m.Opened):
            raise _unreadable(reply, path)
        self._found_real(root, path, reply.real)
        try:
            with self._file(reply, path) as file:
                yield file
        except OSError as error:
            raise FileFailed(f"{path} cannot be read: {error.strerror}", "Run as root.") from None

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        found: dict[str, tuple[bytes, FileStatus] | None] = {}
        for at in range(0, len(paths), TOGETHER_MAX):
            some = paths[at : at + TOGETHER_MAX]
            reply = self._asked(m.Together(os.fsencode(root), [os.fsencode(path) for path in some], HEAD_BYTES))
            for path, each in zip(some, reply.opened if isinstance(reply, m.AllOpened) else (), strict=False):
                if isinstance(each, m.Opened):
                    self._found_real(root, path, each.real)
                    found[path] = each.head, each.status
                elif isinstance(each, m.Absent):
                    found[path] = None
        return found

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

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for at in range(0, len(paths), TOGETHER_MAX):
            some = paths[at : at + TOGETHER_MAX]
            reply = self._asked(m.AllNames(os.fsencode(root), [os.fsencode(path) for path in some]))
            for path, names in zip(some, reply.names if isinstance(reply, m.AllListed) else (), strict=False):
                if names is not None:
                    found[path] = tuple(map(os.fsdecode, names))
        return found

    def status(self, root: Path, path: str) -> FileStatus | None:
        reply = self._asked(m.Status(os.fsencode(root), os.fsencode(path)))
        if isinstance(reply, m.Stated):
            return reply.status
        if isinstance(reply, m.Absent):
            return None
        raise _unreadable(reply, path)

    def file_system(self, root: Path, path: str) -> FileSystem | None:
        reply = self._asked(m.OnFileSystem(os.fsencode(root), os.fsencode(path)))
        if isinstance(reply, m.SaidOfFileSystem):
            return reply.file_system
        if isinstance(reply, m.Absent):
            return None
        raise _unreadable(reply, path)

    def looked_up(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
        found: list[FileStatus | FileUnreadable | None] = []
        for at in range(0, len(paths), AT_A_TIME):
            some = paths[at : at + AT_A_TIME]
            reply = self._asked_again(m.Statuses(os.fsencode(root), [os.fsencode(path) for path in some]))
            if isinstance(reply, m.AllStated):
                found += [_unreadable(each, "") if isinstance(each, m.Unreadable) else each for each in reply.statuses]
                if len(some) == 1 and (reply.real is not None or reply.statuses == [None]):
                    self._found_real(root, some[0], reply.real)
            else:
                found += [_unreadable(reply, path) for path in some]
        return tuple(found)

    def real_path(self, root: Path, path: str) -> str | None:
        key = str(root), path
        if key not in self._real:
            reply = self._asked(m.RealPath(os.fsencode(root), os.fsencode(path)))
            if not isinstance(reply, (m.Content, m.Absent)):
                return None
            self._found_real(root, path, reply.content if isinstance(reply, m.Content) else None)
        return self._real[key]

    def _found_real(self, root: Path, path: str, real: bytes | None) -> None:
        """A path without links, None where there is nothing: mostly found on the way to what else was asked."""
        if len(self._real) >= REAL_MAX:
            self._real.clear()
        self._real[str(root), path] = None if real is None else os.fsdecode(real)

    def head(self, path: Path, limit_bytes: int) -> bytes:
        root, below = self._split(path)
        return self._content(m.Head(root, below, limit_bytes), path)

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        return self.head(path, limit_bytes)

    def link(self, path: Path) -> str:
        root, below = self._split(path)
        return os.fsdecode(self._content(m.Link(root, below), path))

    def several(
        self, directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        root, below = self._split(directory)
        named = [(os.fsencode(name), limit_bytes) for name, limit_bytes in files]
        reply = self._asked(m.Several(root, below, named, [os.fsencode(name) for name in links]))
        if not isinstance(reply, m.Contents):
            return (trouble(reply, str(directory)),) * (len(files) + len(links))
        return tuple(
            each if isinstance(each, bytes) else OSError(each, os.strerror(each), str(directory))
            for each in reply.contents
        )

    def links(self, directory: Path, most: int) -> tuple[str, ...]:
        root, below = self._split(directory)
        reply = self._asked(m.Links(root, below, most))
        if not isinstance(reply, m.Listed):
            raise trouble(reply, str(directory))
        return tuple(os.fsdecode(name) for name in reply.names)

    def roots_of(self, proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
        found: list[Identity | None] = []
        for at in range(0, len(pids), AT_A_TIME):
            some = pids[at : at + AT_A_TIME]
            reply = self._asked_again(m.Roots(os.fsencode(proc), list(some)))
            if not isinstance(reply, m.Identities):
                raise trouble(reply, str(proc))
            found += reply.identities
        return tuple(found)

    def walk(
        self,
        root: Path,
        starts: Sequence[str],
        sought: Sought,
        budget: Budget,
        left_out: Collection[str],
        *,
        memory: WalkMemory,
    ) -> Iterator[Part]:
        known: set[str] = set()
        for _ in range(WALKS_MAX):
            # Where one opener was lost, the next one knows what kept it; all else is looked at again.
            request: m.Request = m.Walk(
                os.fsencode(root),
                [os.fsencode(start) for start in starts],
                sought,
                [os.fsencode(path) for path in left_out],
                budget.left,
                budget.deadline,
                list(memory.kept),
                memory.before_ns,
            )
            while isinstance(reply := self._asked(request), m.Walked):
                paths = [path for each in reply.paths if (path := os.fsdecode(each)) not in known]
                known.update(paths)
                budget.left -= reply.entries
                budget.cut_short = budget.cut_short or reply.cut_short
                unreadable = tuple(os.fsdecode(each) for each in reply.unreadable)
                yield Part(tuple(paths), reply.entries, unreadable, tuple(reply.learnt))
                if reply.done or budget.cut_short:
                    return
                request = m.WalkOn()
            if self._door is None or not budget.take(0):
                break
        budget.cut_short = budget.cut_short or NO_ANSWER

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

    def _asked_again(self, request: m.Request) -> m.Reply:
        """The answer about several places: where one of them costs an opener, the next one knows which."""
        reply = self._asked(request)
        for _ in range(AGAIN_MAX):
            if reply != m.Failed(errno.ETIMEDOUT):
                break
            reply = self._asked(request)
        return reply

    def _asked(self, request: m.Request) -> m.Reply:
        if self._door is None:
            return m.Failed(errno.EHOSTDOWN)
        deadline = time.monotonic() + self._reply_s
        try:
            self._door.send(request, deadline)
            return m.Absent() if isinstance(request, m.Close) else self._door.receive(deadline)
        except (TimeoutError, EOFError, Garbage) as loss:
            self._door.close()
            self._generation += 1
            hangs = isinstance(loss, TimeoutError)
            self._reply_s = min(self._reply_s, THEN_S) if hangs else self._reply_s
            self._door = self._lost(hangs)
            return m.Failed(errno.ETIMEDOUT)


def trouble(reply: m.Reply, path: str) -> OSError:
    """What the opener's answer stands for, where it is none of those that were hoped for."""
    number = reply.number if isinstance(reply, m.Failed) else errno.ENOENT if isinstance(reply, m.Absent) else errno.EIO
    return OSError(number, os.strerror(number), path)


def _unreadable(reply: m.Reply, path: str) -> FileUnreadable:
    if isinstance(reply, m.Unreadable):
        kind = FileUnanswered if reply.unanswered else FileFailed if reply.failed else FileUnreadable
        return kind(reply.problem, reply.remedy)
    number = reply.number if isinstance(reply, m.Failed) else errno.EIO
    if number in UNANSWERED:
        return FileUnanswered(f"{path[:200]} cannot be read: its file system does not answer")
    if number == GIVEN_UP:
        return FileUnanswered(given_up(path))
    return FileFailed(f"{path[:200]} cannot be read: {os.strerror(number)}")
