"""The two ways against each other, on trees of directories and links made at random; test_rootfs.py has the rest."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from imds_probe.system import confined
from imds_probe.system.confined import FileUnreadable, by_kernel, by_steps, pin

NAMES = ["a", "b", "c"]


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
    """What was found, by its inode; or the kind of failure."""
    try:
        fd = way(root_fd, path)
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


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_openat2_it_goes_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    class Refusing:
        def syscall(self, *_: object) -> int:
            confined.ctypes.set_errno(number)
            return -1

    monkeypatch.setattr(confined, "_LIBC", Refusing())
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("/a")
    fd = pin(tmp_path, "link")
    assert fd is not None
    assert os.fstat(fd).st_ino == (tmp_path / "a").stat().st_ino
    os.close(fd)


def test_a_path_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="too deep"):
        pin(tmp_path, "a/" * 200)
