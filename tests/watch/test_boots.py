from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.facts.callers import BOOT_S, last_whole
from imds_probe.watch import boots
from imds_probe.watch.boots import FILE, Boot, BootWatch, ThisBoot, as_facts, decoded, encoded, read
from imds_probe.watch.sealed import sealed

NOW, AGO = 1_700_000_000.0, 1000.0
PRESENT, BEFORE = "a" * 36, "b" * 36


class Watching:
    """A daemon that began `began_s` after the boot."""

    def __init__(self, place: Path, began_s: float = 3.0, boot_id: str = PRESENT, *, from_start: bool = True) -> None:
        self.steady, self.place, self.said = 500.0, place, list[str]()
        self.wall = NOW + began_s
        current = ThisBoot(boot_id, began_s)
        self.watch = BootWatch(
            place,
            self.said.append,
            current,
            from_start=from_start,
            clock=lambda: self.wall,
            steady=lambda: self.steady,
        )

    def go_on(self, seconds: float, *, lost: bool = False, imdsv1: int = 0, unseen_s: float = 0.0) -> None:
        self.steady += unseen_s
        began = self.steady
        self.steady += seconds
        self.wall += seconds + unseen_s
        self.watch.kept(began, self.steady, lost=lost, imdsv1=imdsv1)

    def boot(self) -> Boot:
        self.watch.end()
        return read(self.place)[-1]


def test_a_boot_that_is_watched_from_its_start_is_whole_after_an_hour(tmp_path):
    watching = Watching(tmp_path)
    for _ in range(119):
        watching.go_on(30.0)
    assert not as_facts(read(tmp_path), NOW, None, None)[-1].is_whole(14 * 86400)
    for _ in range(10):
        watching.go_on(30.0)
    assert watching.boot() == Boot(PRESENT, NOW, 3.0, True, BOOT_S - 3.0, 0)
    (fact,) = as_facts(read(tmp_path), NOW + 5000, None, None)
    assert (fact.is_whole(14 * 86400), fact.booted, fact.age_s) == (True, "2023-11-14T22:13:20Z", 5000)
    assert watching.said == []


@pytest.mark.parametrize("how", ["lost", "gap", "another daemon"])
def test_a_gap_ends_what_was_watched_of_it(tmp_path, how):
    watching = Watching(tmp_path)
    watching.go_on(60.0)
    if how == "another daemon":
        watching.boot()
        watching = Watching(tmp_path, began_s=70.0, from_start=False)
    watching.go_on(30.0, lost=how == "lost", unseen_s=5.0 if how == "gap" else 0.0)
    watching.go_on(BOOT_S)
    assert (watching.boot().began_s, watching.boot().watched_s) == (3.0, 60.0)


def test_calls_count_in_the_first_hour(tmp_path):
    watching = Watching(tmp_path)
    watching.go_on(30.0, imdsv1=2)
    watching.go_on(BOOT_S, imdsv1=1)
    watching.go_on(30.0, imdsv1=4)
    assert watching.boot().imdsv1 == 3


def test_a_daemon_that_came_late_says_so_and_of_what_came_before_nothing(tmp_path):
    late = Watching(tmp_path, began_s=90_000.0, from_start=False)
    late.go_on(30.0, imdsv1=3)
    assert late.boot() == Boot(PRESENT, NOW, 90_000.0, False, 0.0, 0)


def test_each_boot_is_on_record_up_to_a_number(tmp_path):
    for number in range(boots.BOOTS_MAX + 3):
        watching = Watching(tmp_path, boot_id=f"{number:036x}")
        watching.go_on(30.0)
        watching.watch.end()
    assert len(read(tmp_path)) == boots.BOOTS_MAX
    assert (tmp_path / FILE).stat().st_size < boots.SIZE_MAX_BYTES
    assert read(tmp_path)[-1].boot_id == f"{boots.BOOTS_MAX + 2:036x}"


def test_a_file_that_is_damaged_makes_no_boot_watched(tmp_path):
    watching = Watching(tmp_path)
    watching.go_on(BOOT_S)
    watching.boot()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[-20] ^= 1
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match="not what was written"):
        read(tmp_path)
    again = Watching(tmp_path, began_s=4000.0, from_start=False)
    assert "no earlier boot counts as watched" in again.said[0]
    again.go_on(30.0)
    assert again.boot().from_start is False


