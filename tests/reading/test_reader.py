"""A reader as a run has it, by tasks that do what is meant and what is not; reading_tasks.py has them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import control_groups
import psutil
import pytest
import reading_tasks as tasks
from fuse_share import share
from reading_tasks import At, Said
from soon import SOON_S, wait_for

from imds_probe.reading import messages as m
from imds_probe.reading import opener as openers
from imds_probe.reading import reader as readers
from imds_probe.reading.reader import Reader
from imds_probe.reading.task import Answer, Task
from imds_probe.reading.unanswered import FILE
from imds_probe.reading.whereabouts import Whereabouts


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """One that takes no opener for hanging that is only late."""
    with Reader(tasks.TASKS, reply_s=SOON_S) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (made / "file").write_text("content")
    return made


def soon() -> float:
    return time.monotonic() + SOON_S


def asked(reader: Reader, task: Task[At, Said], root: Path, *paths: str, deadline: float | None = None) -> Answer[Said]:
    return reader.ask(task, At(str(root), paths), [root], deadline or soon())


def works(reader: Reader, root: Path) -> bool:
    """Whether it reads as if nothing had been."""
    return asked(reader, tasks.CONTENTS, root, "file") == Answer((Said("file", "b'content'"),))


def hanging(reader: Reader) -> int:
    """The PID of the opener that there is."""
    assert reader._opener is not None
    return reader._opener.pid


def test_a_reader_at_rest_keeps_nothing_from_being_unmounted(reader: Reader, root: Path) -> None:
    (root / "directory").mkdir()
    (root / "directory/file").write_text("content")

    def held() -> list[str]:
        descriptors = f"/proc/{hanging(reader)}/fd"
        return [os.readlink(f"{descriptors}/{each}") for each in os.listdir(descriptors)]

    assert asked(reader, tasks.CONTENTS, root, "directory/file").found
    wait_for(lambda: str(root / "directory") not in held())
    assert works(reader, root)


def test_what_is_read_is_given_back(reader: Reader, root: Path) -> None:
    (root / "link").symlink_to("/file")
    (root / "out").symlink_to("../../../../../../../../etc/hostname")
    answer = asked(reader, tasks.CONTENTS, root, "file", "link", "none", "out", "file/none", ".")
    assert [each.said for each in answer.found] == [*["b'content'"] * 2, *["None"] * 3, ". is not a regular file"]
    assert answer.failed == ""


def test_all_ways_give_what_they_give_at_first_hand(reader: Reader, root: Path) -> None:
    (root / "long").write_bytes(os.urandom(5_000_000))
    (root / "exact").write_bytes(b"x" * 65536)
    (root / "empty").touch()
    (root / "sparse").write_bytes(b"")
    os.truncate(root / "sparse", 1 << 20)
    (root / "json").write_text('{"a": 1}')
    (root / "link").symlink_to("json")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    (root / "directory").mkdir()
    (root / "directory" / os.fsdecode(b"\xff\xfe")).touch()
    paths = (*sorted(os.listdir(root)), "none", "file/below", "directory/../file")
    first_hand = tuple(tasks._all_ways(At(str(root), paths)))
    answer = asked(reader, tasks.ALL_WAYS, root, *paths)
    assert answer == Answer(first_hand)


def test_what_cannot_be_read_is_said_of_names_in_any_encoding_too(reader: Reader, root: Path) -> None:
    """Anybody can give a file such a name: nothing else goes unread for it."""
    made = root / "made"
    (made / os.fsdecode(b"\xb4")).mkdir(parents=True)
    (made / "good").write_text("content")
    assert works(reader, root)
    at_first = hanging(reader)
    answer = asked(reader, tasks.OF_ANY_NAME, root, "made")
    assert answer.found == (
        Said("'made/good'", "\"b'content'\""),
        Said(r"'made/\udcb4'", r"'made/\\udcb4 is not a regular file'"),
    )
    assert answer.failed == r"made/\udcb4 is not a regular file"
    assert works(reader, root) and hanging(reader) == at_first


def test_small_files_come_together_and_others_are_left_to_who_opens_them(reader: Reader, root: Path) -> None:
    (root / "long").write_bytes(b"x" * 65536)
    (root / "short").write_bytes(b"y" * 65535)
    (root / "directory").mkdir()
    (root / "link").symlink_to("file")
    os.mkfifo(root / "fifo")
    many = [f"many/{number}" for number in range(100)]
    (root / "many").mkdir()
    for name in many:
        (root / name).write_text(name)
    paths = ("file", "link", "none", "long", "short", "directory", "fifo", "file/none", *many)
    answer = asked(reader, tasks.TOGETHER, root, *paths)
    expected = {"file": "content", "link": "content", "short": "y" * 65535, **{name: name for name in many}}
    said = {path: f"{tasks.hash_of(text.encode())} {len(text)}" for path, text in expected.items()}
    assert {each.about: each.said for each in answer.found} == {**said, "none": "None", "file/none": "None"}


def test_more_than_one_message_has_room_for_is_opened_one_by_one(reader: Reader, root: Path) -> None:
    paths = [f"file{number}" for number in range(100)]
    for path in paths:
        (root / path).write_bytes(b"x" * 65000)
    found = asked(reader, tasks.TOGETHER, root, *paths).found
    assert found
    assert {each.said for each in found} == {f"{tasks.hash_of(b'x' * 65000)} 65000"}


def test_directories_are_listed_together_and_others_are_left_to_who_asks_for_them(reader: Reader, root: Path) -> None:
    for name in ("b/x", "b/y", "empty"):
        (root / name).mkdir(parents=True)
    (root / "link").symlink_to("b")
    (root / "loop").symlink_to("loop")
    many = [f"many/{number}" for number in range(100)]
    for name in many:
        (root / name / "z").mkdir(parents=True)
    (answer, *more) = asked(
        reader, tasks.LISTED_TOGETHER, root, "b", "empty", "none", "file", "loop", "link", *many
    ).found
    said = {each.about: each.said for each in (answer, *more)}
    assert said == {"b": "x y", "empty": "", "none": "", "file": "", "link": "x y", **dict.fromkeys(many, "z")}


def test_more_names_than_there_is_room_for_are_asked_for_one_by_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "b/2", "b/3", "c/4"):
        (root / name).mkdir(parents=True)
    monkeypatch.setattr(openers, "ENTRIES_MAX", 2)
    (run, orders), (parser, door) = socket.socketpair(), socket.socketpair()
    with run, orders, parser, door:
        opener = openers.Opener(orders, door, Whereabouts.made().descriptor)
        opener._files.grant(str(root), [], [])
        request = m.AllNames(os.fsencode(root), [b"a", b"b", b"c"])
        assert opener._reply(request) == m.AllListed([[b"1"], [b"2", b"3"], None])


def test_only_what_was_granted_is_opened(reader: Reader, root: Path) -> None:
    (answer,) = reader.ask(tasks.CONTENTS, At("/", ("etc/hostname",)), [root], soon()).found
    assert "it was not granted" in answer.said
    (answer,) = reader.ask(tasks.HEADS, At("/", ("/etc/hostname",)), [root], soon()).found
    assert answer.said == "EPERM"
    assert works(reader, root)
    (answer,) = reader.ask(tasks.CONTENTS, At(str(root), ("file",)), [], soon()).found
    assert "it was not granted" in answer.said


def test_modules_are_there_only_if_they_were_asked_for_beforehand(reader: Reader, root: Path) -> None:
    at = At(str(root), ("colorsys", "no_such_module"))
    assert [each.said for each in reader.ask(tasks.IMPORTS, at, [root], soon()).found] == ["ImportError"] * 2
    answer = reader.ask(tasks.IMPORTS, at, [root], soon(), modules=["colorsys", "no_such_module"])
    assert [each.said for each in answer.found] == ["colorsys", "ImportError"]


def test_it_can_do_nothing_else(reader: Reader, root: Path) -> None:
    (root / "kept").write_text("kept")
    answer = asked(reader, tasks.ATTEMPTS, root)
    assert answer.failed == ""
    assert {each.said for each in answer.found} == {"EPERM"}, answer
    assert (root / "kept").read_text() == "kept"
    assert sorted(os.listdir(root)) == ["file", "kept"]


def test_another_containers_file_is_read(reader: Reader, tmp_path: Path) -> None:
    """With mounts, processes and users of its own, as containers have."""
    place = tmp_path / "mounted"
    place.mkdir()
    script = f"mount -t tmpfs none {place} && echo inside >{place}/file && echo ready && exec sleep 600"
    argv = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as container:
        try:
            assert container.stdout
            assert container.stdout.readline() == "ready\n"
            (pid,) = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
            answer = asked(reader, tasks.CONTENTS, Path(f"/proc/{pid}/root"), f"{place}/file")
            assert not (place / "file").exists()
        finally:
            container.kill()
    assert answer == Answer((Said(f"{place}/file", r"b'inside\n'"),))


def test_processes_are_read(reader: Reader) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", "argument"], stdin=subprocess.PIPE) as process:
        at = f"/proc/{process.pid}"
        wait_for(lambda: b"argument" in Path(at, "cmdline").read_bytes())
        answer = reader.ask(
            tasks.HEADS, At(at, (f"{at}/cmdline", f"{at}/environ", f"{at}/maps")), [Path("/proc")], soon()
        )
        process.kill()
    cmdline, environ, maps = (each.said for each in answer.found)
    assert "argument" in cmdline
    assert "PATH=" in environ
    assert "r-xp" in maps


@pytest.mark.parametrize(
    ("task", "failed"),
    [
        (tasks.BOMB, readers.OUT_OF_MEMORY),
        (tasks.DIES, readers.BROKEN),
        (tasks.OF_ANOTHER_TYPE, readers.NONSENSE),
        (tasks.LONG, readers.NONSENSE),
        (tasks.NO_MESSAGE, readers.NONSENSE),
        (tasks.LIES, readers.NONSENSE),
        (tasks.COMPLAINS, "it is all wrong. Do better."),
    ],
)
def test_what_was_found_before_it_broke_is_kept(reader: Reader, root: Path, task: Task[At, Said], failed: str) -> None:
    answer = asked(reader, task, root)
    assert answer == Answer((Said("before", str(root)),), failed)
    assert works(reader, root)


def test_a_bug_is_said_with_its_place(reader: Reader, root: Path) -> None:
    answer = asked(reader, tasks.BREAKS, root)
    assert answer.found == (Said("before", str(root)),)
    assert answer.failed == "KeyError: 'a bug'"
    assert "_breaks" in answer.traceback
    assert works(reader, root)


def test_more_than_is_taken_is_too_much(reader: Reader, root: Path) -> None:
    answer = reader.ask(tasks.FLOOD, At("0123456789"), [root], soon())
    assert answer.failed == readers.TOO_MUCH
    assert answer.found
    assert works(reader, root)


def test_what_takes_too_long_is_ended(reader: Reader, root: Path) -> None:
    assert works(reader, root)
    began = time.monotonic()
    answer = asked(reader, tasks.SPIN, root, deadline=began + 8)  # a busy machine says late what comes before
    assert answer == Answer((Said("before", str(root)),), readers.OUT_OF_TIME)
    assert time.monotonic() - began < SOON_S / 2
    assert works(reader, root)


def test_who_waits_for_another_waits_no_longer_than_its_own_time(reader: Reader, root: Path) -> None:
    assert works(reader, root)
    other = threading.Thread(target=lambda: asked(reader, tasks.SPIN, root))
    other.start()
    wait_for(reader._lock.locked)
    assert asked(reader, tasks.CONTENTS, root, "file", deadline=time.monotonic() + 0.1) == Answer(
        (), readers.OUT_OF_TIME
    )
    os.kill(reader._parser.pid, 9)
    other.join()
    assert works(reader, root)


def test_a_killed_worker_is_replaced(reader: Reader, root: Path) -> None:
    assert works(reader, root)
    for kind in ("_parser", "_opener"):
        os.kill(getattr(reader, kind).pid, 9)
        answer = asked(reader, tasks.CONTENTS, root, "file")
        assert answer.failed in ("", readers.BROKEN)
        wait_for(lambda: works(reader, root))


def test_at_rest_nobody_is_there_who_reads_and_the_next_task_has_new_ones(root: Path) -> None:
    with Reader(tasks.TASKS) as reader:
        reader.rest()  # nobody has begun
        assert works(reader, root)
        before = {worker.pid for worker in (reader._parser, reader._opener)}
        reader.rest()
        assert not any(Path(f"/proc/{pid}").exists() for pid in before)
        assert works(reader, root)
        with reader._lock:  # somebody asks
            reader.rest()
            assert hanging(reader) not in before
        assert works(reader, root)


@pytest.mark.parametrize("operation", ["lookup", "getattr", "open", "read", "readdir"])
def test_a_share_that_never_answers_costs_its_own_files_only(tmp_path: Path, root: Path, operation: str) -> None:
    place = tmp_path / "share"
    with Reader(tasks.TASKS) as reader, share(place, operation) as (server, _):
        inside = Path(f"/proc/{server}/root")
        ways = reader.ask(tasks.ALL_WAYS, At(str(inside), (f"{place}/file", str(place))), [inside], soon())
        other = asked(reader, tasks.CONTENTS, inside, str(root / "file"), f"{place}/file")
        silent = hanging(reader)
        again = asked(reader, tasks.CONTENTS, inside, f"{place}/file", str(root / "file"))
        assert hanging(reader) == silent  # the share is not asked again
    assert ways.failed == ""
    assert len(ways.found) == 17
    assert any("does not answer" in each.said or each.said == "ETIMEDOUT" for each in ways.found)
    assert other.found[0].said == "b'content'"
    assert again.found[-1].said == "b'content'"
    assert "does not answer" in again.found[0].said


# One thread reads a page of a share by way of the process's own memory, and has the lock on it meanwhile; another one waits
# to change the memory, and whoever comes after waits behind it. Reading the arguments takes this lock.
MEMORY_THAT_IS_LOCKED = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
file, memory = os.open(sys.argv[1], os.O_RDONLY), os.open('/proc/self/mem', os.O_RDONLY)
place = libc.mmap(None, 4096, 1, 2, file, 0)
reads = threading.Thread(target=os.pread, args=(memory, 8, place))
reads.start()
pread64 = {'x86_64': '17', 'aarch64': '67'}[os.uname().machine]
while open(f'/proc/self/task/{reads.native_id}/syscall').read().split()[0] != pread64:  # it is named while it waits in it
    time.sleep(0.01)
libc.mmap(None, 4096, 1, 0x22, -1, 0)
"""


