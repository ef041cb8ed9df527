"""The texts and names in Python's byte code, read without letting Python load it.

Source: CPython's Python/marshal.c (the types and the layout of a code object by version) and importlib/_bootstrap_external.py
(the magic numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import field

from imds_probe.dataclass import dataclass

DEPTH_MAX = 60
OBJECTS_MAX = 400_000
_REF = 0x80
_PYTHON_2_BEFORE, _POSITIONAL_SINCE, _QUALIFIED_SINCE = 3000, 3410, 3450
_PYTHON_2_FROM = 20000


class NotByteCode(ValueError):
    """The file is no byte code, a damaged one, or of a Python that is not known."""


@dataclass
class Code:
    """Of one code object, a module's or a function's: its texts, the names that it uses, and the line where it begins."""

    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    line: int = 0
    documented: bool = False  # its first text is its documentation


def codes(content: bytes) -> list[Code]:
    """All code objects in a .pyc file. Raises NotByteCode."""
    reading = _Reading(content)
    try:
        reading.value(0)
    except (struct.error, IndexError, RecursionError, UnicodeError):
        raise NotByteCode("it is cut off, or not of a known kind") from None
    return reading.codes


class _Reading:
    def __init__(self, content: bytes) -> None:
        if len(content) < 20 or content[2:4] != b"\r\n":
            raise NotByteCode("it does not begin as byte code does")
        (magic,) = struct.unpack_from("<H", content)
        self._old = magic >= _PYTHON_2_FROM
        self._magic = 0 if self._old else magic
        self._content = content
        self._at = 8 if self._old else 12 if magic < 3392 else 16
        self._refs: list[object] = []
        self._left = OBJECTS_MAX
        self.codes: list[Code] = []

    def value(self, depth: int) -> object:
        """The next value: texts as str, tuples as lists, code as Code, all else as None."""
        self._left -= 1
        if depth > DEPTH_MAX or self._left < 0:
            raise NotByteCode("it is deeper or has more in it than code has")
        kind = self._byte()
        slot = None
        if kind & _REF and not self._old:
            slot = len(self._refs)
            self._refs.append(None)
        value = self._of_kind(chr(kind & 0x7F), depth)
        if slot is not None:
            self._refs[slot] = value
        return value

    def _of_kind(self, kind: str, depth: int) -> object:
        match kind:
            case "N" | "F" | "T" | "S" | "." | "0":
                return None
            case "i" | "I" | "f" | "g" | "l" | "x" | "y":
                self._skip_number(kind)
                return None
            case "z" | "Z":
                return self._text(self._byte())
            case "s" | "u" | "a" | "A" | "t":
                text = self._text(self._long())
                if kind == "t" and self._old:
                    self._refs.append(text)
                return text
            case "R" | "r":
                return self._refs[self._long()]
            case ")":
                return [self.value(depth + 1) for _ in range(self._byte())]
            case "(" | "[" | "<" | ">":
                return [self.value(depth + 1) for _ in range(self._count())]
            case ":":
                for _ in range(3):
                    self.value(depth + 1)
                return None
            case "c":
                return self._code(depth)
            case _:
                raise NotByteCode("it has a value of an unknown kind")

    def _skip_number(self, kind: str) -> None:
        if kind in "fx":
            for _ in range(1 if kind == "f" else 2):
                self._skip(self._byte())
        elif kind == "l":
            self._skip(2 * abs(struct.unpack("<i", self._take(4))[0]))
        else:
            self._skip({"i": 4, "I": 8, "g": 8, "y": 16}[kind])

    def _code(self, depth: int) -> Code:
        code = Code()
        self.codes.append(code)
        magic = self._magic
        self._skip(4 * (4 if self._old else 6 if _POSITIONAL_SINCE <= magic < _QUALIFIED_SINCE else 5))
        self.value(depth + 1)  # the instructions
        constants = self.value(depth + 1)
        names = self.value(depth + 1)
        for _ in range(5):
            self.value(depth + 1)
        code.line = max(0, self._long())
        self.value(depth + 1)
        if not self._old and magic >= _QUALIFIED_SINCE:
            self.value(depth + 1)
        parts = constants if isinstance(constants, list) else []
        code.documented = bool(parts) and isinstance(parts[0], str)
        code.texts = list(_texts(parts))
        code.names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return code

    def _text(self, length: int) -> str:
        return self._take(length).decode("latin-1")

    def _count(self) -> int:
        count = self._long()
        if not 0 <= count <= len(self._content) - self._at:
            raise NotByteCode("a length cannot be right")
        return count

    def _long(self) -> int:
        value: int = struct.unpack("<i", self._take(4))[0]
        return value

    def _byte(self) -> int:
        return self._take(1)[0]

    def _skip(self, length: int) -> None:
        self._take(length)

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._content) - self._at:
            raise NotByteCode("a length cannot be right")
        self._at += length
        return self._content[self._at - length : self._at]


def _texts(values: list[object]) -> Iterator[str]:
    """Those in tuples, too, but not those of code within, which has its own."""
    waiting = list(reversed(values))
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            waiting += reversed(each)
