from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from image_stores import tar_split as written
from small_roots import made

from imds_probe.inventory.images import tar_split


def test_directories_that_hide_what_lies_below(tmp_path: Path) -> None:
    made(tmp_path, {"/l.gz": written(("etc", "./usr/share/x", "/a"))})
    assert list(tar_split.opaque(tmp_path, "/l.gz")) == ["etc", "usr/share/x", "a"]
    assert list(tar_split.opaque(tmp_path, "/gone")) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        written(("etc",))[:20],
        gzip.compress(b'{"name": ".wh..wh..opq'),
        gzip.compress(b'[".wh..wh..opq"]\n{"name": [".wh..wh..opq"]}\n{"name": "x.wh..wh..opq/y"}\n'),
        gzip.compress(b'"' + b"[" * 100_000 + b".wh..wh..opq"),
    ],
)
def test_what_makes_no_sense_says_nothing(tmp_path: Path, content: bytes) -> None:
    made(tmp_path, {"/l.gz": content})
    assert list(tar_split.opaque(tmp_path, "/l.gz")) == []


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_split, "UNPACKED_MAX_BYTES", 1000)
    lines = b'{"name": "x"}\n' * 1000 + b'{"name": "etc/.wh..wh..opq"}\n'
    made(tmp_path, {"/l.gz": gzip.compress(lines)})
    assert list(tar_split.opaque(tmp_path, "/l.gz")) == []