def is_held_up(process: int) -> bool:
    """Whether its first thread waits in the kernel, and cannot even be interrupted."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "D"


def test_arguments_that_never_come_cost_this_process_only(tmp_path: Path) -> None:
    """What any process can do to its own, with a share of its own making."""
    place = tmp_path / "share"
    started = (sys.executable, "-c", MEMORY_THAT_IS_LOCKED, str(place / "file"))
    with Reader(tasks.TASKS) as reader, share(place, "read", 10_000, started) as (_, process):
        wait_for(lambda: is_held_up(process))
        paths = (f"/proc/{process}/cmdline", f"/proc/{os.getpid()}/cmdline", f"/proc/{process}/stat")
        first = reader.ask(tasks.HEADS, At("", paths), [Path("/proc")], soon())
        hung = hanging(reader)
        again = reader.ask(tasks.HEADS, At("", paths), [Path("/proc")], soon())
        assert hanging(reader) == hung
    assert "python" in first.found[1].said
    assert [each.said for each in first.found] == ["ETIMEDOUT", first.found[1].said, "EHOSTDOWN"]
    assert [each.said for each in again.found] == ["EHOSTDOWN", first.found[1].said, "EHOSTDOWN"]


def test_what_cannot_be_killed_is_left_behind_and_its_place_is_not_touched_by_later_runs(
    tmp_path: Path, root: Path
) -> None:
    """The freezer of control groups v1 keeps a process from ending, as a share of a dead server does."""
    state = tmp_path / "state"
    reading, writing = os.pipe()
    with control_groups.frozen(f"imds-probe-test-{os.getpid()}") as group:
        with Reader(tasks.TASKS, state) as reader:
            assert works(reader, root)
            left = hanging(reader)
            group.take(left)
            answer = asked(reader, tasks.CONTENTS, root, "file")
            assert "does not answer" in answer.found[0].said
            assert hanging(reader) != left
            assert (state / FILE).exists()
        assert Path(f"/proc/{left}").exists()
        os.close(writing)
        assert os.read(reading, 1) == b""  # nobody who waits for the end of a pipe waits for it
        with Reader(tasks.TASKS, state) as later:
            answer = asked(later, tasks.CONTENTS, root, "file")
            assert "does not answer" in answer.found[0].said
            assert asked(later, tasks.CONTENTS, root, "none").found[0].said == "None"
        group.thaw()
        wait_for(lambda: not Path(f"/proc/{left}").exists())
        with Reader(tasks.TASKS, state) as at_last:
            assert works(at_last, root)
    os.close(reading)


def test_what_ends_later_than_it_is_waited_for_leaves_nothing_behind(tmp_path: Path, root: Path) -> None:
    """A daemon's readers live for months, on hosts that are busy now and then."""
    with (
        control_groups.frozen(f"imds-probe-test-{os.getpid()}") as group,
        Reader(tasks.TASKS, tmp_path / "state") as reader,
    ):
        assert works(reader, root)
        late = hanging(reader)
        group.take(late)
        assert "does not answer" in asked(reader, tasks.CONTENTS, root, "file").found[0].said
        group.thaw()
        wait_for(lambda: psutil.Process(late).status() == psutil.STATUS_ZOMBIE)
        os.kill(hanging(reader), signal.SIGKILL)  # the next one is forked
        asked(reader, tasks.CONTENTS, root, "none")
        assert not psutil.pid_exists(late)


