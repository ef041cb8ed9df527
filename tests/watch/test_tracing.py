"""The kernel's own tracing, on this very machine, in instances of the tests' own."""

from __future__ import annotations

import errno
import os
import random
import re
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.watch import tracing as module
from imds_probe.watch.tracing import Firing, NotToBeHad, Tracing

BEGUN, RUN = "events/task/task_newtask", "events/sched/sched_process_exec"


@pytest.fixture
def runs() -> Iterator[Tracing]:
    tracing = Tracing(61, {RUN: ""}, 64)
    yield tracing
    tracing.close()


def of(firings: list[Firing], pid: int) -> list[Firing]:
    """Others run programs on this machine as well."""
    return [firing for firing in firings if firing.number("pid") == pid]


def ran(*argv: str) -> int:
    child = subprocess.Popen(argv)
    child.wait()
    return child.pid


def test_what_fired_is_read_once_with_its_time_thread_and_fields(runs: Tracing) -> None:
    before = time.monotonic_ns()
    pid = ran("/usr/bin/true")
    (firing,) = of(runs.firings(), pid)
    assert before < firing.at < time.monotonic_ns()
    assert (firing.event, firing.tid, firing.text("filename", 300)) == (RUN, pid, "/usr/bin/true")
    assert of(runs.firings(), pid) == []


def test_in_the_order_of_time_whatever_the_cpu(runs: Tracing) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    pids = [ran("/usr/bin/taskset", "-c", str(cpus[number % len(cpus)]), "/usr/bin/true") for number in range(8)]
    firings = runs.firings()
    assert [firing.at for firing in firings] == sorted(firing.at for firing in firings)
    ours = [firing for firing in firings if firing.number("pid") in pids]
    assert [firing.number("pid") for firing in ours] == [pid for pid in pids for _ in range(2)]  # taskset, then true


