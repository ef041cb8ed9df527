"""Roots to install the packages in, and the packages themselves, as tests/install/packages.sh has left them."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imds-probe"
# Nothing of whoever runs the tests, and no /proc either, unless a test mounts one.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
PREFIX = "usr/lib/imds-probe/runtime"
INSTANCE = "i-0123456789abcdef0"
PYTHON = f"/{PREFIX}/bin/python3.13"


@dataclass(frozen=True)
class Packages:
    """`this` is a directory of what `make packages` makes, `next` one of a higher version, signed by the key `key`."""

    this: Path
    next: Path
    key: Path

    def deb(self, of: str = "this") -> Path:
        """The deb for this machine."""
        return self._only(of, {"x86_64": "*_amd64.deb", "aarch64": "*_arm64.deb"}[os.uname().machine])

    def rpm(self, of: str = "this") -> Path:
        """The rpm for this machine."""
        return self._only(of, f"*.{os.uname().machine}.rpm")

    def _only(self, of: str, pattern: str) -> Path:
        (path,) = (self.this if of == "this" else self.next).glob(pattern)
        return path


def made() -> Packages:
    """The set of packages that was made of this tree."""
    named = Path(__file__).parents[1] / ".venv/.package-set"
    assert named.exists(), "tests/install/packages.sh makes these packages"
    place = Path(named.read_text().strip())
    return Packages(place / "this", place / "next", place / "key.pub")


def debian(suite: str, place: Path) -> Path:
    """A root of Debian in `place`, as debootstrap made it."""
    archive = CACHE / "debian-roots" / f"{suite}.tar"
    assert archive.exists(), "tests/debian_roots.sh makes this root"
    place.mkdir()
    done = run(["tar", "--directory", place, "--numeric-owner", "--extract", "--file", archive])
    assert done.returncode == 0, done.stderr
    (place / "etc/dpkg/dpkg.cfg.d/tests").write_text("force-unsafe-io\n")  # nobody pulls the plug
    return place


def unpacked(deb: Path, place: Path) -> Path:
    """A root with the contents of a deb and nothing else."""
    done = run(["dpkg-deb", "--extract", deb, place])
    assert done.returncode == 0, done.stderr
    return place


def run(
    argv: Sequence[str | Path], *, root: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with `root` for its root directory."""
    words = [str(word) for word in argv]
    return subprocess.run(
        ["/usr/sbin/chroot", str(root), *words] if root else words,
        env={**ENVIRONMENT, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def must(argv: Sequence[str | Path], *, root: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """The same, where anything but success is a failure; what it printed on standard output."""
    done = run(argv, root=root, env=env)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def contents(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every path below a root: kind and mode, owner, and size, of directories 0."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_uid, size)
    return found


def looks_like_ec2(root: Path) -> None:
    """Firmware that says EC2."""
    place = root / "sys/class/dmi/id"
    place.mkdir(parents=True)
    (place / "sys_vendor").write_text("Amazon EC2\n")
    (place / "board_asset_tag").write_text(f"{INSTANCE}\n")