def test_a_hundred_megabytes_are_within_bounds(reader: Reader, root: Path) -> None:
    with (root / "long").open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(1 << 20))
    answer = asked(reader, tasks.LENGTHS, root, "long")
    assert answer == Answer((), readers.OUT_OF_MEMORY)
    assert works(reader, root)
    # What the parser took is known of afterwards, and about as much as it may take. What it gave back of what it shares with
    # this process counts, too, which is long here.
    shared = psutil.Process().memory_info().rss
    assert 0.5 < reader.peak_memory_bytes / (readers.MEMORY_MIB << 20) < 3 + shared / (readers.MEMORY_MIB << 20)


@pytest.mark.parametrize(("left_s", "most_s"), [(40.0, range(20, 42)), (-5.0, range(1, 2)), (None, range(1000, 1001))])
def test_no_worker_takes_more_of_a_cpu_than_there_is_time(root: Path, left_s: float | None, most_s: range) -> None:
    deadline = None if left_s is None else time.monotonic() + left_s
    with Reader(tasks.TASKS, deadline=deadline) as reader:
        assert works(reader, root)
        assert reader._parser is not None
        for pid in (reader._parser.pid, hanging(reader)):
            (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "cpu time" in line]
            assert int(line.split()[3]) in most_s


def test_nothing_is_left_of_it() -> None:
    before = set(os.listdir("/proc/self/fd"))
    with Reader(tasks.TASKS) as reader:
        reader.ask(tasks.CONTENTS, At("/", ("etc/hostname",)), [Path("/")], soon())
        assert reader._parser is not None
        pids = [reader._parser.pid, hanging(reader), reader.pid]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert set(os.listdir("/proc/self/fd")) == before


