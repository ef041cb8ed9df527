"""Real user namespaces, of root's and of a user's."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.system.user_namespace import outermost_maker

MALLORY = 4242
AS_MALLORY = ("setpriv", f"--reuid={MALLORY}", f"--regid={MALLORY}", "--clear-groups")


@contextlib.contextmanager
def sleeping(*before):
    child = subprocess.Popen([*before, "sleep", "120"])
    try:
        wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
        yield child.pid
    finally:
        child.kill()
        child.wait()


def maker(pid):
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return outermost_maker(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), None),
        (AS_MALLORY, None),
        (("unshare", "--user"), 0),
        ((*AS_MALLORY, "unshare", "--user"), MALLORY),
        ((*AS_MALLORY, "unshare", "--user", "--map-root-user", "unshare", "--user"), MALLORY),
        (("unshare", "--user", "--map-root-user", "unshare", "--user"), 0),
    ],
)
def test_who_made_it(before, expected):
    with sleeping(*before) as pid:
        assert maker(pid) == expected


def test_nothing_is_left_open():
    with sleeping("unshare", "--user") as pid:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            maker(pid)
        assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_no_namespace_has_no_maker(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert outermost_maker(file.fileno()) is None
