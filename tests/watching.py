"""A watch on the lab's instance, for tests that let somebody call meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soon import SOON_S

SOURCE = str(Path(__file__).parents[1])


class Watched:
    """What a watch said, once its block has been left."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code, self.out, self.err = 0, "", ""

    @property
    def calls(self) -> list[dict]:
        """With --json."""
        return [json.loads(line) for line in self.out.splitlines()]


@contextmanager
def watching(lab, *arguments: str, settle_s: float = 0.8, number: int = signal.SIGINT) -> Iterator[Watched]:
    argv = [sys.executable, "-m", "imds_probe", "watch", *arguments]
    env = {"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"}
    child = lab.instance.start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    watched = Watched(child.pid)
    try:
        _wait_until_it_listens(child.pid)
        yield watched
        time.sleep(settle_s)
        child.send_signal(number)
        out, err = child.communicate(timeout=2 * SOON_S)
    finally:
        child.kill()
        child.wait()
    watched.code, watched.out, watched.err = child.returncode, out.decode(), err.decode()


def _wait_until_it_listens(pid: int) -> None:
    """A ring is a mapping of the packet socket."""
    deadline = time.monotonic() + SOON_S
    while "socket:" not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
