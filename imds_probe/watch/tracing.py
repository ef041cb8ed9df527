"""The kernel's tracing, in an instance of our own, which keeps it apart from everybody else's, and read in binary.

Source: Linux, trace/ftrace ("Instances"), trace/events; the layout of a page: kernel/trace/ring_buffer.c, and
events/header_page, events/header_event of tracefs. Root, and no lockdown.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import resource
import struct
import time
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from imds_probe.errors import ProbeError
from imds_probe.inventory.packages.package import printable
from imds_probe.system.small_file import read_pieces

SPARE_FILES = 256
INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO in <linux/proc_ns.h>
PAGE_BYTES = 65536  # the largest page of any architecture; a read returns one
_ID = re.compile(r"^ID: ([0-9]{1,9})$", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,6}")
_PAGE_HEADER = struct.Struct("=QQ")  # time, and how much is committed
_ENTRY = struct.Struct("=HxxI")  # kind and thread
_WORD = struct.Struct("=I")
# With the process id of who made it, and the PID namespace where that is not the host's.
_OURS = re.compile(r"imds-probe-([0-9]{1,10})-[0-9]{1,10}(?:-([0-9]{1,10}))?")
TRIES = 3
_FS = {"fsopen": 430, "fsconfig": 431, "fsmount": 432}  # <asm-generic/unistd.h>, the same on every architecture
_FSCONFIG_CREATE = 6  # <linux/mount.h>
_MISSED = 1 << 31  # RB_MISSED_EVENTS
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31


class NotToBeHad(ProbeError):
    """There is no such event here, or it may not be used."""


class Firing(NamedTuple):
    """An event as it fired once. `at` is in nanoseconds of the monotonic clock, `tid` the thread in which it fired."""

    at: int
    tid: int
    event: str
    fields: Mapping[str, tuple[int, int]]
    record: bytes

    def raw(self, name: str) -> bytes:
        """A field as it stands; empty where this kernel's event has none of that name."""
        offset, size = self.fields.get(name, (0, 0))
        return self.record[offset : offset + size]

    def number(self, name: str) -> int:
        """A field that is a number, 0 where there is none."""
        return int.from_bytes(self.raw(name), "little")

    def text(self, name: str, limit: int) -> str:
        """A field of any length, which may be hostile and is printable: the event says where in it the text is."""
        place = self.number(name)
        content = self.record[place & 0xFFFF :][: place >> 16]
        return printable(content.split(b"\0")[0].decode(errors="replace"), limit)


class Tracing:
    """Events by their paths in tracefs, each with a filter or "", while this is open. Raises NotToBeHad.

    `number` tells those of one process apart. What nobody has read in time is overwritten by what comes later:
    `size_kb` is for each CPU.
    """

    def __init__(self, number: int, events: Mapping[str, str], size_kb: int) -> None:
        self.until = 0  # what fired by then was read
        self.lost_until = 0  # before this time, events were overwritten that nobody had read; as Firing.at
        self._kinds: dict[int, tuple[str, dict[str, tuple[int, int]]]] = {}
        self._later: list[Firing] = []
        inode = _pid_namespace()
        name = f"imds-probe-{os.getpid()}-{number}{'' if inode == INITIAL_PID_NAMESPACE else f'-{inode}'}"
        for tried in range(TRIES):
            try:
                with contextlib.ExitStack() as undone:  # unless all of it is done
                    self._files = undone
                    self._switch_on(name, events, size_kb)
                    self._files = undone.pop_all()
                return
            except OSError as error:
                # As where an instance is swept away that nobody reads yet: by an earlier version, which knows no namespaces.
                if error.errno != errno.ENODEV or tried == TRIES - 1:
                    raise NotToBeHad(f"the kernel's tracing cannot be used: {error.strerror}", "Run as root.") from None

    def _switch_on(self, instance_name: str, events: Mapping[str, str], size_kb: int) -> None:
        self.instance = self._made(instance_name)
        (self.instance / "buffer_size_kb").write_text(str(size_kb))
        (self.instance / "options/overwrite").write_text("1")  # whatever the whole system's is
        (self.instance / "trace_clock").write_text("mono")  # the same on all CPUs
        for name, condition in events.items():
            text = (self.instance / name / "format").read_text()
            number, fields = read_format(text)
            self._kinds[number] = (name, fields)
            if condition:
                (self.instance / name / "filter").write_text(condition)
        paths = sorted(self.instance.glob("per_cpu/cpu*/trace_pipe_raw"))
        _make_room(len(paths))
        self._pipes = [self._opened(path) for path in paths]
        for name in events:
            enable = self.instance / name / "enable"
            enable.write_text("1")
            self._files.callback(enable.write_text, "0")

    def _made(self, name: str) -> Path:
        root = tracefs()
        if root is None:
            root = mounted(self._files)
        if not has_pids_of_its_own():  # or nobody who traces is to be seen
            _sweep(root / "instances")
        instance = root / "instances" / name
        with contextlib.suppress(FileExistsError):
            instance.mkdir()  # one of this name is left from one that was killed
        self._files.callback(_removed, instance)
        return instance

    def _opened(self, path: Path) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._files.callback(os.close, fd)
        return fd

    def filenos(self) -> list[int]:
        """To be waited for: one for each CPU."""
        return list(self._pipes)

    def firings(self) -> list[Firing]:
        """What fired since the last time and until now, in the order of time and without a gap."""
        # CPUs are read one after another: of what fires meanwhile, an effect may be read without its cause.
        until = self.until = time.monotonic_ns()
        found = self._later
        for pipe in self._pipes:
            found += self._read(pipe)
        found.sort(key=itemgetter(0))  # what fires at one time stays in its order
        self._later = []
        while found and found[-1].at > until:
            self._later.append(found.pop())
        return found

    def _read(self, pipe: int) -> list[Firing]:
        kinds, entry, new, found = self._kinds, _ENTRY.unpack_from, tuple.__new__, list[Firing]()
        while True:
            try:
                page = os.read(pipe, PAGE_BYTES)
            except BlockingIOError:
                return found
            if len(page) < _PAGE_HEADER.size:
                return found
            began_at, committed = _PAGE_HEADER.unpack_from(page)
            if committed & _MISSED:
                self.lost_until = max(self.lost_until, began_at)
            for at, record in _records(page):
                # Every event begins with these: struct trace_entry in <linux/trace_events.h>.
                if len(record) >= _ENTRY.size:
                    kind, tid = entry(record)
                    if kind in kinds:
                        found.append(new(Firing, (at, tid, *kinds[kind], record)))

    def close(self) -> None:
        """Switch it off and take the instance away."""
        self._files.close()


