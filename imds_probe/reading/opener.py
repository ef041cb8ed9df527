"""The opener: looks paths up below the roots that the run granted, opens for reading, and answers the parser with bytes.

It parses nothing. Whatever a stranger made of a file or a mount can make it wait for ever, and nothing else: it holds no
descriptor that anybody waits for, says beforehand where it goes, and is replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable
from imds_probe.reading import messages as m
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Connection
from imds_probe.reading.granted import Granted
from imds_probe.reading.whereabouts import Where, Whereabouts
from imds_probe.system.confined import FileFailed, FileUnanswered, FileUnreadable
from imds_probe.system.door import ENTRIES_MAX, FileStatus
from imds_probe.system.local_files import LocalFile
from imds_probe.system.walk import Budget, Part
from imds_probe.system.walk_memory import WalkMemory

OPEN_MAX = 32  # files at a time
PIECE_MAX_BYTES = 4 * 1024 * 1024
TOGETHER_S = 0.5  # after which the rest is asked for one by one: many that are slow are none that hangs
IDLE_MS = 1000  # after which nobody is at work on a directory


@dataclass
class _Held:
    """An open file, and where it was found."""

    file: LocalFile
    where: Where


class Opener:
    """`orders` come from the run, `door` leads to the parser."""

    def __init__(self, orders: socket.socket, door: socket.socket, whereabouts: int) -> None:
        self._door: Connection[m.Request] = Connection(door, m.Request)
        self._orders: Connection[w.Order] = Connection(orders, w.Order)
        self._whereabouts = Whereabouts(whereabouts)
        self._files = Granted(self._whereabouts)
        self._held: dict[int, _Held] = {}
        self._next = 1
        self._walk: tuple[Iterator[Part], Budget] | None = None

    def serve(self) -> None:
        """Until the run or the parser has gone. An order that was sent before a request is obeyed before it."""
        poll = select.poll()
        poll.register(self._orders.socket, select.POLLIN)
        poll.register(self._door.socket, select.POLLIN)
        try:
            while True:
                ready = {descriptor for descriptor, _ in poll.poll(IDLE_MS if self._files.holds else None)}
                if not ready:
                    self._files.leave()
                if self._orders.socket.fileno() in ready:
                    self._obey()
                if self._door.socket.fileno() in ready:
                    self._answer()
        except EOFError:
            return
        finally:
            # Left open, they would be asked for their ends while the process tidies up, which its filter refuses.
            self._door.close()
            self._orders.close()

    def _answer(self) -> None:
        """Whatever has been asked: a file that is not needed any more, and the next one with it."""
        while (request := self._door.arrived()) is not None:
            if (reply := self._reply(request)) is not None:
                self._door.send(reply)
                return  # the next request comes after this answer

    def _obey(self) -> None:
        while (order := self._orders.arrived()) is not None:
            if isinstance(order, w.Grant):
                self._files.grant(os.fsdecode(order.root), order.refused, order.given_up)
            else:
                self._files.revoke()
                self._walk = None
                for handle in list(self._held):
                    self._close(m.Close(handle))

    def _reply(self, request: m.Request) -> m.Reply | None:
        try:
            reply: m.Reply | None = _ANSWERS[type(request)](self, request)
        except FileUnreadable as trouble:
            return _unreadable(trouble)
        except (OSError, ValueError, OverflowError) as error:  # a NUL byte; a number that is no place in a file
            return m.Failed(_number(error))
        return reply

    def _open(self, request: m.Open) -> m.Reply:
        root, path = Path(os.fsdecode(request.root)), os.fsdecode(request.path)
        if len(self._held) >= OPEN_MAX:
            return m.Failed(errno.EMFILE)
        opened = self._files.program(root, int(path)) if request.program else self._files.opened(root, path)
        with opened as file:
            if file is None:
                return m.Absent()
            status, real = file.status(), None if request.program else self._files.real
            self._whereabouts.read()
            head = _read(file, 0, min(request.head_bytes, PIECE_MAX_BYTES))
            # A file of /proc has no size that means anything: only its end says that it is whole.
            if len(head) < request.head_bytes and status.st_size <= len(head):
                return m.Opened(None, status, head, real)
            handle, self._next = self._next, self._next + 1
            kept = LocalFile(os.dup(file.fileno()))
            self._held[handle] = _Held(kept, self._whereabouts.get())
            return m.Opened(handle, status, head, real)

    def _together(self, request: m.Together) -> m.Reply:
        root, left_bytes = Path(os.fsdecode(request.root)), PIECE_MAX_BYTES
        until = time.monotonic() + TOGETHER_S
        found: list[m.Opened | m.Absent | m.Failed] = []
        for path in request.paths:
            most = min(request.head_bytes, left_bytes) if time.monotonic() < until else 0
            found.append(each := self._whole(root, os.fsdecode(path), most) if most else m.Failed(errno.EAGAIN))
            left_bytes -= len(each.head) if isinstance(each, m.Opened) else 0
        if len(request.paths) == 1:
            self._whereabouts.read()
        else:  # which of them the parser is at is not known from here on
            self._whereabouts.leave()
        return m.AllOpened(found)

    def _whole(self, root: Path, path: str, most: int) -> m.Opened | m.Absent | m.Failed:
        try:
            with self._files.opened(root, path) as file:
                if file is None:
                    return m.Absent()
                status = file.status()
                head = _read(file, 0, most) if status.st_size < most else b""
                is_whole = status.st_size <= len(head) < most
                return m.Opened(None, status, head, self._files.real) if is_whole else m.Failed(errno.EFBIG)
        except (FileUnreadable, OSError, ValueError):  # said to who asks for it by itself
            return m.Failed(errno.EIO)

    def _piece(self, request: m.Piece) -> m.Reply:
        return m.Content(_read(self._file(request.handle), request.at, min(request.length, PIECE_MAX_BYTES)))

    def _data(self, request: m.Data) -> m.Reply:
        return m.Place(os.lseek(self._file(request.handle).fileno(), request.at, os.SEEK_DATA))

    def _close(self, request: m.Close) -> None:
        if (held := self._held.pop(request.handle, None)) is not None:
            held.file.close()

    def _names(self, request: m.Names) -> m.Reply:
        names = self._files.names(Path(os.fsdecode(request.root)), os.fsdecode(request.path))
        return m.Listed([os.fsencode(name) for name in names])

    def _all_names(self, request: m.AllNames) -> m.Reply:
        root, left = Path(os.fsdecode(request.root)), ENTRIES_MAX
        until = time.monotonic() + TOGETHER_S
        found: list[list[bytes] | None] = []
        for path in request.paths:
            names: tuple[str, ...] | None = None
            if left > 0 and time.monotonic() < until:
                with contextlib.suppress(FileUnreadable):  # said to who asks for it by itself
                    names = self._files.names(root, os.fsdecode(path))
                    left -= len(names)
            found.append([os.fsencode(name) for name in names] if names is not None else None)
        return m.AllListed(found)

    def _status(self, request: m.Status) -> m.Reply:
        status: FileStatus | None = self._files.status(Path(os.fsdecode(request.root)), os.fsdecode(request.path))
        return m.Absent() if status is None else m.Stated(status)

    def _file_system(self, request: m.OnFileSystem) -> m.Reply:
        found = self._files.file_system(Path(os.fsdecode(request.root)), os.fsdecode(request.path))
        return m.Absent() if found is None else m.SaidOfFileSystem(found)

    def _statuses(self, request: m.Statuses) -> m.Reply:
        paths = [os.fsdecode(path) for path in request.paths]
        found = self._files.looked_up(Path(os.fsdecode(request.root)), paths)
        stated = [_unreadable(each) if isinstance(each, FileUnreadable) else each for each in found]
        return m.AllStated(stated, self._files.real if len(paths) == 1 else None)

    def _real_path(self, request: m.RealPath) -> m.Reply:
        found = self._files.real_path(Path(os.fsdecode(request.root)), os.fsdecode(request.path))
        return m.Absent() if found is None else m.Content(os.fsencode(found))

    def _head(self, request: m.Head) -> m.Reply:
        root, path = Path(os.fsdecode(request.root)), os.fsdecode(request.path)
        return m.Content(self._files.head_below(root, path, min(request.limit_bytes, PIECE_MAX_BYTES)))

    def _heads(self, request: m.Heads) -> m.Reply:
        root, limit_bytes = Path(os.fsdecode(request.root)), min(request.limit_bytes, PIECE_MAX_BYTES)
        contents: list[bytes | int] = []
        for path in request.paths:
            try:
                contents.append(self._files.head_below(root, os.fsdecode(path), limit_bytes))
            except (OSError, ValueError) as error:
                contents.append(_number(error))
        return m.Contents(contents)

    def _link(self, request: m.Link) -> m.Reply:
        root, path = Path(os.fsdecode(request.root)), os.fsdecode(request.path)
        return m.Content(os.fsencode(self._files.link_below(root, path)))

    def _several(self, request: m.Several) -> m.Reply:
        files = [(os.fsdecode(name), min(most, PIECE_MAX_BYTES)) for name, most in request.files]
        links = [os.fsdecode(name) for name in request.links]
        root, directory = Path(os.fsdecode(request.root)), os.fsdecode(request.directory)
        found = self._files.several_below(root, directory, files, links)
        return m.Contents([each if isinstance(each, bytes) else each.errno or errno.EINVAL for each in found])

    def _links(self, request: m.Links) -> m.Reply:
        root, directory = Path(os.fsdecode(request.root)), os.fsdecode(request.directory)
        return m.Listed([os.fsencode(each) for each in self._files.links_below(root, directory, request.most)])

    def _roots(self, request: m.Roots) -> m.Reply:
        return m.Identities(list(self._files.roots_of(Path(os.fsdecode(request.proc)), request.pids)))

    def _begin_walk(self, request: m.Walk) -> m.Reply:
        budget = Budget(request.deadline, request.entries)
        starts = [os.fsdecode(start) for start in request.starts]
        left_out = frozenset(os.fsdecode(path) for path in request.left_out)
        memory = WalkMemory(request.known, request.before_ns)
        parts = self._files.walk(
            Path(os.fsdecode(request.root)), starts, request.sought, budget, left_out, memory=memory
        )
        self._walk = parts, budget
        return self._walk_on(m.WalkOn())

    def _walk_on(self, request: m.WalkOn) -> m.Reply:
        del request
        if self._walk is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        parts, budget = self._walk
        part = next(parts, None)
        self._walk = self._walk if part else None
        found = part or Part()
        return m.Walked(
            [os.fsencode(path) for path in found.paths],
            found.entries,
            [os.fsencode(sentence) for sentence in found.unreadable],
            budget.cut_short,
            part is None,
            list(found.learnt),
        )

    def _file(self, handle: int) -> LocalFile:
        held = self._held.get(handle)
        if held is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self._whereabouts.put(*held.where)
        return held.file


def _number(error: OSError | ValueError | OverflowError) -> int:
    return (error.errno if isinstance(error, OSError) else None) or errno.EINVAL


def _unreadable(trouble: FileUnreadable) -> m.Unreadable:
    kinds = isinstance(trouble, FileUnanswered), isinstance(trouble, FileFailed)
    return m.Unreadable(encodable(trouble.problem), encodable(trouble.remedy), *kinds)  # names of files are any bytes


def _read(file: LocalFile, at: int, length: int) -> bytes:
    """So many bytes, fewer where the file ends before."""
    content = os.pread(file.fileno(), length, at)
    if 0 < len(content) < length:
        chunks = [content]
        while (left := length - sum(map(len, chunks))) and (chunk := os.pread(file.fileno(), left, at + length - left)):
            chunks.append(chunk)
        return b"".join(chunks)
    return content


_ANSWERS: dict[type, Callable[[Opener, Any], m.Reply | None]] = {
    m.Open: Opener._open,
    m.Together: Opener._together,
    m.Piece: Opener._piece,
    m.Data: Opener._data,
    m.Close: Opener._close,
    m.Names: Opener._names,
    m.AllNames: Opener._all_names,
    m.Status: Opener._status,
    m.OnFileSystem: Opener._file_system,
    m.Statuses: Opener._statuses,
    m.RealPath: Opener._real_path,
    m.Head: Opener._head,
    m.Heads: Opener._heads,
    m.Link: Opener._link,
    m.Several: Opener._several,
    m.Links: Opener._links,
    m.Roots: Opener._roots,
    m.Walk: Opener._begin_walk,
    m.WalkOn: Opener._walk_on,
}
