"""A share whose server stops answering: FUSE, spoken from Python by the kernel's own protocol, in mounts of its own.

As a program: fuse_share.py DIRECTORY OPERATION [CONTENT_BYTES] mounts the share at DIRECTORY, where nobody but this process
and what it starts sees it, says "mounted" and then never answers OPERATION ("lookup", "getattr", "open", "read", "readdir",
or "none"). It holds one file, "file". Its end ends every wait for it. Source: <linux/fuse.h>.
With --here before all that, whoever has the mounts of who started it sees the share, and the directory is made; there may be
several, with colons between them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNS, MS_PRIVATE_ALL = 0x20000, 0x44000  # <linux/sched.h>; MS_PRIVATE | MS_REC
OPERATIONS = {"lookup": 1, "getattr": 3, "open": 14, "read": 15, "readdir": 28, "none": 0}
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 27, 28, 29, 36, 42
ROOT, FILE = 1, 2
_IN, _OUT = struct.Struct("=IIQQIIII"), struct.Struct("=IiQ")


class Share:
    """The server's side. `silent` is the number of the operation that gets no answer."""

    def __init__(self, fuse: int, silent: int, content: bytes) -> None:
        self._fuse, self._silent, self._content = fuse, silent, content

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self._fuse, 1 << 20)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return  # unmounted
                continue
            _, operation, unique, node, *_ = _IN.unpack_from(request)
            if operation in (self._silent, FORGET, BATCH_FORGET, INTERRUPT):
                continue
            answer = self._answer(operation, node, request[_IN.size :])
            body, code = (answer, 0) if isinstance(answer, bytes) else (b"", -answer)
            with contextlib.suppress(OSError):  # whoever asked has gone
                os.write(self._fuse, _OUT.pack(_OUT.size + len(body), code, unique) + body)

    def _answer(self, operation: int, node: int, body: bytes) -> bytes | int:
        if operation == INIT:
            return struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 12, 9, 4096, 1, 0, 0, 0)
        if operation == LOOKUP:
            if body.rstrip(b"\0") != b"file":
                return errno.ENOENT
            return struct.pack("=QQQQII", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
        if operation == GETATTR:
            return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        if operation in (OPEN, OPENDIR):
            return struct.pack("=QII", 0, 0, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            return self._content[offset : offset + size]
        if operation == READDIR:
            _, offset = struct.unpack_from("=QQ", body)
            return b"" if offset else struct.pack("=QQII8s", FILE, 1, 4, stat.S_IFREG >> 12, b"file")
        return b"" if operation in (RELEASE, RELEASEDIR, FLUSH) else errno.ENOSYS

    def _attributes(self, node: int) -> bytes:
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == ROOT else (stat.S_IFREG | 0o644, len(self._content))
        return struct.pack("=6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def mounted(directory: str, *, here: bool = False) -> int:
    """Mount a share in mounts of this process's own, or `here`, where it is; the descriptor by which it is served."""
    if here:
        os.makedirs(directory, exist_ok=True)
    else:
        _call("unshare", CLONE_NEWNS)
        _call("mount", None, b"/", None, MS_PRIVATE_ALL, None)
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    _call("mount", b"share", directory.encode(), b"fuse.share", 0, options.encode())
    return fuse


def _main(directory: str, operation: str, size: str = "10000", *started: str, here: bool = False) -> None:
    # Several behind each other are shares of their own: where one hangs, nothing is known of the next.
    fuse, *others = [mounted(each, here=here) for each in directory.split(os.pathsep)]
    for each in others:
        share_too = Share(each, OPERATIONS[operation], b"x" * int(size))
        threading.Thread(target=share_too.serve, daemon=True).start()
    child = subprocess.Popen(started, stdout=subprocess.PIPE) if started else None
    print("mounted", child.pid if child else 0, flush=True)
    try:
        Share(fuse, OPERATIONS[operation], b"x" * int(size)).serve()
    finally:
        if child:
            child.kill()


@contextlib.contextmanager
def share(
    directory: Path, operation: str, size: int = 10_000, started: tuple[str, ...] = ()
) -> Iterator[tuple[int, int]]:
    """The PID of a server whose mounts have the share at `directory`, which is made; and of a program that it started, which
    has the same mounts. Nothing is left of either.
    """
    directory.mkdir()
    argv = [sys.executable, __file__, str(directory), operation, str(size), *started]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        said = server.stdout.readline().split()
        assert said[:1] == ["mounted"], said
        yield server.pid, int(said[1])
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
        if said[1:] not in ([], ["0"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(said[1]), 9)


if __name__ == "__main__":
    here = sys.argv[1] == "--here"
    _main(*sys.argv[1 + here :], here=here)
