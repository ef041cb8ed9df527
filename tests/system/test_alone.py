from __future__ import annotations

import fcntl
import os
import stat

import pytest

from imds_probe.errors import HeldError
from imds_probe.system.alone import LOCK, alone


def test_a_lock_that_is_held_is_waited_for_no_longer_than_said(tmp_path):
    with alone(tmp_path), pytest.raises(HeldError, match="another process holds"), alone(tmp_path, waits_s=0.0):
        pass
    with alone(tmp_path, waits_s=0.0):  # it is given back
        pass


def test_who_may_read_the_directory_holds_nobody_up(tmp_path):
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with alone(tmp_path, waits_s=0.0):
            found = (tmp_path / LOCK).stat()
    finally:
        os.close(directory)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_a_lock_that_others_could_open_is_closed_to_them(tmp_path):
    (tmp_path / LOCK).touch(0o644)
    with alone(tmp_path):
        assert stat.S_IMODE((tmp_path / LOCK).stat().st_mode) == 0o600


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(HeldError, match="is not a file"), alone(tmp_path):
        pass
    (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), alone(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
