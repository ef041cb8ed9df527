from __future__ import annotations

import os
from pathlib import Path

import pytest

from imds_probe.errors import UsageError
from imds_probe.system.state_directory import LOCK, Lock, state_directory


@pytest.mark.parametrize(
    ("given", "environ", "root", "expected"),
    [
        (Path("/srv/here"), {"STATE_DIRECTORY": "/var/lib/other"}, "/host", "/srv/here"),
        (None, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/", "/var/lib/one"),
        (None, {}, "/", "/var/lib/imds-probe"),
        (None, {"STATE_DIRECTORY": ""}, "/host", "/host/var/lib/imds-probe"),
    ],
)
def test_which_one(given: Path | None, environ: dict[str, str], root: str, expected: str) -> None:
    assert state_directory(given, environ, Path(root)) == Path(expected)


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    directory = tmp_path / "deep/state"
    with Lock(directory):
        assert (directory.stat().st_mode & 0o777, (directory / LOCK).read_text()) == (0o700, f"{os.getpid()}\n")
        with pytest.raises(UsageError, match=f"process {os.getpid()} holds .*daemon.lock: a daemon is running"):
            Lock(directory)
    with Lock(directory):
        pass


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / LOCK).symlink_to("precious")
    with pytest.raises(UsageError, match="cannot be written"):
        Lock(tmp_path)
    assert (tmp_path / "precious").read_text() == "text"
