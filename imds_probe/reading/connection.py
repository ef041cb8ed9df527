"""Messages over one end of a pair of sockets, each behind its length, never waited for past a deadline."""

from __future__ import annotations

import array
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

LENGTH = struct.Struct("=I")
CHUNK_BYTES = 64 * 1024  # taken at a time: for more, memory is mapped and unmapped again each time
FRAME_MAX_BYTES = 8 * 1024 * 1024  # the names in a directory; a piece of a file is shorter
# Not a property of the socket, which takes a call to set that workers may not make.
FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
DESCRIPTORS_MAX = 4  # that come with one message
T = TypeVar("T")


class Garbage(ValueError):
    """The other side sent what is no message of its kind."""


class Connection(Generic[T]):
    """One end. `incoming` is the union of the messages that may arrive, T. `takes_descriptors`: they may bring descriptors.

    Raises TimeoutError past a deadline, which is a time.monotonic, EOFError where the other side is gone, Garbage.
    """

    def __init__(
        self,
        sock: socket.socket,
        incoming: Any,
        *,
        takes_descriptors: bool = False,
        frame_max_bytes: int = FRAME_MAX_BYTES,
    ) -> None:
        self.socket = sock
        self.descriptors: list[int] = []  # those that came, for who takes them out
        self._decoder = msgspec.msgpack.Decoder(incoming)
        self._encoder = msgspec.msgpack.Encoder()
        self._takes_descriptors, self._frame_max_bytes = takes_descriptors, frame_max_bytes
        self._arrived = bytearray()
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(sock, select.POLLIN)
        self._writable.register(sock, select.POLLOUT)

    def send(self, message: Any, deadline: float | None = None, descriptors: Sequence[int] = ()) -> None:
        """Send a message, and descriptors with its first byte."""
        body = self._encoder.encode(message)
        left = memoryview(LENGTH.pack(len(body)) + body)
        if descriptors:
            left = left[self._sent_with(left, descriptors) :]
        while left:
            try:
                left = left[self.socket.send(left, FLAGS) :]
            except BlockingIOError:
                _wait(self._writable, deadline)
            except (BrokenPipeError, ConnectionError):
                raise EOFError from None

    def receive(self, deadline: float | None = None) -> T:
        """The next message."""
        while True:
            if (message := self._complete()) is not None:
                return message
            _wait(self._readable, deadline)
            self._taken()

    def arrived(self) -> T | None:
        """The next message if it is here already."""
        while (message := self._complete()) is None:
            if not self._taken():
                return None
        return message

    def close(self) -> None:
        """Close this end."""
        self.socket.close()

    def _complete(self) -> T | None:
        arrived = self._arrived
        if len(arrived) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(arrived)
        if length > self._frame_max_bytes:
            raise Garbage(f"a message of {length} bytes")
        end = LENGTH.size + length
        if len(arrived) < end:
            return None
        with memoryview(arrived) as view:
            try:
                message: T = self._decoder.decode(view[LENGTH.size : end])
            except (msgspec.MsgspecError, RecursionError, ValueError) as error:
                raise Garbage(str(error)) from None
        del arrived[:end]
        return message

    def _taken(self) -> bool:
        """Take what has arrived; whether there was something."""
        try:
            if self._takes_descriptors:
                size = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
                chunk, extra, _, _ = self.socket.recvmsg(
                    CHUNK_BYTES, size, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
                )
                for level, kind, data in extra:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        self.descriptors += array.array("i", data)
            else:
                chunk = self.socket.recv(CHUNK_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            raise EOFError from None
        if not chunk:
            raise EOFError
        self._arrived += chunk
        return True

    def _sent_with(self, left: memoryview, descriptors: Sequence[int]) -> int:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        try:
            return self.socket.sendmsg([left], [rights], FLAGS)
        except (BrokenPipeError, ConnectionError):
            raise EOFError from None


def _wait(poll: select.poll, deadline: float | None) -> None:
    left_ms = None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
    if not poll.poll(left_ms):
        raise TimeoutError