def has_pids_of_its_own() -> bool:
    """Whether we are in a PID namespace of our own, as a container is: the kernel's numbers are others than ours then."""
    return _pid_namespace() != INITIAL_PID_NAMESPACE


def _pid_namespace(process: str = "self") -> int:
    """Its number; that of the host where it is not to be seen."""
    try:
        return os.stat(f"/proc/{process}/ns/pid").st_ino
    except OSError:
        return INITIAL_PID_NAMESPACE


def tracefs() -> Path | None:
    """Where it is mounted and to be seen: proc_pid_mountinfo(5)."""
    for line in read_pieces(Path("/proc/self/mountinfo"), 4 * 1024 * 1024).decode(errors="replace").splitlines():
        fields = line.split(" ")
        if " - tracefs " in line and (Path(fields[4]) / "instances").is_dir():
            return Path(fields[4])
    return None


def mounted(files: contextlib.ExitStack) -> Path:
    """A mount of tracefs of our own, which is at no path, for as long as `files` is open: where nobody mounted it, or somewhere out
    of sight. Raises NotToBeHad.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    filesystem = libc.syscall(_FS["fsopen"], b"tracefs", 1)
    if filesystem >= 0:
        files.callback(os.close, filesystem)
        if libc.syscall(_FS["fsconfig"], filesystem, _FSCONFIG_CREATE, None, None, 0) == 0:
            at = int(libc.syscall(_FS["fsmount"], filesystem, 1, 0))
            if at >= 0:
                files.callback(os.close, at)
                return Path(f"/proc/self/fd/{at}")
    number = ctypes.get_errno()
    raise NotToBeHad(f"tracefs cannot be mounted: {os.strerror(number)}", "Run as root, on Linux 4.16 or newer.")


def _sweep(instances: Path) -> None:
    """Take away what watches left behind that were killed: an instance has memory, and goes on tracing.

    The kernel keeps one that somebody reads: nothing is touched of a watch that runs. One that is only made yet is known by its
    process, or by any process of its PID namespace.
    """
    found = [match for name in os.listdir(instances) if (match := _OURS.fullmatch(name))]
    inside: set[int] = set()
    if any(match[2] for match in found):
        inside = {_pid_namespace(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    for match in found:
        if int(match[2]) not in inside if match[2] else not Path("/proc", match[1]).exists():
            _removed(instances / match[0])


def _removed(instance: Path) -> None:
    with contextlib.suppress(OSError):
        instance.rmdir()


def _make_room(count: int) -> None:
    """For so many more open files: there are hosts with many CPUs, and the usual limit is 1,024 of the many allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(os.listdir("/proc/self/fd")) + count + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def read_format(text: str) -> tuple[int, dict[str, tuple[int, int]]]:
    """An event's number, and offset and size of each of its fields: "field:char comm[16]; offset:8; size:16; signed:0;".
    Raises NotToBeHad.
    """
    number = _ID.search(text)
    if number is None:
        raise NotToBeHad("the kernel's tracing describes an event without its number")
    found: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        declaration, *rest = (part.strip() for part in line.split(";"))
        numbers = dict(part.split(":", 1) for part in rest if ":" in part)
        offset, size = numbers.get("offset", ""), numbers.get("size", "")
        if declaration.startswith("field:") and _NUMBER.fullmatch(offset) and _NUMBER.fullmatch(size):
            found[declaration.split()[-1].partition("[")[0].lstrip("*")] = (int(offset), int(size))
    return int(number[1]), found


def _records(page: bytes) -> list[tuple[int, bytes]]:
    """The events of one page with their time. A page begins with its time and the length of what is in it."""
    found: list[tuple[int, bytes]] = []
    if len(page) < _PAGE_HEADER.size:
        return found
    at, committed = _PAGE_HEADER.unpack_from(page)
    place, end = 16, min(16 + (committed & 0xFFFFF), len(page))
    word = _WORD.unpack_from
    while place + 4 <= end:
        (head,) = word(page, place)
        kind, delta = head & 31, head >> 5
        place += 4
        if 0 < kind < _PADDING:  # as nearly all are
            at += delta
            found.append((at, page[place : place + kind * 4]))
            place += kind * 4
            continue
        if kind == _PADDING and not delta:
            break
        if place + 4 > end:  # another word follows
            break
        (more,) = word(page, place)
        if kind == _PADDING:
            place += more
            at += delta
        elif kind in (_TIME_EXTEND, _TIME_STAMP):
            at = at + delta + (more << 27) if kind == _TIME_EXTEND else delta + (more << 27)
            place += 4
        else:
            at += delta
            found.append((at, page[place + 4 : place + more]))
            place += more
    return found
