"""What directories held in an earlier walk: one that has not changed since is looked at, and not listed again.

A directory changes with its entries, not with what these hold. So files that are handed on for their size are looked at each
time. Only directories that root alone can write are remembered, on file systems whose kernel notes each change itself.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import NamedTuple

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable
from imds_probe.system.unchanged import is_of_root, is_settled

FORMAT = "1"  # another one for whatever changes what is kept of a directory
BYTES_MAX = 1536 * 1024  # of all chunks: the opener has 32 MiB for what becomes of it
DIRECTORIES_MAX = 60_000
AT_A_TIME = 1000  # directories of one chunk
CHUNK_BYTES = 128 * 1024  # about, and what one directory may have on top
NAMES_MAX, NAMES_MAX_BYTES = 5000, 32 * 1024  # of one directory; a larger one is listed each time
ENTRY_BYTES = 40  # of a directory, without names
NO_NAMES = frozenset(("", ".", ".."))
# ext4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS: <linux/magic.h>, and OpenZFS' sys/fs/zfs.h.
KINDS = frozenset((0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0xF2F52010, 0x2FC12FC1))


class Held(NamedTuple):
    """One directory: its inode, when its entries and it itself changed, the directories to go into, the names that are handed on
    as they are, and those of files whose size decides.
    """

    inode: int
    times_ns: tuple[int, int]
    directories: tuple[str, ...]
    found: tuple[str, ...]
    weighed: tuple[str, ...]

    @property
    def together(self) -> str:
        """All names as one text."""
        return "".join((*self.directories, *self.found, *self.weighed))

    @property
    def size_bytes(self) -> int:
        """What it takes in a chunk, about."""
        names = len(self.directories) + len(self.found) + len(self.weighed)
        return ENTRY_BYTES + len(self.together) + names


class Chunk(NamedTuple):
    """Directories of one device."""

    device: int
    directories: list[Held]


_DECODER = msgspec.msgpack.Decoder(Chunk)


@dataclass
class WalkMemory:
    """`kept` are chunks of an earlier walk, the newest first; `learnt` those for a later one, of directories that did not change
    since `before_ns`, a time.time_ns: none where that is None. A whole walk that learns nothing has met all as it was.
    """

    kept: Sequence[bytes] = ()
    before_ns: int | None = None
    learnt: list[bytes] = field(default_factory=list)
    _known: dict[tuple[int, int], Held] | None = None
    _met: list[tuple[int, Held]] = field(default_factory=list)  # with their devices, and not handed on
    _changed: bool = False
    _left_bytes: int = field(default_factory=lambda: BYTES_MAX)

    def held(self, status: os.stat_result) -> Held | None:
        """What a directory held that is this now; None where that is not known."""
        if self._known is None:
            self._known = dict(reversed(list(_read(self.kept))))
        held = self._known.get((status.st_dev, status.st_ino))
        if held is None or held.times_ns != _times_ns(status) or not is_of_root(status) or not _are_names(held):
            return None
        self._met.append((status.st_dev, held))
        return held

    def learns(self, status: os.stat_result) -> bool:
        """Whether a directory can be remembered that was this before it was listed."""
        return self.before_ns is not None and is_of_root(status) and is_settled(status, self.before_ns)

    def learn(self, status: os.stat_result, directories: list[str], found: list[str], weighed: list[str]) -> None:
        """Remember what it held. Names that are no text are not remembered, nor is a directory with one."""
        held = Held(status.st_ino, _times_ns(status), tuple(directories), tuple(found), tuple(weighed))
        if held.size_bytes <= NAMES_MAX_BYTES and encodable(held.together) == held.together:
            self._changed = True
            self._met.append((status.st_dev, held))
            if len(self._met) >= AT_A_TIME:
                self._hand_on()

    def end(self) -> None:
        """The walk is at its end: what was not met again is forgotten."""
        if self._changed or len(self._met) < len(self._known or ()):
            self._hand_on()

    def taken(self) -> tuple[bytes, ...]:
        """The chunks that there are now, which are handed on so."""
        taken, self.learnt = tuple(self.learnt), []
        return taken

    def _hand_on(self) -> None:
        """Make chunks of what was met."""
        met, self._met = self._met, []
        for device, some in itertools.groupby(met, key=lambda each: each[0]):
            chunk = Chunk(device, [])
            size_bytes = 0
            for _, held in some:
                size_bytes += held.size_bytes
                if size_bytes > self._left_bytes:
                    break
                chunk.directories.append(held)
                if size_bytes >= CHUNK_BYTES:
                    self._put(chunk, size_bytes)
                    chunk, size_bytes = Chunk(device, []), 0
            self._put(chunk, size_bytes)

    def _put(self, chunk: Chunk, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if chunk.directories:
            self.learnt.append(msgspec.msgpack.encode(chunk))


def _times_ns(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_ctime_ns


def _read(chunks: Sequence[bytes]) -> Iterator[tuple[tuple[int, int], Held]]:
    """The directories of chunks, each by its device and inode. What makes no sense is passed over."""
    left = DIRECTORIES_MAX
    for chunk in bounded(chunks):
        try:
            device, directories = _DECODER.decode(chunk)
        except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError):
            continue
        yield from (((device, each.inode), each) for each in directories[:left])
        left -= len(directories)
        if left <= 0:
            return


def bounded(chunks: Sequence[bytes]) -> Iterator[bytes]:
    """As many of these as there is room for."""
    left = BYTES_MAX
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            return
        yield chunk


def _are_names(held: Held) -> bool:
    """Whether all of them lead to entries of the directory, and nowhere else: whoever hands chunks on may have met a stranger."""
    together = held.together
    names = (*held.directories, *held.found, *held.weighed)
    return "/" not in together and "\0" not in together and not NO_NAMES.intersection(names)
