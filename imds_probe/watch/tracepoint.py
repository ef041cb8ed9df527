"""Which process opens a connection to the metadata service, exactly: the kernel says so in the caller's own context.

The tracepoint sock:inet_sock_set_state fires when a socket begins to connect, in the thread that connects, and again when
it is connected, then with its port; the address of the kernel's socket is the same both times. It is switched on in a
tracing instance of our own, which keeps it apart from everybody else's tracing, and read in binary. It knows all network
namespaces. Source: Linux, trace/ftrace ("Instances"), trace/events; the layout of a page: kernel/trace/ring_buffer.c, and
events/header_page, events/header_event of tracefs. Linux 4.16 or newer, root, and no lockdown.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import struct
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop
from types import TracebackType
from typing import NamedTuple

from imds_probe.errors import ProbeError
from imds_probe.inventory.packages.package import printable
from imds_probe.small_file import read_pieces

EVENT = "events/sock/inet_sock_set_state"
ESTABLISHED, SYN_SENT = 1, 2
CONNECTING_MAX = 10_000
NAMES_MAX_BYTES = 1024 * 1024
NAMED_EVERY_S = 0.02  # the kernel writes out thousands of names each time
PAGE_BYTES = 65536  # the largest page of any architecture; a read returns one
_FIELD = re.compile(r"field:[^;]*?(\w+)(?:\[\d+\])?;\s*offset:(\d+);\s*size:(\d+);")
_OURS = re.compile(r"imds-probe-([0-9]{1,10})-[0-9]{1,10}")  # with the process id of who made it
_FS = {"fsopen": 430, "fsconfig": 431, "fsmount": 432}  # <asm-generic/unistd.h>, the same on every architecture
_FSCONFIG_CREATE = 6  # <linux/mount.h>
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31


class NotToBeHad(ProbeError):
    """There is no tracepoint here, or it may not be used."""


@dataclass(frozen=True, slots=True)
class Connect:
    """A connection that a thread made. Addresses and port as its own network namespace has them."""

    tid: int
    local: str
    port: int
    remote: str


class _Event(NamedTuple):
    """One firing. `at` is in nanoseconds of the monotonic clock, `socket` the address of the kernel's socket."""

    at: int
    tid: int
    socket: int
    state: int
    local: str
    port: int
    remote: str


