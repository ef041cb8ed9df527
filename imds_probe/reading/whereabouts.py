"""Where the opener is, in memory that the run shares with it: one that hangs cannot be asked."""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

SIZE_BYTES = 8192
_LENGTH = struct.Struct("=I")
ROOM_BYTES = SIZE_BYTES - _LENGTH.size
_TOUCHES, _READS = b"-", b"r"


class Where(NamedTuple):
    """A path below a root; `reads`: it is a file that the parser is given. All empty where an opener has not been anywhere."""

    root: bytes = b""
    path: bytes = b""
    reads: bool = False


NOWHERE = Where()


class Whereabouts:
    """A path below a root, in a file of memory only. Whoever writes may be anybody: what is read is bounded."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, SIZE_BYTES)

    @staticmethod
    def made() -> Whereabouts:
        """One that no other process knows of yet."""
        descriptor = os.memfd_create("imds-probe", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, SIZE_BYTES)
        return Whereabouts(descriptor)

    def put(self, root: bytes, path: bytes, reads: bool = False) -> None:
        """Say that the opener is about to touch this path below this root, cut to what there is room for; whether what is there
        is a file that the parser is given.
        """
        said = b"%b%b\0%b" % (_READS if reads else _TOUCHES, root, path)
        if len(said) > ROOM_BYTES:
            said = said[:ROOM_BYTES]
        self._memory[: _LENGTH.size + len(said)] = _LENGTH.pack(len(said)) + said

    def read(self) -> None:
        """Say of what was said last that it is a file, which the parser is given."""
        self._memory[_LENGTH.size : _LENGTH.size + 1] = _READS

    def leave(self) -> None:
        """Say that the opener is nowhere any more."""
        self.put(b"", b"")

    def get(self) -> Where:
        """What was said last."""
        (length,) = _LENGTH.unpack_from(self._memory)
        said = self._memory[_LENGTH.size : _LENGTH.size + min(length, ROOM_BYTES)]
        root, _, path = said[1:].partition(b"\0")
        return Where(root, path, said[:1] == _READS)

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
        os.close(self.descriptor)
