"""A view has of its layers what a mount of them would have: the kernel's own is what it is held to."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.system import rootfs
from imds_probe.system.door import FileStatus
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.views import View, Views
from imds_probe.system.walk import Budget, Sought

VIEW = Path("/.view")
BELOW: dict[str, str | bytes | Path] = {
    "/etc/a": "below",
    "/etc/b": "below",
    "/etc/only": "below",
    "/bin/sh": "below",
    "/usr/lib/x": "below",
    "/usr/lib/y": "below",
    "/lib": Path("usr/lib"),
    "/old/deep/f": "below",
    "/again/f": "below",
    "/file": "below",
    "/null": Path("/dev/null"),
    "/dev/null": "below",
}
MIDDLE: dict[str, str | bytes | Path] = {"/etc/a": "middle", "/usr/lib/z": "middle", "/up": Path("../../../etc")}
ABOVE: dict[str, str | bytes | Path] = {
    "/etc/c": Path("/usr/lib/x"),
    "/again/g": "above",
    "/file/is/now": "above",
    "/out": Path("../../../../../../etc/only"),
    "/round": Path("round"),
    "/gone": Path("/nowhere"),
}


def whiteout(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, ...]:
    """The topmost first."""
    above, middle, below = (tmp_path / name for name in ("above", "middle", "below"))
    made(below, BELOW)
    made(middle, MIDDLE)
    made(above, ABOVE)
    whiteout(above / "etc/b")
    whiteout(middle / "old")
    whiteout(above / "usr/lib/z")
    os.setxattr(above / "again", "trusted.overlay.opaque", b"y")
    return above, middle, below


def views(layers: tuple[Path, ...]) -> Views:
    found = Views(LocalFiles())
    found.add(VIEW, View(found.files, Path("/"), tuple(map(str, layers)), (f"{layers[0]}/again",)))
    return found


def everything(root: Path) -> dict[str, object]:
    """Of each path that there is, or is no more: what it is, what it says or holds, and where it leads."""
    seen: dict[str, object] = {}
    waiting = ["/"]
    named = {
        *BELOW,
        *MIDDLE,
        *ABOVE,
        "/old",
        "/etc/b",
        "/lib/x",
        "/lib/z",
        "/up/a",
        "/etc/../lib/./y",
        "/file/x",
        "/a/../etc",
    }
    for path in waiting:
        names = rootfs.names(root, path)
        seen[path] = names
        for name in names:
            at = f"{path.rstrip('/')}/{name}"
            if rootfs.real_path(root, at) == at and rootfs.names(root, at):
                waiting.append(at)
            named.add(at)
    for path in sorted(named):
        content: object
        try:
            with rootfs.opened(root, path) as file:
                content = file.read() if file is not None else None
        except rootfs.FileUnreadable:
            content = "unreadable"
        (status,) = rootfs.looked_up(root, [path])
        kind = stat.S_IFMT(status.st_mode) if isinstance(status, FileStatus) else type(status)
        seen[f"{path} "] = (content, kind, rootfs.real_path(root, path))
    return seen


@contextlib.contextmanager
def mounted(layers: tuple[Path, ...], at: Path) -> Iterator[Path]:
    at.mkdir()
    lower = ":".join(map(str, layers))
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower}", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_it_is_as_the_kernel_has_it(tmp_path: Path, layers: tuple[Path, ...]) -> None:
    with mounted(layers, tmp_path / "merged") as merged:
        expected = everything(merged)
    with rootfs.read_by(views(layers)):
        found = everything(VIEW)
    assert found == expected
    assert found["/etc"] == ("a", "c", "only")
    assert found["/again"] == ("g",)
    assert found["/etc/a "] == (b"middle", stat.S_IFREG, "/etc/a")
    assert found["/out "] == (b"below", stat.S_IFREG, "/etc/only")


def test_of_one_directory_it_is_that_directory(layers: tuple[Path, ...]) -> None:
    (below,) = layers[-1:]
    expected = everything(below)
    with rootfs.read_by(views((below,))):
        assert everything(VIEW) == expected


def test_what_other_drivers_leave_hides_too(tmp_path: Path) -> None:
    above, below = (
        made(tmp_path / "a", {"/etc/.wh.b": "", "/d/.wh..wh..opq": "", "/d/new": "x"}),
        made(tmp_path / "b", BELOW),
    )
    made(below, {"/d/old": "x"})
    with rootfs.read_by(views((above, below))):
        assert rootfs.names(VIEW, "/etc") == ("a", "only")
        assert rootfs.names(VIEW, "/d") == ("new",)
        assert (rootfs.status(VIEW, "/etc/b"), rootfs.status(VIEW, "/d/old")) == (None, None)


def test_other_roots_are_as_they_are(tmp_path: Path, layers: tuple[Path, ...]) -> None:
    own = made(tmp_path / "own", {"/etc/x": "own", "/l": Path("x")})
    door = views(layers)
    with rootfs.read_by(door):
        assert (rootfs.names(own, "/etc"), rootfs.read(own, "/etc/x")) == (("x",), b"own")
        assert (rootfs.status(own, "/etc/b"), rootfs.real_path(own, "/etc/../etc/x")) == (None, "/etc/x")
        assert [each is not None for each in rootfs.statuses(own, ["/etc/x", "/etc/y"])] == [True, False]
        assert rootfs.file_system(own, "/") is not None
        parts = rootfs.walk(
            own,
            ["/"],
            Sought(frozenset(), frozenset(), ("x",), (), (), frozenset(), 1 << 40),
            Budget(time.monotonic() + 60, 100),
        )
        assert [path for part in parts for path in part.paths] == ["/etc/x"]
    assert (door.link(own / "l"), door.links(own, 5), door.head(own / "etc/x", 2)) == ("x", ("x",), b"ow")
    assert door.pieces(own / "etc/x", 9) == b"own"
    assert door.several(own / "etc", [("x", 9)], []) == (b"own",)
    with rootfs.read_by(door), rootfs.program(Path("/proc"), os.getpid()) as program:
        assert program.read(4) == b"\x7fELF"
    assert door.roots_of(Path("/proc"), [os.getpid()])[0] is not None


def test_what_is_mounted_hides_what_the_layers_have(layers: tuple[Path, ...], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    made(mine, {"/main.py": "mine", "/deep/x": "mine", "/leads": Path("/etc/only")})
    mounts = {
        ("file", "is", "now"): f"{mine}/main.py",
        ("etc", "only"): "",  # the host has nothing there
        ("new", "place"): str(mine),
    }
    found = Views(LocalFiles())
    found.add(VIEW, View(found.files, Path("/"), tuple(map(str, layers)), (), mounts))
    with rootfs.read_by(found):
        seen = {path: rootfs.read(VIEW, path) for path in ("/file/is/now", "/new/place/main.py", "/new/place/deep/x")}
        assert set(seen.values()) == {b"mine"}
        assert "now" in rootfs.names(VIEW, "/file/is")
        assert rootfs.names(VIEW, "/new/place") == ("deep", "leads", "main.py")
        assert rootfs.real_path(VIEW, "/new/place/deep") == "/new/place/deep"
        assert rootfs.real_path(VIEW, "/etc/only") is None  # and no link leads to what it hides
        assert rootfs.real_path(VIEW, "/new/place/leads") is None
