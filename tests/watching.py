"""A watch on the lab's instance, for tests that let somebody call meanwhile."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soon import SOON_S, wait_for

SOURCE = str(Path(__file__).parents[1])


# Before anything has taken these from their modules.
_PATIENT = """
with open("/proc/self/cmdline", "rb") as file:
    if {b"watch", b"daemon"} & {*file.read().split(b"\\0")}:
        from imds_probe.reading import looker
        looker.OF_A_DAEMON = looker.Patience(60.0, 60.0, 0.0)
        from imds_probe.watch import watcher
        watcher.ANSWER_WITHIN_S = 20.0
"""


def patient(directory: Path) -> dict[str, str]:
    """The environment of a watch or daemon that waits for what a slow machine is late with: else what a process was started with
    stays unknown after a tenth of a second, and how the service answered after one and a half. What makes it wait is written below
    `directory`.
    """
    place = directory / "patient"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_PATIENT)
    return {"PYTHONPATH": f"{place}:{SOURCE}"}


def numbered(number: int) -> str:
    """A path of the metadata service for each number from 0 to 65535: of paths that it has not, nothing is kept."""
    return f"/latest/meta-data/network/interfaces/macs/06:00:00:00:{number >> 8:02x}:{number & 255:02x}/mac"


class Watched:
    """What a watch said, once its block has been left."""

    def __init__(self, pid: int, out: int) -> None:
        self.pid = pid
        self._out = out
        self.code, self.out, self.err = 0, "", ""

    @property
    def so_far(self) -> list[str]:
        """The lines that it has written, within its block."""
        # pread, since the watch writes at the place that both have in the file.
        return os.pread(self._out, 1 << 24, 0).decode().splitlines()

    @property
    def calls(self) -> list[dict]:
        """With --json."""
        return [json.loads(line) for line in self.out.splitlines()]


@contextmanager
def watching(
    lab, *arguments: str, settle_s: float = 0.8, number: int = signal.SIGINT, hasty: bool = False
) -> Iterator[Watched]:
    """`hasty`: it waits for what is late no longer than where users run it, and says sooner what it has missed."""
    argv = [sys.executable, "-m", "imds_probe", "watch", *arguments]
    # Into files: a pipe that nobody reads would stop it.
    with (
        tempfile.TemporaryDirectory() as place,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        env = ({"PYTHONPATH": SOURCE} if hasty else patient(Path(place))) | {"PYTHONUNBUFFERED": "1"}
        child = lab.instance.start(argv, stdout=out, stderr=err, env=env)
        watched = Watched(child.pid, out.fileno())
        try:
            _wait_until_it_listens(child.pid)
            yield watched
            time.sleep(settle_s)
            child.send_signal(number)
            child.wait(timeout=2 * SOON_S)
        finally:
            child.kill()
            child.wait()
        for file in (out, err):
            file.seek(0)
        watched.code, watched.out, watched.err = child.returncode, out.read().decode(), err.read().decode()


def _wait_until_it_listens(pid: int) -> None:
    """Its packet socket receives packets of every protocol, which is the last that it does before it watches."""
    wait_for(lambda: _receives(Path(f"/proc/{pid}")))


def _receives(process: Path) -> bool:
    _, *sockets = (process / "net/packet").read_text().splitlines()
    of_all = {f"socket:[{each.split()[-1]}]" for each in sockets if each.split()[3] == "0003"}
    held = set()
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            held.add(os.readlink(descriptor))
    return bool(of_all & held)
