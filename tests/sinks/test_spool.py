from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest
from reports_made import report
from watched_state import FIRST_RELEASE, SECOND_FORMAT, by_version, earlier_version

from imds_probe.sinks.settings import SpoolConfig
from imds_probe.sinks.spool import DOUBT, REFUSED, SENDING, WAITING, Spool, SpoolError

BOUNDS = SpoolConfig()


def numbered(number: int) -> dict:
    return report(probe={"run_id": f"{number:032x}", "started_at": f"2026-11-2{number % 8}T00:00:00Z"})


def test_the_oldest_comes_first_and_is_what_was_put(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a/b", BOUNDS)
    for number in (3, 1, 2):
        spool.put(numbered(number))
        assert spool.bound() == 0
    with spool.sending() as held:
        assert held
        taken = [spool.take(file) for file in spool.waiting()]
    assert [each and each[1] for each in taken] == [numbered(1), numbered(2), numbered(3)]
    assert os.stat(tmp_path / "a/b").st_mode & 0o777 == 0o700


def test_one_at_a_time_may_send_and_the_next_one_knows_what_is_in_doubt(tmp_path: Path) -> None:
    one, other = Spool(tmp_path, BOUNDS), Spool(tmp_path, BOUNDS)
    one.put(numbered(1))
    one.put(numbered(2))
    with one.sending() as held, other.sending() as refused:
        assert (held, refused) == (True, False)
        assert one.take(next(one.waiting()))
    with other.sending() as held:
        assert held
        assert (other.count(WAITING), other.count(DOUBT), other.count(SENDING)) == (1, 1, 0)


def test_what_comes_meanwhile_is_sent_as_well(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BOUNDS)
    spool.put(numbered(5))
    seen = []
    with spool.sending():
        for file in spool.waiting():
            taken = spool.take(file)
            assert taken
            seen.append(taken[1]["probe"]["run_id"])
            spool.done(taken[0])
            if len(seen) == 1:
                spool.put(numbered(6))
    assert [int(each, 16) for each in seen] == [5, 6]


def bounded(spool: Spool, number: int) -> int:
    """How many are dropped after one more."""
    spool.put(numbered(number))
    return spool.bound()


def test_beyond_its_bounds_the_oldest_is_dropped_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "count", SpoolConfig(reports=3))
    assert [bounded(spool, number) for number in range(1, 6)] == [0, 0, 0, 1, 1]
    assert spool.count(WAITING) == 3
    size = next((tmp_path / "count").iterdir()).stat().st_size
    small = Spool(tmp_path / "size", SpoolConfig(size_bytes=int(2.5 * size)))
    assert [bounded(small, number) for number in range(1, 5)] == [0, 0, 1, 1]


def test_what_is_being_sent_is_not_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolConfig(reports=1))
    spool.put(numbered(1))
    with spool.sending():
        assert spool.take(next(spool.waiting()))
        assert bounded(spool, 2) == 1
        assert (spool.count(SENDING), spool.count(WAITING)) == (1, 0)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xffxx", gzip.compress(b"[" * 100_000), None]
)
def test_a_damaged_one_is_put_aside_and_holds_nobody_up(tmp_path: Path, content: bytes | None) -> None:
    spool = Spool(tmp_path, BOUNDS)
    spool.put(numbered(1))
    spool.put(numbered(2))
    first = min(tmp_path.glob(f"*{WAITING}"))
    first.write_bytes(first.read_bytes()[:-20] if content is None else content)
    with spool.sending():
        taken = [spool.take(file) for file in spool.waiting()]
    assert [each and each[1]["probe"]["run_id"][-1] for each in taken] == [None, "2"]
    assert spool.count(REFUSED) == 1


