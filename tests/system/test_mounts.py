from __future__ import annotations

from pathlib import Path

from imds_probe.system.mounts import mount_points, options_of

TEXT = r"""22 1 8:1 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw - proc proc rw
40 22 0:44 / /mnt/with\040blank\134 rw master:3 - nfs4 server:/x rw
garbage
"""


def test_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/mountinfo").write_text(TEXT)
    assert mount_points(tmp_path, 7) == {"/proc", "/mnt/with blank\\"}


def test_options_are_those_of_the_mount_and_of_its_file_system(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/mountinfo").write_text(
        TEXT + "50 22 0:50 / /x ro,nosuid - proc proc rw,hidepid=2\n51 22 0:51 / /y - proc\n"
    )
    assert options_of(tmp_path, 7, "proc") == ("rw,rw", "ro,nosuid,rw,hidepid=2")
    assert options_of(tmp_path, 7, "xfs") == ()


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert mount_points(tmp_path, 7) == frozenset()
    assert options_of(tmp_path, 7, "proc") == ()


def test_of_this_very_process() -> None:
    assert "/proc" in mount_points(Path("/proc"), "self")
    assert "/" not in mount_points(Path("/proc"), "self")
