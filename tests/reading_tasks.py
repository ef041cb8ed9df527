"""Tasks that tests give to a reader: reading as it is meant, and what a parser that was taken over would try."""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.reading.task import Task
from imds_probe.system import rootfs, small_file

PTRACE = {"x86_64": 101, "aarch64": 117}[os.uname().machine]  # uname(2) is refused, too, once it matters


@dataclass(frozen=True)
class At:
    """Paths below a root."""

    root: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What came of one path, or of one attempt."""

    about: str
    said: str


def said_of(about: str, function: Callable[[], object]) -> Said:
    try:
        return Said(about, str(function()))
    except ProbeError as trouble:
        return Said(about, str(trouble))
    except OSError as error:
        return Said(about, errno.errorcode[error.errno or 0])


def _contents(at: At) -> Iterator[Said]:
    for path in at.paths:
        yield said_of(path, lambda path=path: rootfs.read(Path(at.root), path, 1 << 28))  # type: ignore[misc]


def _lengths(at: At) -> Iterator[Said]:
    for path in at.paths:
        yield said_of(path, lambda path=path: len(rootfs.read(Path(at.root), path, 1 << 28) or b""))  # type: ignore[misc]


def _heads(at: At) -> Iterator[Said]:
    for path in at.paths:
        yield said_of(path, lambda path=path: small_file.read_head(Path(path), 1 << 20))  # type: ignore[misc]


def _all_ways(at: At) -> Iterator[Said]:
    """Every function by which files are reached, on the same paths."""
    root = Path(at.root)
    yield said_of("statuses", lambda: rootfs.statuses(root, at.paths))
    for path in at.paths:
        for way in (_opened, rootfs.names, rootfs.status, rootfs.real_path, rootfs.read_json):
            yield said_of(f"{way.__name__.lstrip('_')} {path}", lambda way=way, path=path: way(root, path))  # type: ignore[misc]
        for on in (small_file.read_head, small_file.read_pieces):
            yield said_of(f"{on.__name__} {path}", lambda on=on, path=path: on(root / path, 300))  # type: ignore[misc]
        yield said_of(f"link {path}", lambda path=path: small_file.read_link(root / path))  # type: ignore[misc]


def _opened(root: Path, path: str) -> object:
    with rootfs.opened(root, path) as file:
        if file is None:
            return None
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 70_000))
        tail = file.read(200_000)
        file.seek(10)
        with rootfs.buffered(file) as reader:
            middle = reader.read(5)
        data = said_of("", lambda: file.seek(0, os.SEEK_DATA)).said
        return end, hash_of(tail or b""), middle, data, file.status().st_size


def _together(at: At) -> Iterator[Said]:
    """What is said of several files at once, as far as it is."""
    found = rootfs.files().contents(Path(at.root), at.paths)
    for path, held in found.items():
        yield Said(path, "None" if held is None else f"{hash_of(held[0])} {held[1].st_size}")


def _listed_together(at: At) -> Iterator[Said]:
    """What is said of several directories at once, as far as it is."""
    found = rootfs.files().names_of(Path(at.root), at.paths)
    for path, names in found.items():
        yield Said(path, " ".join(names))


def _of_any_name(at: At) -> Iterator[Said]:
    """What is in directories, whatever its name is, and at last what is said of it to who does not catch it."""
    root = Path(at.root)
    found = [f"{path}/{name}" for path in at.paths for name in rootfs.names(root, path)]
    for path in found:
        yield Said(ascii(path), ascii(said_of("", lambda path=path: rootfs.read(root, path, 1 << 20)).said))  # type: ignore[misc]
    for path in found:
        rootfs.read(root, path, 1 << 20)


def hash_of(content: bytes) -> str:
    return f"{len(content)}:{sum(content)}"


def _attempts(at: At) -> Iterator[Said]:
    """What a reader must not be able to do. Nothing of it does harm where it is not refused."""
    yield said_of("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    yield said_of("socketpair", socket.socketpair)
    yield said_of("open for reading", lambda: os.open("/etc/hostname", os.O_RDONLY))
    yield said_of("open for writing", lambda: os.open(f"{at.root}/written", os.O_WRONLY | os.O_CREAT))
    yield said_of("truncate", lambda: os.truncate(f"{at.root}/kept", 0))
    yield said_of("unlink", lambda: os.unlink(f"{at.root}/kept"))
    yield said_of("mkdir", lambda: os.mkdir(f"{at.root}/made"))
    yield said_of("signal", lambda: os.kill(os.getppid() or 1, 0))
    yield said_of("signal itself", lambda: os.kill(os.getpid(), signal.SIGUSR1))
    yield said_of("execute", lambda: os.execv("/bin/true", ["true"]))
    yield said_of("fork", os.fork)
    yield said_of("write", lambda: os.write(1, b"x"))
    yield said_of("list", lambda: os.listdir("/"))
    yield said_of("memory", lambda: os.memfd_create("x"))
    for name, number in (("ptrace", PTRACE), ("io_uring", 425), ("openat2", 437), ("pidfd_getfd", 438)):
        yield said_of(name, lambda number=number: _called(number))  # type: ignore[misc]


def _called(number: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _bomb(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    yield Said("after", str(len(b"x" * (1 << 30))))


def _spin(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    while time.monotonic() > 0:
        pass


def _flood(at: At) -> Iterator[Said]:
    while True:
        yield Said("more", at.root * 100_000)


def _dies(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    os._exit(9)


def _breaks(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    raise KeyError("a bug")


def _complains(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    raise ProbeError("it is all wrong", "Do better.")


def _of_another_type(at: At) -> Iterator[object]:
    yield Said("before", at.root)
    yield {"about": ["not", "text"], "said": None}


def _raw(bytes_sent: bytes) -> Callable[[At], Iterator[Said]]:
    """A parser that was taken over, and writes to the run what it likes."""

    def work(at: At) -> Iterator[Said]:
        yield Said("before", at.root)
        for descriptor in range(3, 16):
            try:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
            except OSError:
                continue
            try:
                sock.send(bytes_sent)
            except OSError:
                pass
            finally:
                sock.detach()

    return work


def _lies_about_the_door(at: At) -> Iterator[Said]:
    yield Said("before", at.root)
    files = rootfs.files()
    while True:
        files._door = files._lost(True)  # type: ignore[attr-defined]


def _imports(at: At) -> Iterator[Said]:
    for path in at.paths:
        try:
            yield Said(path, importlib.import_module(path).__name__)
        except ImportError:
            yield Said(path, "ImportError")


IMPORTS = Task("imports", Said, _imports)
CONTENTS = Task("contents", Said, _contents)
LENGTHS = Task("lengths", Said, _lengths)
HEADS = Task("heads", Said, _heads)
ALL_WAYS = Task("all ways", Said, _all_ways)
TOGETHER = Task("together", Said, _together)
LISTED_TOGETHER = Task("listed together", Said, _listed_together)
OF_ANY_NAME = Task("of any name", Said, _of_any_name)
ATTEMPTS = Task("attempts", Said, _attempts)
BOMB = Task("bomb", Said, _bomb)
SPIN = Task("spin", Said, _spin)
FLOOD = Task("flood", Said, _flood)
DIES = Task("dies", Said, _dies)
BREAKS = Task("breaks", Said, _breaks)
COMPLAINS = Task("complains", Said, _complains)
OF_ANOTHER_TYPE = Task("of another type", Said, _of_another_type)
LIES = Task("lies", Said, _lies_about_the_door)
LONG = Task("long", Said, _raw(b"\xff\xff\xff\xff"))
NO_MESSAGE = Task("no message", Said, _raw(b"\x04\0\0\0junk"))
TASKS = (
    *(CONTENTS, LENGTHS, HEADS, ALL_WAYS, ATTEMPTS, BOMB, SPIN, FLOOD, DIES, BREAKS, COMPLAINS, OF_ANOTHER_TYPE, LIES),
    *(LONG, NO_MESSAGE, IMPORTS, TOGETHER, LISTED_TOGETHER, OF_ANY_NAME),
)
