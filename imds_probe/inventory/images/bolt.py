"""Files of bbolt, in which containerd keeps what it knows: read only, without the lock, as one that runs holds that.

Source: go.etcd.io/bbolt, page.go, bucket.go and meta.go. What is written at the same time may not be there yet; whatever makes
no sense is an end, never an error of another kind.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.system.door import File

MAGIC, VERSION = 0xED0CDAED, 2
BRANCH, LEAF, META = 0x01, 0x02, 0x04
IS_BUCKET = 0x01
PAGES_MAX, PAGE_MAX_BYTES, DEPTH_MAX, ITEMS_MAX = 4000, 1024 * 1024, 32, 20_000
_PAGE = struct.Struct("<QHHI")  # number, flags, count, further pages that belong to it
_META = struct.Struct(
    "<IIIIQQQQQQ"
)  # magic, version, page size, flags, root, sequence, free list, pages, transaction, checksum
_LEAF, _BRANCH, _BUCKET = struct.Struct("<IIII"), struct.Struct("<IIQ"), struct.Struct("<QQ")
_FNV_OFFSET, _FNV_PRIME, _64 = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF
_SIZES = (4096, 8192, 16384, 65536)


class NoBolt(Exception):
    """It is none, or makes no sense."""


@dataclass(frozen=True)
class _Page:
    flags: int
    count: int
    content: bytes  # from its beginning on


@dataclass(frozen=True)
class Bucket:
    """One bucket of a file: pairs of bytes by a key, and further buckets."""

    bolt: Bolt
    root: int
    inline: bytes = b""

    def items(self) -> Iterator[tuple[bytes, bytes | Bucket]]:
        """All that it holds, in order. Raises NoBolt."""
        left = ITEMS_MAX
        for key, flags, value in self.bolt.leaves(self.root, self.inline, 0):
            left -= 1
            if left < 0:
                raise NoBolt("it has too much")
            yield key, self.bolt.bucket(value) if flags & IS_BUCKET else value

    def value(self, key: bytes) -> bytes:
        """What is kept under a key; empty where there is nothing."""
        return next((each for name, each in self.items() if name == key and isinstance(each, bytes)), b"")

    def bucket(self, *keys: bytes) -> Bucket | None:
        """The bucket below this one that these lead to."""
        found: Bucket | None = self
        for key in keys:
            inner = found.items() if found is not None else ()
            found = next((each for name, each in inner if name == key and isinstance(each, Bucket)), None)
        return found


class Bolt:
    """One file, as it was when its last transaction ended."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._left = PAGES_MAX
        self._pages: dict[int, _Page] = {}
        self._size, self._root = self._meta()

    @property
    def top(self) -> Bucket:
        """What holds everything."""
        return Bucket(self, self._root)

    def leaves(self, root: int, inline: bytes, depth: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Key, flags and value of all entries from a page on, which may be `inline`."""
        if depth > DEPTH_MAX:
            raise NoBolt("its pages lead to each other")
        page = _page(inline) if inline else self._page(root)
        if page.flags & BRANCH and not inline:
            for number in range(page.count):
                _, _, child = _unpacked(_BRANCH, page.content, _PAGE.size + number * _BRANCH.size)
                yield from self.leaves(child, b"", depth + 1)
        elif page.flags & LEAF:
            for number in range(page.count):
                at = _PAGE.size + number * _LEAF.size
                flags, position, key_size, value_size = _unpacked(_LEAF, page.content, at)
                begins = at + position
                ends = begins + key_size + value_size
                if ends > len(page.content):
                    raise NoBolt("an entry ends behind its page")
                yield page.content[begins : begins + key_size], flags, page.content[begins + key_size : ends]
        else:
            raise NoBolt("a page is of another kind")

    def bucket(self, value: bytes) -> Bucket:
        """The bucket that a value is."""
        root, _ = _unpacked(_BUCKET, value, 0)
        return Bucket(self, root, b"" if root else value[_BUCKET.size :])

    def _meta(self) -> tuple[int, int]:
        """The size of pages, and the page at which all begins."""
        found: list[tuple[int, int, int]] = []
        for at in (0, *_SIZES):
            content = self._read(at, _PAGE.size + _META.size)
            if len(content) == _PAGE.size + _META.size:
                magic, version, size, _, root, _, _, _, transaction, checksum = _META.unpack_from(content, _PAGE.size)
                body = content[_PAGE.size : -8]
                if (magic, version) == (MAGIC, VERSION) and size in _SIZES and checksum in (0, _fnv(body)):
                    found.append((transaction, size, root))
        if not found:
            raise NoBolt("there is no page that it begins with")
        return max(found)[1:]

    def _page(self, number: int) -> _Page:
        if number not in self._pages:
            self._left -= 1
            if self._left < 0:
                raise NoBolt("it has too many pages")
            head = self._read(number * self._size, _PAGE.size)
            _, _, _, more = _unpacked(_PAGE, head, 0)
            length = self._size * (1 + more)
            if length > PAGE_MAX_BYTES:
                raise NoBolt("a page is too long")
            self._pages[number] = _page(self._read(number * self._size, length))
        return self._pages[number]

    def _read(self, at: int, length: int) -> bytes:
        try:
            self._file.seek(at)
            chunks = []
            while length and (chunk := self._file.read(length)):
                chunks.append(chunk)
                length -= len(chunk)
        except (OSError, ValueError, OverflowError):
            raise NoBolt("it cannot be read") from None
        return b"".join(chunks)


def _page(content: bytes) -> _Page:
    _, flags, count, _ = _unpacked(_PAGE, content, 0)
    return _Page(flags, count, content)


def _unpacked(kind: struct.Struct, content: bytes, at: int) -> tuple[int, ...]:
    if at + kind.size > len(content):
        raise NoBolt("it ends too early")
    return kind.unpack_from(content, at)


def _fnv(content: bytes) -> int:
    """FNV-1a of 64 bits."""
    value = _FNV_OFFSET
    for byte in content:
        value = ((value ^ byte) * _FNV_PRIME) & _64
    return value
