"""Package databases that are text, read line by line below a root that somebody hostile may own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from imds_probe.inventory.packages.package import DAMAGED, PackageError
from imds_probe.system import rootfs

LINE_MAX_BYTES = 64 * 1024  # the longest in use, what a package for developers depends on, has some thousand


class Lines:
    """The lines of a file without their ends, once. Raises PackageError where all or one of them is too long.

    `bytes` says how many were read, `whole` whether what was read last ended with a line.
    """

    def __init__(self, manager: str, path: str, file: BinaryIO, limit_bytes: int) -> None:
        self.bytes, self.whole = 0, True
        self._manager, self._path, self._file, self._limit_bytes = manager, path, file, limit_bytes

    def __iter__(self) -> Iterator[bytes]:
        while line := self._file.readline(LINE_MAX_BYTES + 1):
            self.bytes += len(line)
            if self.bytes > self._limit_bytes:
                raise self._too_long("", self._limit_bytes)
            if len(line) > LINE_MAX_BYTES:
                raise self._too_long("a line of ", LINE_MAX_BYTES)
            self.whole = line.endswith(b"\n")
            yield line.removesuffix(b"\n")

    def _too_long(self, what: str, limit_bytes: int) -> PackageError:
        return PackageError(self._manager, f"{self._path} has {what}more than {limit_bytes} bytes", DAMAGED)


@contextlib.contextmanager
def lines(manager: str, root: Path, path: str, limit_bytes: int) -> Iterator[Lines | None]:
    """Those of a file below `root`, None where there is none. Raises PackageError, also for trouble with reading."""
    try:
        with rootfs.opened(root, path) as file:
            if file is None:
                yield None
                return
            with rootfs.buffered(file) as buffered:
                yield Lines(manager, path, buffered, limit_bytes)
    except rootfs.FileUnreadable as trouble:
        raise PackageError(manager, trouble.problem, trouble.remedy or DAMAGED) from None


def records(lines: Lines, keys: Collection[bytes], end: bytes | None = None) -> Iterator[dict[bytes, bytes]]:
    """Of what stands between empty lines, the first value of each of the keys.

    What follows the key `end` in a record is passed over. Raises PackageError.
    """
    record: dict[bytes, bytes] = {}
    begun = ended = False
    for line in lines:
        if not line:
            if begun:
                yield record
            record, begun, ended = {}, False, False
            continue
        begun = True
        key, separator, value = line.partition(b":")
        ended = ended or key == end
        if separator and key in keys and not ended:
            record.setdefault(key, value)
    if begun:
        yield record
