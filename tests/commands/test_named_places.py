"""What a command line names: that which is not there, or does not answer, is wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest
import reading_tasks as tasks
from fuse_share import share

from imds_probe.commands.named_places import check, check_image
from imds_probe.errors import UsageError
from imds_probe.reading.reader import Reader
from imds_probe.system import rootfs


def test_what_is_there(tmp_path: Path) -> None:
    check(tmp_path, None)
    check(tmp_path, tmp_path / "report.json")


@pytest.mark.parametrize(
    ("root", "out"),
    [("none", "report"), ("file", "report"), (".", "none/report"), (".", "file/report"), (".", "directory")],
)
def test_what_is_not_there(tmp_path: Path, root: str, out: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError):
        check(tmp_path / root, tmp_path / out)
    with pytest.raises(UsageError, match="^--root|^--keep"):
        check(tmp_path / root, None, tmp_path / out)


@pytest.mark.parametrize(("operation", "root"), [("lookup", "below"), ("getattr", ".")])
def test_what_does_not_answer(tmp_path: Path, operation: str, root: str) -> None:
    place = tmp_path / "share"
    with (
        Reader(tasks.TASKS, reply_s=1.0) as reader,
        rootfs.read_by(reader.places),
        share(place, operation) as (server, _),
    ):
        dead = Path(f"/proc/{server}/root{place}")
        with pytest.raises(UsageError, match="does not answer"):
            check(tmp_path, dead / "report.json")
        with pytest.raises(UsageError, match="does not answer"):
            check(dead / root, None)


def test_an_image_is_no_running_system(tmp_path: Path) -> None:
    check_image(tmp_path, ["--no-code", "--deep"])
    with pytest.raises(UsageError, match="root of an image"):
        check_image(Path("/"), [])
    (tmp_path / "same").symlink_to("/")
    with pytest.raises(UsageError, match="root of an image"):
        check_image(tmp_path / "same", [])
    with pytest.raises(UsageError, match="does not go together with --watch, --assume-ec2"):
        check_image(tmp_path, ["--no-code", "--watch", "--assume-ec2"])
