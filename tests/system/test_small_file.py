import os

import pytest

from imds_probe.system.small_file import read_head


def test_no_more_than_asked_for(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_head(tmp_path / "file", 4) == b"0123"
    assert read_head(tmp_path / "file", 100) == b"0123456789"


def test_a_fifo_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_head(tmp_path / "fifo", 4)


@pytest.mark.parametrize("path", ["/dev/zero", "/proc"])
def test_devices_and_directories_are_refused(path):
    from pathlib import Path

    with pytest.raises(OSError):
        read_head(Path(path), 4)


def test_what_is_missing_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_head(tmp_path / "none", 4)
