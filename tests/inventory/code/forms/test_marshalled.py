"""Python's byte code, of this Python and of others as they write it."""

from __future__ import annotations

import importlib.util
import marshal
import struct

import pytest

from imds_probe.inventory.code.forms import marshalled
from imds_probe.inventory.code.forms.marshalled import NotByteCode, codes

SOURCE = (
    '"""What it is."""\nURL = "http://x/"\n\n\n'
    'def get(key, n=(1, 2.5, 3j, 1 << 70)):\n    return urlopen(f"{URL}{key}é/y", b"z")\n'
)


def byte_code(source: str = SOURCE) -> bytes:
    """As this Python writes it."""
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(source, "x.py", "exec"))


def written(magic: int, counts: int, *, old: bool = False, names: int = 5) -> bytes:
    """As a Python of that magic number writes it: so many numbers at the beginning, so many values behind the names."""

    def text(value: str) -> bytes:
        return (
            b"s" + struct.pack("<i", len(value)) + value.encode()
            if old
            else b"z" + bytes([len(value)]) + value.encode()
        )

    def values(*parts: bytes) -> bytes:
        return b"(" + struct.pack("<i", len(parts)) + b"".join(parts)

    code = b"c" + bytes(4 * counts) + text("") + values(text("http://x/"), b"N", b"i" + bytes(4), values(text("deep")))
    code += values(b"t" + struct.pack("<i", 7) + b"urlopen" if old else b"Z\x07urlopen") + values() * names
    code += struct.pack("<i", 7) + text("")
    head = struct.pack("<H", magic) + b"\r\n" + bytes(4 if old else 8 if magic < 3392 else 12)
    return head + code + (text("") if magic >= 3450 and not old else b"")


def test_of_this_python() -> None:
    module, function = codes(byte_code())
    assert module.texts[0] == "What it is." and module.documented and "http://x/" in module.texts
    assert "urlopen" in function.names and function.line == 5
    assert any("/y" in text for text in function.texts) and "z" in function.texts


@pytest.mark.parametrize(
    "content",
    [
        written(62211, 4, old=True),
        written(3394, 5),
        written(3351, 5),
        written(3413, 6),
        written(3439, 6),
        written(3495, 5),
        written(3531, 5),
        written(3571, 5),
    ],
)
def test_of_others(content: bytes) -> None:
    (code,) = codes(content)
    assert (code.texts, code.names, code.line) == (["http://x/", "deep"], ["urlopen"], 7)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not byte code, but long enough for it",
        byte_code()[:60],
        byte_code()[:-4],
        byte_code()[:16] + b"?",
        byte_code()[:16] + b"(\xff\xff\xff\x7f",
        byte_code()[:16] + b")\x01" * 300,
        byte_code()[:16] + b"r\xff\xff\xff\x7f",
        byte_code()[:16] + b"s\xff\xff\xff\xff",
    ],
)
def test_what_is_none(content: bytes) -> None:
    with pytest.raises(NotByteCode):
        codes(content)


def test_how_much_is_in_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marshalled, "OBJECTS_MAX", 20)
    with pytest.raises(NotByteCode):
        codes(byte_code())
