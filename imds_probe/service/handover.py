"""What a watch from early in the boot hands over to the daemon: all that it saw, through a socket that root alone reaches.

    early watch   listens at DIRECTORY/early.sock; to whoever connects it sends a message, ends its side, and is done
    daemon        watches already when it connects, so that there is no gap; it takes what came before that

The message is JSON behind its length. Both ends are the same package's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.system.state_directory import ROOT, check_directory
from imds_probe.watch.history_format import TIME_MAX
from imds_probe.watch.seen_call import SeenCall

RUN = Path("/run/imds-probe")  # of the unit's RuntimeDirectory=
SOCKET = "early.sock"
WITHIN_S = 10.0  # for all of it; meanwhile the daemon's packets wait in the kernel
SIZE_MAX_BYTES = 64 * 1024 * 1024
CALLS_MAX = 20_000
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: unix(7)


@dataclass(frozen=True)
class Handed:
    """What was seen from `began` to `ended` (seconds since the epoch); `steady_began` is `began` by time.monotonic. `from_start`:
    nobody had opened a connection before that. `lost` counts packets and calls, `unconfirmed` requests by where they came from.
    """

    began: float
    steady_began: float
    ended: float
    from_start: bool
    lost: int
    unconfirmed: Mapping[str, int]
    calls: tuple[SeenCall, ...]


class HandoverError(ProbeError):
    """An early watch is there and did not hand over what it saw."""


def run_directory(environ: Mapping[str, str]) -> Path:
    """Where the socket is: the directory that systemd made (systemd.exec(5), RuntimeDirectory=), or the unit's own."""
    made = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(made) if made else RUN


def encoded(handed: Handed) -> bytes:
    """As `decoded` reads it."""
    return msgspec.json.encode(handed)


def decoded(content: bytes) -> Handed:
    """Raises HandoverError for what is no message, or cannot be true."""
    try:
        handed = msgspec.json.decode(content, type=Handed)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: text that is not UTF-8
        raise HandoverError(f"the early watch sent no message: {error}") from None
    counts = [handed.lost, *handed.unconfirmed.values()]
    times = [handed.began, handed.ended, *(seen.at for seen in handed.calls)]
    possible = min(counts) >= 0 and min(times) >= 0 and max(times) <= TIME_MAX and len(handed.calls) <= CALLS_MAX
    if not possible or not 0 <= handed.steady_began <= time.monotonic():
        raise HandoverError("the early watch sent a message that cannot be true")
    return handed


def is_roots(connection: socket.socket) -> bool:
    """Whether root, or who we are, is at the other end."""
    got = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(got)[1] in (ROOT, os.geteuid())


def sent(connection: socket.socket, handed: Handed) -> None:
    """Send it all. Raises OSError."""
    content = encoded(handed)
    connection.settimeout(WITHIN_S)
    connection.sendall(struct.pack("=Q", len(content)) + content)


def take_over(directory: Path) -> Handed | None:
    """What an early watch has seen; None where there is none. It ends with that. Raises HandoverError."""
    path = directory / SOCKET
    try:
        check_directory(directory)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(WITHIN_S)
            connection.connect(str(path))
            if not is_roots(connection):
                raise HandoverError(f"{path} is not root's")
            return decoded(_received(connection))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise HandoverError(f"{path} did not answer: {error.strerror or error}") from None


def _received(connection: socket.socket) -> bytes:
    deadline = time.monotonic() + WITHIN_S
    (size,) = struct.unpack("=Q", _exactly(connection, 8, deadline))
    if size > SIZE_MAX_BYTES:
        raise HandoverError(f"the early watch wants to send {size} bytes")
    return _exactly(connection, size, deadline)


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    content = bytearray()
    while len(content) < size:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        more = connection.recv(min(size - len(content), 1 << 20))
        if not more:
            raise HandoverError("the early watch ended before it had said all")
        content += more
    return bytes(content)


class Listening:
    """The early watch's end, while it is open. Raises ProbeError where the socket cannot be made."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / SOCKET
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_directory(directory)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()  # of one that was killed
            self._socket.bind(str(self._path))
            self._socket.listen(1)
        except OSError as error:
            self._socket.close()
            raise ProbeError(f"{self._path} cannot be made: {error.strerror}", "Run as root.") from None
        except ProbeError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """To be waited for: it can be read once somebody connects."""
        return self._socket.fileno()

    def connected(self) -> socket.socket | None:
        """The daemon, once it has come; the caller closes it."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return None
        if is_roots(connection):
            return connection
        connection.close()
        return None

    def close(self) -> None:
        """Nobody can connect any more."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