def test_what_cannot_be_written_is_written_later(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    watching = Watching(place)
    watching.go_on(30.0)
    place.unlink()
    place.mkdir()
    watching.go_on(30.0)
    assert watching.boot().watched_s == 60.0


def test_a_history_that_was_lost_takes_the_boots_before_with_it():
    whole = Boot(PRESENT, NOW - AGO, 3.0, True, BOOT_S - 3.0)
    for lost_at, counts in ((None, True), (NOW - AGO - 1, True), (NOW - AGO + 1, False)):
        assert as_facts((whole,), NOW, None, lost_at)[0].is_whole(86400.0) == counts


def test_a_boot_that_nobody_watched_is_named_as_such():
    before = Boot(BEFORE, NOW - 10 * AGO, 3.0, True, BOOT_S - 3.0)
    found = as_facts((before,), NOW, ThisBoot(PRESENT, AGO), None)
    assert [(each.boot_id, each.age_s, each.began_s, each.from_start) for each in found] == [
        (BEFORE, 10 * AGO, 3.0, True),
        (PRESENT, AGO, AGO, False),
    ]
    assert last_whole(found, 86400.0) is None  # what a later boot called, nobody saw


def test_a_present_boot_is_as_old_as_the_kernel_says_whatever_the_clock_was():
    wrong = Boot(PRESENT, 100.0, 3.0, True, 900.0)
    (fact,) = as_facts((wrong,), NOW, ThisBoot(PRESENT, 1000.0), None)
    assert (fact.age_s, fact.is_under_way, fact.is_whole(14 * 86400)) == (1000.0, True, False)


@pytest.mark.parametrize(
    "boot",
    [
        Boot("x y", 0.0, 0.0, True),
        Boot(PRESENT, -1.0, 0.0, True),
        Boot(PRESENT, 0.0, 0.0, True, BOOT_S + 1),
        Boot(PRESENT, 0.0, 0.0, True, 0.0, -1),
        Boot(PRESENT, 1e300, 0.0, True),
    ],
)
def test_what_cannot_be_is_not_believed(boot):
    with pytest.raises(ValueError, match="not possible"):
        decoded(encoded((boot,)))


def test_the_present_boot_is_that_of_the_first_process():
    found = boots.this_boot()
    assert found.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < found.up_s <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert boots.this_boot(Path("/nowhere")) is None


CONNECTED = """
import socket, sys
from pathlib import Path
from imds_probe.watch.boots import nothing_was_connected
print(nothing_was_connected())
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
print(nothing_was_connected())
"""


@pytest.mark.parametrize("inside", [True, False])
def test_the_kernel_counts_who_has_connected_since_the_boot(inside):
    """In a network of its own with its first process in it, as a host is; in that network alone, as a container is."""
    place = ["--net", "--pid", "--fork", "--mount-proc", "--kill-child"] if inside else ["--net"]
    script = f"ip link set lo up && exec {sys.executable} -c '{CONNECTED}'"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["unshare", *place, "--", "sh", "-c", script], capture_output=True, text=True, check=True, env=env, timeout=120
    )
    assert done.stdout.split() == (["True", "False"] if inside else ["False", "False"])


DAY_S = 86_400.0
MONTHS_AGO = NOW - 89 * DAY_S


@pytest.mark.parametrize(
    ("on_record", "until", "counts", "expected"),
    [
        (5, MONTHS_AGO - DAY_S, (5, 2), 2),
        (5, MONTHS_AGO - DAY_S, (7, 0), 0),
        (5, MONTHS_AGO - DAY_S, (4, 1), None),  # some were forgotten already
        (5, MONTHS_AGO - 3 * DAY_S, (5, 2), None),  # there is time: they may go on yet
        (5, MONTHS_AGO + 1, (5, 2), None),  # too late
        (0, MONTHS_AGO - DAY_S, (9, 9), None),
    ],
)
def test_who_called_at_a_boot_alone_is_noted_before_it_is_forgotten(tmp_path, on_record, until, counts, expected):
    old = Boot(BEFORE, MONTHS_AGO, 2.0, True, BOOT_S - 2, on_record)
    tmp_path.chmod(0o700)
    (tmp_path / FILE).write_bytes(encoded((old,)))
    watching = Watching(tmp_path)
    watching.go_on(30.0)
    asked = []

    def at_boot(hours):
        asked.append(hours)
        return counts

    watching.watch.settle(at_boot, until)
    assert read(tmp_path)[0] == replace(old, only_then=expected)
    assert [*map(len, asked)] == ([2] if on_record and counts and until in (MONTHS_AGO - DAY_S,) else [])
    # The present boot goes on as before.
    watching.go_on(60.0)
    assert watching.boot().watched_s == 90.0


def test_the_present_boot_is_noted_as_well(tmp_path):
    watching = Watching(tmp_path)
    watching.go_on(BOOT_S + 10, imdsv1=3)
    watching.watch.settle(lambda hours: (3, 1), NOW - DAY_S)
    assert (watching.boot().imdsv1, watching.boot().only_then) == (3, 1)
    watching.watch.settle(lambda hours: (3, 0), NOW - DAY_S / 2)  # it went on since
    assert watching.boot().only_then == 0


def test_a_record_of_before_has_no_such_note():
    boot = Boot(BEFORE, NOW, 2.0, True, 5.0, 1)
    fields = {
        name: getattr(boot, name) for name in ("boot_id", "booted", "began_s", "from_start", "watched_s", "imdsv1")
    }
    assert decoded(sealed(json.dumps([fields]).encode())) == (boot,)
    with pytest.raises(ValueError, match="possible"):
        decoded(encoded((Boot(BEFORE, NOW, 2.0, True, 5.0, 1, -1),)))