def test_a_full_disk_or_a_read_only_one_is_said(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)], check=True)
    try:
        spool = Spool(place / "spool", BOUNDS)
        with pytest.raises(SpoolError, match="cannot be written: No space left on device"):
            for number in range(1, 50):
                spool.put(numbered(number))
        kept = spool.count(WAITING)
        assert kept > 0
        with spool.sending():
            assert all(spool.take(file) for file in spool.waiting())  # each whole
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        with pytest.raises(SpoolError, match="cannot be written: Read-only file system"):
            spool.put(numbered(1))
        with pytest.raises(SpoolError, match="cannot be made: Read-only file system"):
            Spool(place / "other", BOUNDS)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    spool = Spool(tmp_path / "spool", BOUNDS)
    (tmp_path / "spool/lock").symlink_to(target)
    with pytest.raises(SpoolError, match="cannot be written"), spool.sending():
        raise AssertionError("unreachable")
    assert target.read_text() == "precious"


def test_a_fifo_among_the_reports_holds_nobody_up(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BOUNDS)
    os.mkfifo(tmp_path / f"000000000001-{'0' * 32}{WAITING}")
    spool.put(numbered(2))
    with spool.sending():
        taken = [spool.take(file) for file in spool.waiting()]
    assert [each and each[1] for each in taken] == [None, numbered(2)]
    assert spool.count(REFUSED) == 1


def test_one_of_another_version_of_the_schema_is_left_waiting_for_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BOUNDS)
    spool.put(numbered(1) | {"schema": "imds-probe.report/v2"})
    spool.put(numbered(2))
    with spool.sending():
        taken = [spool.take(file) for file in spool.waiting()]
    assert [each and each[1] for each in taken] == [None, numbered(2)]
    assert spool.left == {"of another version of imds-probe": 1}
    assert (spool.count(WAITING), spool.count(REFUSED)) == (1, 0)


def test_an_earlier_versions_half_surrogates_go_no_further(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BOUNDS)
    spool.put(numbered(1) | {"rules": [{"\ud800": "a\udcffb"}]})
    with spool.sending():
        taken = spool.take(next(spool.waiting()))
    assert taken
    assert taken[1]["rules"] == [{"\\ud800": "a\\udcffb"}]


def test_one_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    Spool(tmp_path / "spool/file", BOUNDS)
    (tmp_path / "spool").chmod(0o777)
    with pytest.raises(SpoolError, match=f"{tmp_path}/spool can be written by other users"):
        Spool(tmp_path / "spool/file", BOUNDS, (tmp_path, tmp_path / "spool"))
    Spool(tmp_path / "spool/file", BOUNDS)
    os.chown(tmp_path / "spool/file", 4242, 4242)
    with pytest.raises(SpoolError, match="belongs to user 4242"):
        Spool(tmp_path / "spool/file", BOUNDS)


def test_what_a_killed_one_was_writing_is_removed_in_the_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path, BOUNDS)
    old, new = (tmp_path / f".00000000000{number}-x{WAITING}.12345678.new" for number in (1, 2))
    for each in (old, new):
        each.write_bytes(b"half")
    os.utime(old, (0, 0))
    spool.bound()
    assert (old.exists(), new.exists()) == (False, True)


PUT = """
import json, sys
from pathlib import Path
from imds_probe.sinks.spool import Spool
Spool(Path(sys.argv[1]), type("Bounds", (), {"reports": 100, "size_bytes": 10**8})).put(json.loads(sys.argv[2]))
"""
TAKE = """
import json, sys
from pathlib import Path
from imds_probe.sinks.spool import Spool
spool = Spool(Path(sys.argv[1]), type("Bounds", (), {"reports": 100, "size_bytes": 10**8}))
with spool.sending():
    print(json.dumps([spool.take(file)[1] for file in spool.waiting()]))
"""


@pytest.mark.parametrize("commit", [FIRST_RELEASE, SECOND_FORMAT])
def test_what_an_earlier_version_left_is_sent_and_the_other_way_round(tmp_path: Path, commit: str) -> None:
    earlier = earlier_version(tmp_path, commit)
    place = tmp_path / "spool"
    by_version(earlier, PUT, str(place), json.dumps(numbered(1)))
    spool = Spool(place, BOUNDS)
    with spool.sending():
        taken = spool.take(next(spool.waiting()))
    assert taken
    assert taken[1] == numbered(1)
    spool.give_back(taken[0], WAITING)
    spool.put(numbered(2))
    assert json.loads(by_version(earlier, TAKE, str(place))) == [numbered(1), numbered(2)]
