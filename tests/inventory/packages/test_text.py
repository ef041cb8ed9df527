from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from imds_probe.inventory.packages.package import PackageError
from imds_probe.inventory.packages.text import LINE_MAX_BYTES, Lines, lines, records


def of(content: bytes, limit_bytes: int = 10**6) -> Lines:
    return Lines("apk", "file", io.BytesIO(content), limit_bytes)


def test_lines_and_whether_the_last_one_is_whole() -> None:
    found = of(b"a\n\nb\n")
    assert list(found) == [b"a", b"", b"b"]
    assert (found.bytes, found.whole) == (5, True)
    found = of(b"a\nb")
    assert list(found) == [b"a", b"b"]
    assert not found.whole
    assert of(b"").whole


def test_records_and_where_one_ends_before_its_end() -> None:
    content = b"\n\nP:a\nx\nV:1\nF:/\nV:2\n\n\nV:3\nV:4\nnothing"
    assert list(records(of(content), (b"P", b"V"), b"F")) == [
        {b"P": b"a", b"V": b"1"},
        {b"V": b"3"},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"x\n" * 600, "has more than 1000 bytes"), (b"x" * (LINE_MAX_BYTES + 1), "has a line of more than")],
)
def test_what_is_too_long_is_said(content: bytes, said: str) -> None:
    with pytest.raises(PackageError, match=said):
        list(of(content, 1000 if b"\n" in content else 10**6))


def test_in_a_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\n")
    os.mkfifo(tmp_path / "fifo")
    with lines("apk", tmp_path, "file", 100) as found:
        assert found is not None
        assert list(found) == [b"a"]
    with lines("apk", tmp_path, "none", 100) as found:
        assert found is None
    with pytest.raises(PackageError, match="not a regular file"), lines("apk", tmp_path, "fifo", 100):
        pass
