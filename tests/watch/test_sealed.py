import os

import pytest

from imds_probe.watch import sealed as module
from imds_probe.watch.sealed import replace, sealed, whole


def test_what_is_whole_comes_back():
    assert whole(sealed(b'{"a": "\n"}'), 100) == b'{"a": "\n"}'
    assert whole(sealed(b""), 100) == b""


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", sealed(b"[1]")[:-1], sealed(b"[1]") + b" ", b"\xff\n[1]"])
def test_what_was_cut_off_or_changed_does_not(content):
    assert whole(content, 100) is None


def test_nor_does_what_is_too_long():
    content = sealed(b"[1]")
    assert whole(content, len(content)) == b"[1]"
    assert whole(content, len(content) - 1) is None


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    (tmp_path / ".record.json.new").write_text("of one that was killed")
    replace(path, b"first")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"first", 0o600)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(path, b"second")
    assert os.listdir(tmp_path) == ["record.json"]
    assert path.read_bytes() == b"first"