def test_what_fires_while_it_is_read_is_for_the_next_time(runs: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPUs are read one after another: its cause may be on one that was read before."""
    cause, effect, earlier = (Firing(at, at, RUN, {}, b"") for at in (60, 70, 40))
    lists = {1: [[], [cause]], 2: [[effect, earlier], []]}
    monkeypatch.setattr(runs, "_pipes", [1, 2])
    monkeypatch.setattr(runs, "_read", lambda pipe: lists[pipe].pop(0))
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: 50)
    assert runs.firings() == [earlier]
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: 100)
    assert runs.firings() == [cause, effect]


def test_only_what_the_filter_lets_through() -> None:
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    tracing = Tracing(62, {BEGUN: "", RUN: f"pid == {os.getpid()}"}, 64)
    try:
        assert (tracing.instance / RUN / "filter").read_text().strip() == f"pid == {os.getpid()}"
        pid = ran("/usr/bin/true")
        assert [firing.event for firing in of(tracing.firings(), pid)] == [BEGUN]
    finally:
        tracing.close()
        child.communicate()


def test_what_was_overwritten_is_said_and_the_newest_is_there() -> None:
    tracing = Tracing(63, {BEGUN: ""}, 4)
    try:
        before = time.monotonic_ns()
        assert tracing.lost_until == 0
        cpu = str(min(os.sched_getaffinity(0)))
        subprocess.run(
            ["/usr/bin/taskset", "-c", cpu, "/bin/sh", "-c", "for i in $(seq 2000); do (:); done"], check=True
        )
        firings = tracing.firings()
        assert before < tracing.lost_until < time.monotonic_ns()
        assert firings[-1].at > tracing.lost_until
        lost_until = tracing.lost_until
        pid = ran("/usr/bin/true")
        assert len(of(tracing.firings(), pid)) == 1
        assert tracing.lost_until == lost_until
    finally:
        tracing.close()


def test_hostile_text_is_printable(runs: Tracing, tmp_path: Path) -> None:
    program = tmp_path / "a\x1b[2J\nb"
    program.symlink_to("/usr/bin/true")
    pid = ran(str(program))
    (firing,) = of(runs.firings(), pid)
    assert firing.text("filename", 300) == f"{tmp_path}/a\\x1b[2J\\nb"
    assert len(firing.text("filename", 10)) <= 10


def test_a_field_that_this_kernels_event_has_not_is_empty() -> None:
    firing = Firing(1, 2, RUN, {"there": (0, 4)}, struct.pack("=I", 7))
    assert (firing.number("there"), firing.number("none"), firing.raw("none"), firing.text("none", 9)) == (
        7,
        0,
        b"",
        "",
    )


def test_an_event_that_is_not_there_leaves_nothing_behind(runs: Tracing) -> None:
    descriptors = os.listdir("/proc/self/fd")
    with pytest.raises(NotToBeHad, match="the kernel's tracing cannot be used: No such file or directory"):
        Tracing(64, {RUN: "", "events/none/such": ""}, 64)
    assert f"imds-probe-{os.getpid()}-64" not in os.listdir(runs.instance.parent)
    assert os.listdir("/proc/self/fd") == descriptors


def test_nor_does_one_that_is_closed() -> None:
    descriptors = os.listdir("/proc/self/fd")
    tracing = Tracing(65, {RUN: ""}, 64)
    assert len(tracing.filenos()) == len(list(tracing.instance.glob("per_cpu/cpu*")))
    instances = os.open(tracing.instance.parent, os.O_PATH)
    tracing.close()
    assert tracing.instance.name not in os.listdir(f"/proc/self/fd/{instances}")
    os.close(instances)
    assert os.listdir("/proc/self/fd") == descriptors


def test_one_that_was_left_behind_is_used_again() -> None:
    first = Tracing(66, {RUN: ""}, 64)
    second = Tracing(66, {RUN: ""}, 64)
    assert second.instance.name == first.instance.name
    pid = ran("/usr/bin/true")
    assert len(of(second.firings(), pid)) == 1
    second.close()
    first.close()


def test_what_a_killed_one_left_behind_is_taken_away() -> None:
    code = f"from imds_probe.watch.tracing import Tracing; t = Tracing(1, {{{RUN!r}: ''}}, 64)\n"
    code += "print(t.instance.name, flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    name = child.stdout.readline().decode().strip()
    beside = Tracing(67, {RUN: ""}, 64)
    try:
        assert name in os.listdir(beside.instance.parent)  # it lives
        child.kill()
        child.communicate()
        Tracing(68, {RUN: ""}, 64).close()
        assert name not in os.listdir(beside.instance.parent)
    finally:
        beside.close()


def test_where_others_processes_are_out_of_sight_nothing_of_theirs_is_taken_away(runs: Tracing) -> None:
    """Not even while it is made, when nobody reads it yet."""
    kept = runs.instance.with_name(f"imds-probe-{os.getpid()}-72")
    kept.mkdir()
    elsewhere = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--", sys.executable, "-c"]
    code = f"from imds_probe.watch.tracing import Tracing; Tracing(7, {{{RUN!r}: ''}}, 64).close()"
    try:
        subprocess.run([*elsewhere, code], check=True)
        assert kept.is_dir()
    finally:
        kept.rmdir()


def test_one_that_is_being_made_in_a_container_is_taken_away_when_all_of_the_container_has_ended(runs: Tracing) -> None:
    """Its process id is another one here, or nobody's."""
    argv = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "readlink /proc/self/ns/pid; exec sleep 600"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout
        inode = container.stdout.readline().strip().strip("pid:[]")
        made = runs.instance.with_name(f"imds-probe-4194305-1-{inode}")
        made.mkdir()
        try:
            Tracing(73, {RUN: ""}, 64).close()
            assert made.is_dir()
            container.kill()
            container.wait()
            wait_for(lambda: not pids_in(int(inode)))
            Tracing(74, {RUN: ""}, 64).close()
            assert not made.exists()
        finally:
            if made.exists():
                made.rmdir()


def pids_in(inode: int) -> list[str]:
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and module._pid_namespace(pid) == inode]