class Tracepoint:
    """Connections to one port, while this is open. `number` tells those of one process apart. Raises NotToBeHad."""

    def __init__(self, port: int, number: int = 0) -> None:
        name = f"imds-probe-{os.getpid()}-{number}"
        self._begun: OrderedDict[int, _Event] = OrderedDict()  # by the address of the kernel's socket
        self._ended: OrderedDict[int, _Event] = OrderedDict()
        self._names: dict[int, bytes] = {}
        self._named_at = float("-inf")
        self._files = contextlib.ExitStack()
        try:
            self._instance = self._made(name)
            self._fields = _fields((self._instance / EVENT / "format").read_text())
            event = self._instance / EVENT
            (event / "filter").write_text(f"dport=={port} && (newstate=={SYN_SENT} || newstate=={ESTABLISHED})")
            with contextlib.suppress(OSError):  # wake us for each, where the kernel can: since 5.0
                (self._instance / "buffer_percent").write_text("0")
            (self._instance / "trace_clock").write_text("mono")  # the same on all CPUs
            self._pipes = [self._opened(path) for path in sorted(self._instance.glob("per_cpu/cpu*/trace_pipe_raw"))]
            (event / "enable").write_text("1")
            self._files.callback((event / "enable").write_text, "0")
        except OSError as error:
            self.close()
            raise NotToBeHad(f"the kernel's tracing cannot be used: {error.strerror}", "Run as root.") from None
        except BaseException:
            self.close()
            raise

    def _made(self, name: str) -> Path:
        root = _tracefs()
        if root is None:
            root = Path(f"/proc/self/fd/{self._mounted()}")
        _sweep(root / "instances")
        instance = root / "instances" / name
        with contextlib.suppress(FileExistsError):
            instance.mkdir()  # one of this name is left from one that was killed
        self._files.callback(_removed, instance)
        return instance

    def _mounted(self) -> int:
        """A mount of tracefs of our own, which is at no path: where nobody mounted it, or somewhere out of sight."""
        libc = ctypes.CDLL(None, use_errno=True)
        filesystem = libc.syscall(_FS["fsopen"], b"tracefs", 1)
        if filesystem >= 0:
            self._files.callback(os.close, filesystem)
            if libc.syscall(_FS["fsconfig"], filesystem, _FSCONFIG_CREATE, None, None, 0) == 0:
                mounted = int(libc.syscall(_FS["fsmount"], filesystem, 1, 0))
                if mounted >= 0:
                    self._files.callback(os.close, mounted)
                    return mounted
        number = ctypes.get_errno()
        raise NotToBeHad(f"tracefs cannot be mounted: {os.strerror(number)}", "Run as root, on Linux 4.16 or newer.")

    def _opened(self, path: Path) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._files.callback(os.close, fd)
        return fd

    def name_of(self, tid: int) -> str | None:
        """What a thread that connected was called, also where it has ended since: the kernel notes it with each event.

        None where the kernel knows no more, or was asked too often to be asked again now.
        """
        if tid not in self._names and time.monotonic() - self._named_at > NAMED_EVERY_S:
            self._named_at = time.monotonic()
            with contextlib.suppress(OSError):
                lines = read_pieces(self._instance.parent.parent / "saved_cmdlines", NAMES_MAX_BYTES).splitlines()
                self._names = {
                    int(line.split(b" ")[0]): line.partition(b" ")[2] for line in lines if line[:1].isdigit()
                }
        found = self._names.get(tid)
        return None if found is None else printable(found.decode(errors="replace"), 64)

    def filenos(self) -> list[int]:
        """To be waited for: one for each CPU."""
        return list(self._pipes)

    def connects(self) -> Iterator[Connect]:
        """The connections that were made since."""
        for event in sorted(event for pipe in self._pipes for event in self._read(pipe)):
            connect = self._joined(event)
            if connect is not None:
                yield connect

    def _joined(self, event: _Event) -> Connect | None:
        """Begin and end of connecting belong together by the kernel's socket. They may be on the lists of two CPUs, so that
        the end is read first; an address is used again, so that their time decides.
        """
        begins = event.state == SYN_SENT
        mine, others = (self._begun, self._ended) if begins else (self._ended, self._begun)
        other = others.pop(event.socket, None)
        if other is not None:
            begin, end = (event, other) if begins else (other, event)
            if begin.at <= end.at:
                return Connect(begin.tid, end.local, end.port, end.remote)
        mine[event.socket] = event
        if len(mine) > CONNECTING_MAX:
            mine.popitem(last=False)
        return None

    def _read(self, pipe: int) -> Iterator[_Event]:
        while True:
            try:
                page = os.read(pipe, PAGE_BYTES)
            except BlockingIOError:
                return
            if not page:
                return
            for at, record in _records(page):
                if event := self._event(at, record):
                    yield event

    def _event(self, at: int, record: bytes) -> _Event | None:
        fields = self._fields
        try:
            tid, socket, state, family, port = (
                int.from_bytes(record[fields[name][0] : sum(fields[name])], "little")
                for name in ("common_pid", "skaddr", "newstate", "family", "sport")
            )
        except KeyError:
            return None
        local, remote = (record[fields[name][0] : sum(fields[name])] for name in ("saddr", "daddr"))
        kind = AF_INET
        if family == AF_INET6 and not any(remote):  # a socket of IPv6 that talks IPv4 has both
            kind = AF_INET6
            local, remote = (record[fields[name][0] : sum(fields[name])] for name in ("saddr_v6", "daddr_v6"))
        return _Event(at, tid, socket, state, inet_ntop(kind, local), port, inet_ntop(kind, remote))

    def close(self) -> None:
        """Switch it off and take the instance away."""
        self._files.close()

    def __enter__(self) -> Tracepoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tracefs() -> Path | None:
    """Where it is mounted and to be seen: proc_pid_mountinfo(5)."""
    for line in read_pieces(Path("/proc/self/mountinfo"), 4 * 1024 * 1024).decode(errors="replace").splitlines():
        fields = line.split(" ")
        if " - tracefs " in line and (Path(fields[4]) / "instances").is_dir():
            return Path(fields[4])
    return None


def _sweep(instances: Path) -> None:
    """Take away what watches left behind that were killed: an instance has memory, and goes on tracing.

    The kernel keeps one that somebody reads, and switches off what goes: nothing is touched of a watch that runs, even
    where its process cannot be seen from here.
    """
    for name in os.listdir(instances):
        match = _OURS.fullmatch(name)
        if match and not Path("/proc", match[1]).exists():
            _removed(instances / name)


def _removed(instance: Path) -> None:
    with contextlib.suppress(OSError):
        instance.rmdir()


def _fields(text: str) -> dict[str, tuple[int, int]]:
    """Offset and size of each field of an event."""
    return {name: (int(offset), int(size)) for name, offset, size in _FIELD.findall(text)}


def _records(page: bytes) -> Iterator[tuple[int, bytes]]:
    """The events of one page with their time. A page begins with its time and the length of what is in it."""
    at, committed = struct.unpack_from("=QQ", page)
    place, end = 16, min(16 + (committed & 0xFFFFF), len(page))
    while place + 4 <= end:
        (head,) = struct.unpack_from("=I", page, place)
        kind, delta = head & 31, head >> 5
        place += 4
        if kind == _PADDING:
            if not delta:
                return
            (length,) = struct.unpack_from("=I", page, place)
            place += length
            at += delta
        elif kind in (_TIME_EXTEND, _TIME_STAMP):
            (more,) = struct.unpack_from("=I", page, place)
            at = at + delta + (more << 27) if kind == _TIME_EXTEND else delta + (more << 27)
            place += 4
        else:
            at += delta
            if kind:
                length = kind * 4
                yield at, page[place : place + length]
                place += length
            else:
                (length,) = struct.unpack_from("=I", page, place)
                yield at, page[place + 4 : place + length]
                place += length
