from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from soon import wait_for

from imds_probe.system.own_processes import family

PROC = Path("/proc")


def test_a_child_and_what_that_has_started() -> None:
    started: list[subprocess.Popen[str]] = []
    go_on = threading.Event()

    def work() -> None:  # a child belongs to the thread that forked it
        argv = ["sh", "-c", "sleep 600 & echo $!; wait"]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True))
        go_on.wait()

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: started)
    (child,) = started
    assert child.stdout
    grandchild = int(child.stdout.readline())
    try:
        with subprocess.Popen(["sleep", "600"]) as another:
            assert family(PROC, child.pid) == {child.pid, grandchild}
            another.kill()
        assert family(PROC, grandchild) == frozenset()  # no child of ours
        assert family(PROC, 1) == frozenset()
    finally:
        go_on.set()
        thread.join()
        os.killpg(child.pid, 9)
        child.wait()
        child.stdout.close()
    assert family(PROC, child.pid) == frozenset()


def test_by_the_numbers_of_another_namespace() -> None:
    """As a container has them that looks at its host."""
    script = (
        "import os, sys; from pathlib import Path; from imds_probe.system.own_processes import family\n"
        "child = os.fork() or input() or os._exit(0)\nprint(child, *family(Path('/proc'), child), flush=True)"
    )
    argv = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as inside:
        try:
            assert inside.stdout
            own, *outside = map(int, inside.stdout.readline().split())
        finally:
            inside.kill()
    assert own < 10
    assert len(outside) == 1
    assert outside[0] > own


def test_where_this_process_is_not_shown_there_are_none(tmp_path: Path) -> None:
    assert family(tmp_path, 1) == frozenset()
    (tmp_path / "self").symlink_to("nonsense")
    assert family(tmp_path, 1) == frozenset()
