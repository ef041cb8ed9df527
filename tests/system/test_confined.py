"""The two ways against each other, on trees of directories and links made at random; test_rootfs.py has the rest."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.system import confined
from imds_probe.system.confined import FileUnreadable, by_kernel, by_steps, pin

NAMES = ["a", "b", "c"]
UNTIL_IT_ANSWERS = 100_000


def tree(root: Path, chance: random.Random) -> None:
    """Directories, files and links, some of them to each other, to nothing, or out of the root."""
    here = [root]
    for _ in range(12):
        place = chance.choice(here) / chance.choice(NAMES)
        if place.exists() or place.is_symlink():
            continue
        kind = chance.randrange(4)
        if kind == 0:
            place.write_text("x")
        elif kind == 1:
            place.mkdir()
            here.append(place)
        else:
            parts = [chance.choice([*NAMES, "..", ".", "/"]) for _ in range(chance.randint(1, 4))]
            place.symlink_to("/".join(parts))


def looked_up(way, root_fd: int, path: str) -> object:
    """What was found, by its inode; or the kind of failure. The kernel is asked until it answers, as it has no answer for
    a while where others rename anything on this machine.
    """
    try:
        found = (way(root_fd, path) for _ in range(UNTIL_IT_ANSWERS))
        fd = next((fd for fd in found if fd is not None), None)
    except OSError as error:
        absent = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return "absent" if absent else errno.errorcode[error.errno or 0]
    assert fd is not None
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


@pytest.mark.parametrize("seed", range(60))
def test_both_ways_find_the_same(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    root = tmp_path / "root"
    root.mkdir()
    tree(root, chance)
    held = os.open(root, os.O_PATH | os.O_DIRECTORY)
    found = 0
    try:
        for _ in range(40):
            path = "/".join(chance.choice([*NAMES, "..", "."]) for _ in range(chance.randint(1, 5)))
            by_kernel_found, by_steps_found = (looked_up(way, held, path) for way in (by_kernel, by_steps))
            assert by_kernel_found == by_steps_found, path
            found += isinstance(by_steps_found, int)
    finally:
        os.close(held)
    assert found


def test_magic_links_of_proc_lead_nowhere(tmp_path: Path) -> None:
    """A container with a /proc of its own could offer /proc/1/root, which the kernel would jump through."""
    (tmp_path / "secret").write_text("x")
    held = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        for way in (by_kernel, by_steps):
            assert looked_up(way, held, f"/proc/{os.getpid()}/cwd/none-such") in ("absent", "ELOOP")
        assert looked_up(by_kernel, held, f"/proc/{os.getpid()}/root{tmp_path}/secret") == "ELOOP"
    finally:
        os.close(held)


@pytest.mark.parametrize(
    ("number", "asked"),
    [(errno.ENOSYS, 1), (errno.EPERM, 1), (errno.EAGAIN, confined.TRIES)],
    ids=["none", "denied", "again"],
)
def test_without_an_answer_of_openat2_it_goes_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, asked: int
) -> None:
    class Refusing:
        times = 0

        def syscall(self, *_: object) -> int:
            self.times += 1
            confined.ctypes.set_errno(number)
            return -1

    refusing = Refusing()
    monkeypatch.setattr(confined, "_LIBC", refusing)
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("/a")
    fd = pin(tmp_path, "link")
    assert fd is not None
    assert os.fstat(fd).st_ino == (tmp_path / "a").stat().st_ino
    assert refusing.times == asked
    os.close(fd)


def test_whoever_renames_things_elsewhere_hides_nothing(tmp_path: Path) -> None:
    """With ".." on the way the kernel has no answer while anything is renamed anywhere."""
    (tmp_path / "root/a/b").mkdir(parents=True)
    (tmp_path / "root/a/c").write_text("x")
    inode = (tmp_path / "root/a/c").stat().st_ino
    script = "import os, sys\nos.chdir(sys.argv[1])\nopen('x', 'w').close()\nprint(flush=True)\n"
    script += "while True: os.rename('x', 'y'); os.rename('y', 'x')"
    renaming = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert renaming.stdout
        renaming.stdout.readline()
        for _ in range(2000):
            fd = pin(tmp_path / "root", "a/b/../../a/b/../c")
            assert fd is not None
            assert os.fstat(fd).st_ino == inode
            os.close(fd)
    finally:
        renaming.kill()
        renaming.communicate()


def test_a_path_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="too deep"):
        pin(tmp_path, "a/" * 200)


@pytest.mark.parametrize("path", ["a\ud800", "\udfff/x", "a\0b"])
def test_what_no_name_can_be_is_said(tmp_path, path):
    with pytest.raises(FileUnreadable, match="not valid text|is nowhere"):
        pin(tmp_path, path)
