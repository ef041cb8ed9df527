from __future__ import annotations

from pathlib import Path

from imds_probe.system.mounts import mount_points

TEXT = r"""22 1 8:1 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw - proc proc rw
40 22 0:44 / /mnt/with\040blank\134 rw master:3 - nfs4 server:/x rw
garbage
"""


def test_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/mountinfo").write_text(TEXT)
    assert mount_points(tmp_path, 7) == {"/proc", "/mnt/with blank\\"}


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert mount_points(tmp_path, 7) == frozenset()


def test_of_this_very_process() -> None:
    assert "/proc" in mount_points(Path("/proc"), "self")
    assert "/" not in mount_points(Path("/proc"), "self")
