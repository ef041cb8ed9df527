"""Handing EMF documents over: to the CloudWatch agent's sockets, a file that it tails, or standard output.

None of them answers. So what was handed over in part is in doubt; each function raises SinkError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.sink import SinkError

DATAGRAM_MAX = 65_507  # bytes: an IPv4 packet less its headers
CLOSES_WITHIN_S = 1.0  # the agent, once it has read all
FILE_MODE = 0o640
SETTING = "emf.destination"
OTHERWISE = f"set {SETTING} to another place"
REMEDY = f"Have the CloudWatch agent listen there (logs.metrics_collected.emf in its configuration), or set {SETTING}."
Address = tuple[str, int]


def over_tcp(address: Address, documents: Sequence[bytes], deadline: float) -> None:
    """One connection, a document a line. It is held until the other end closes, as a reset is the only sign of a loss."""
    rest = memoryview(b"".join(document + b"\n" for document in documents))
    begun = False
    try:
        with socket.create_connection(address, timeout=_left_s(deadline)) as connection:
            while rest:
                connection.settimeout(_left_s(deadline))
                rest = rest[connection.send(rest) :]
                begun = True
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(min(CLOSES_WITHIN_S, max(0.01, deadline - time.monotonic())))
            _await_end(connection)
    except (OSError, UnicodeError) as error:
        raise _failed("tcp", address, error, in_doubt=begun) from None


def _await_end(connection: socket.socket) -> None:
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return  # it keeps the connection, and nothing says that it lost anything


def over_udp(address: Address, documents: Sequence[bytes], deadline: float) -> None:
    """A datagram a document. That nobody listens shows at the next one, or right after, and only on this host."""
    longest = max(map(len, documents))
    if longest > DATAGRAM_MAX:
        raise SinkError(
            f"a document of {longest} bytes fits into no datagram", f"Set {SETTING} to tcp://.", outcome="refused"
        )
    sent = 0
    try:
        family, kind, protocol, _, found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(_left_s(deadline))
            connection.connect(found)
            for document in documents:
                connection.send(document)
                sent += 1
            if problem := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(problem, os.strerror(problem))
    except (OSError, UnicodeError) as error:
        # The one before was not taken; all before that were, or were refused and nobody said so.
        raise _failed("udp", address, error, in_doubt=sent > 1) from None


def _left_s(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(errno.ETIMEDOUT, "out of time")
    return left


def _failed(scheme: str, address: Address, error: OSError | UnicodeError, *, in_doubt: bool) -> SinkError:
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    where = f"{scheme}://{address[0]}:{address[1]}"
    if in_doubt:
        return SinkError(f"{where} broke off before all was sent: {reason}", REMEDY, outcome="in-doubt")
    return SinkError(f"{where} takes no metrics: {reason}", REMEDY)


def to_file(path: Path, documents: Sequence[bytes]) -> None:
    """Append to a file, made where it is missing, by one write for each document. Half a line does not stay there."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    with output_directory(path, SETTING) as directory:
        with contextlib.suppress(FileNotFoundError):  # before it is opened, which alone may set a device going
            _check(os.stat(path.name, dir_fd=directory, follow_symlinks=False), path)
        descriptor = os.open(path.name, flags, FILE_MODE, dir_fd=directory)
        try:
            _check(os.fstat(descriptor), path)
            for number, document in enumerate(documents):
                _append(descriptor, document + b"\n", path, in_doubt=number > 0)
        finally:
            os.close(descriptor)


def _append(descriptor: int, line: bytes, path: Path, *, in_doubt: bool) -> None:
    try:
        written, reason = os.write(descriptor, line), os.strerror(errno.ENOSPC)
    except OSError as error:
        written, reason = 0, error.strerror or ""
    if written == len(line):
        return
    end = os.lseek(descriptor, 0, os.SEEK_CUR)  # of what this wrote
    if written and os.fstat(descriptor).st_size == end:
        os.ftruncate(descriptor, end - written)
    raise SinkError(
        f"{path} cannot be written: {reason}",
        f"Free space in {path.parent}, or {OTHERWISE}.",
        outcome="in-doubt" if in_doubt else "later",
    )


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise SinkError(
            f"{path} is not written: what is there is no file of its own, but a link, a FIFO or something else",
            f"Take it away, or {OTHERWISE}.",
        )


def through(write: Callable[[str], None], documents: Sequence[bytes]) -> None:
    """A line for each document."""
    for number, document in enumerate(documents):
        try:
            write(document.decode("ascii") + "\n")
        except OSError as error:
            raise SinkError(
                f"standard output takes no metrics: {error.strerror}",
                f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}.",
                outcome="in-doubt" if number else "later",
            ) from None


def to_standard_output(text: str) -> None:
    """Write to file descriptor 1, after what Python still has for it. Raises OSError."""
    if sys.stdout is not None:
        sys.stdout.flush()
    rest = memoryview(text.encode("ascii"))
    while rest:
        rest = rest[os.write(1, rest) :]
