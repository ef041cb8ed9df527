from __future__ import annotations

from msgspec.structs import replace

from imds_probe.system.door import FileStatus
from imds_probe.system.unchanged import identity_of, is_of_root, is_settled

STATUS = FileStatus(0o100644, 1, 2, 3, 4, 5, 0)


def test_whatever_changes_a_file_makes_it_another() -> None:
    for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"):
        assert identity_of(replace(STATUS, **{name: 9})) != identity_of(STATUS)
    assert identity_of(replace(STATUS, st_mode=0o100755)) == identity_of(STATUS)


def test_what_others_can_write_is_not_of_root() -> None:
    assert is_of_root(STATUS)
    for changed in ({"st_uid": 1}, {"st_mode": 0o100664}, {"st_mode": 0o100646}):
        assert not is_of_root(replace(STATUS, **changed))


def test_both_times_have_to_be_past() -> None:
    assert is_settled(STATUS, 6)
    assert not is_settled(STATUS, 5)
    assert not is_settled(replace(STATUS, st_mtime_ns=7), 6)
