"""The readers have the least that they need: each system call and each capability is taken away in turn, and something of what
they read is missing then, or they say that they could not be confined.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import reading_tasks as tasks
from reading_tasks import At
from soon import wait_for

from imds_probe.reading import confinement
from imds_probe.reading.calls import ROLES
from imds_probe.reading.confinement import CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAPABILITIES, Role
from imds_probe.reading.reader import Reader

WITHIN_S = 20.0  # a reader that is kept from answering is not waited for any longer
OTHER = 998
# What the interpreter and the C library call when it suits them, of which a reading need not show anything.
OF_THE_RUNTIME = {
    "memory": {"mmap", "mprotect", "munmap", "mremap", "madvise", "brk"},
    "other threads and locks": {"futex", "gettid", "sched_yield"},
    "a signal, or being stopped and continued in a wait": {"rt_sigreturn", "rt_sigprocmask", "restart_syscall"},
    "clocks that the kernel does not lend to programs, as Xen's": {"clock_gettime"},
    "who it is, and seeds": {"getpid", "getrandom"},
    "its end": {"exit", "exit_group"},
    "C libraries that have another call for the same": {"poll", "ppoll", "fstat", "newfstatat", "readlink"},
}
# What is seen in other tests: a share whose server is gone, a file that is another one by now, an opener that hung.
SEEN_ELSEWHERE = {("opener", "fstatfs"), ("opener", "statx"), ("parser", "close")}
CALLS: list[tuple[Role, str]] = [
    (role, call.name)
    for role in ROLES
    for call in ROLES[role]
    if call.name not in set().union(*OF_THE_RUNTIME.values()) and (role, call.name) not in SEEN_ELSEWHERE
]
FEW = {("opener", "openat"), ("opener", "getdents64"), ("parser", "recvmsg")}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("least")
    (made / "file").write_text("content")
    (made / "large").write_bytes(b"x" * 3_000_000)
    (made / "directory").mkdir()
    for number in range(200):
        (made / f"directory/{number}").write_text("")
    (made / "link").symlink_to("/directory/../file")
    return made


def read(root: Path) -> dict[str, object]:
    """All that a reader says by all its ways, and how each of them ended."""
    paths = ("file", "large", "directory", "link", "none")
    said: dict[str, object] = {}
    with Reader(tasks.TASKS) as reader:
        for task in (tasks.ALL_WAYS, tasks.TOGETHER, tasks.LISTED_TOGETHER, tasks.BOMB):
            answer = reader.ask(task, At(str(root), paths), [root], time.monotonic() + WITHIN_S)
            said[task.id] = (answer.found, answer.failed)
    return said


@pytest.fixture(scope="module")
def whole(root: Path) -> Iterator[dict[str, object]]:
    yield read(root)


@pytest.mark.parametrize(
    ("role", "name"), [pytest.param(*each, marks=[] if each in FEW else pytest.mark.soak) for each in CALLS]
)
def test_without_a_system_call_something_is_not_read(
    root: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch, role: Role, name: str
) -> None:
    less = tuple(call for call in ROLES[role] if call.name != name)
    monkeypatch.setitem(confinement.ROLES, role, less)  # type: ignore[arg-type]
    assert read(root) != whole


def test_every_call_is_one_that_there_is() -> None:
    listed = {call.name for role in ROLES for call in ROLES[role]}
    assert set().union(*OF_THE_RUNTIME.values()) | {name for _, name in SEEN_ELSEWHERE} <= listed


@pytest.fixture
def anothers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[Path, str]]]:
    """What takes a capability, by its number: a root and a path in it. A file that its owner alone may read, and one by way
    of another user's process.
    """
    place = tmp_path_factory.mktemp("anothers")
    (place / "private").write_text("content")
    (place / "private").chmod(0o600)
    os.chown(place / "private", OTHER, OTHER)
    with subprocess.Popen(["setpriv", f"--reuid={OTHER}", "--clear-groups", "sleep", "infinity"]) as process:
        wait_for(lambda: os.stat(f"/proc/{process.pid}").st_uid == OTHER)
        yield {
            CAP_DAC_READ_SEARCH: (place, "private"),
            CAP_SYS_PTRACE: (Path(f"/proc/{process.pid}/root"), "etc/hostname"),
        }
        process.kill()


@pytest.mark.parametrize("capability", CAPABILITIES["opener"])
def test_without_a_capability_what_is_anothers_is_not_read(
    anothers: dict[int, tuple[Path, str]], monkeypatch: pytest.MonkeyPatch, capability: int
) -> None:
    root, path = anothers[capability]

    def said() -> str:
        with Reader(tasks.TASKS) as reader:
            answer = reader.ask(tasks.CONTENTS, At(str(root), (path,)), [root], time.monotonic() + WITHIN_S)
        return " ".join([each.said for each in answer.found] + [answer.failed or ""])

    assert "Permission denied" not in said()
    left = tuple(each for each in CAPABILITIES["opener"] if each != capability)
    monkeypatch.setitem(confinement.CAPABILITIES, "opener", left)
    assert "Permission denied" in said()