def test_it_ends_with_whoever_made_it() -> None:
    """However that ends."""
    script = (
        "import time, sys\nfrom pathlib import Path\nimport reading_tasks as tasks\n"
        "from imds_probe.reading.reader import Reader\nreader = Reader(tasks.TASKS)\n"
        "reader.ask(tasks.CONTENTS, tasks.At('/', ('etc/hostname',)), [Path('/')], time.monotonic() + 60)\n"
        "print(reader._parser.pid, reader._opener.pid, reader.pid, flush=True)\ntime.sleep(600)"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env) as owner:
        assert owner.stdout
        pids = owner.stdout.readline().split()
        owner.kill()
        assert owner.stdout.read() == ""
    assert len(pids) == 3
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_it_works_where_there_is_no_standard_stream() -> None:
    script = (
        "import os, time\nfor descriptor in range(3): os.close(descriptor)\n"
        "from pathlib import Path\nimport reading_tasks as tasks\nfrom imds_probe.reading.reader import Reader\n"
        "with Reader(tasks.TASKS) as reader:\n"
        "    got = reader.ask(tasks.CONTENTS, tasks.At('/', ('etc/none',)), [Path('/')], time.monotonic() + 60)\n"
        "os._exit(0 if got.found == (tasks.Said('etc/none', 'None'),) else 1)"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    assert subprocess.run([sys.executable, "-c", script], env=env, check=False).returncode == 0