def test_its_name_tells_the_pid_namespace() -> None:
    code = f"from imds_probe.watch.tracing import Tracing; t = Tracing(1, {{{RUN!r}: ''}}, 64); print(t.instance.name)"
    argv = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--", sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"imds-probe-\d+-1-\d+", done.stdout.strip())


def test_one_that_was_swept_away_while_it_was_made_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    switched_on, tried = Tracing._switch_on, []

    def swept(tracing: Tracing, *arguments: object) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        switched_on(tracing, *arguments)

    monkeypatch.setattr(Tracing, "_switch_on", swept)
    Tracing(75, {RUN: ""}, 64).close()
    assert len(tried) == 2


def test_without_tracing_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tracefs", lambda: None)
    monkeypatch.setitem(module._FS, "fsopen", 100_000)  # no such system call
    with pytest.raises(NotToBeHad, match="tracefs cannot be mounted: Function not implemented"):
        Tracing(69, {RUN: ""}, 64)


def test_where_nobody_mounted_it_it_has_a_mount_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tracefs", lambda: None)
    tracing = Tracing(70, {RUN: ""}, 64)
    try:
        assert tracing.instance.is_relative_to("/proc/self/fd")
        pid = ran("/usr/bin/true")
        assert len(of(tracing.firings(), pid)) == 1
    finally:
        tracing.close()


def test_there_is_room_for_the_files_of_many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    module._make_room(4)
    assert set_to == []
    module._make_room(1500)
    module._make_room(100_000)
    (enough, hard), most = set_to
    assert 1500 + module.SPARE_FILES < enough < 4096 == hard
    assert most == (4096, 4096)


EVENT = 3 << 5 | 2  # three units of time after what was before, two words long


def page(*words: int, began_at: int = 1000) -> bytes:
    data = b"".join(struct.pack("=I", word) for word in words)
    return struct.pack("=QQ", began_at, len(data)) + data


def test_times_add_up_within_a_page() -> None:
    extended = page(EVENT, 7, 8, 1 << 5 | 30, 2, EVENT, 9, 10)  # <linux/ring_buffer.h>: the high bits come after
    assert list(module._records(extended)) == [
        (1003, struct.pack("=2I", 7, 8)),
        (1007 + (2 << 27), struct.pack("=2I", 9, 10)),
    ]
    stamped = page(5 << 5 | 31, 1, EVENT, 7, 8)
    assert [at for at, _ in module._records(stamped)] == [5 + (1 << 27) + 3]


def test_what_is_padded_is_passed_over_and_what_is_long_says_how_long() -> None:
    padded = page(4 << 5 | 29, 8, 0, EVENT, 7, 8)
    assert [at for at, _ in module._records(padded)] == [1007]
    assert list(module._records(page(3 << 5, 12, 7, 8))) == [(1003, struct.pack("=2I", 7, 8))]
    assert list(module._records(page(29, 0, EVENT, 7, 8))) == []  # nothing follows


def test_damaged_pages_end_somewhere() -> None:
    chance = random.Random(4)
    for _ in range(2000):
        damaged = struct.pack("=QQ", 1, chance.randrange(200)) + chance.randbytes(chance.randrange(200))
        assert len(list(module._records(damaged))) < 200


@pytest.mark.parametrize(
    "content", [b"", b"x" * 15, page(3 << 5), page(3 << 5 | 30), page(3 << 5 | 29), page(EVENT, 7)]
)
def test_a_page_that_is_cut_off_ends(content: bytes) -> None:
    assert len(list(module._records(content))) <= 1


def test_what_an_event_is_described_by() -> None:
    text = "name: x\nID: 42\nformat:\n\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
    assert module.read_format(text) == (42, {"comm": (8, 16)})
    with pytest.raises(NotToBeHad, match="without its number"):
        module.read_format(text.replace("ID", "DI"))
