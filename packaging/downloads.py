"""What the packages are made from: Debian packages and wheels of one architecture, fetched into a cache."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import debian_archive
import lock
import wheel_index
from architectures import Architecture
from build_error import BuildError

# The interpreter, and by name what its files need: the check of the finished tree says whether one is missing.
# libgcc-s1 is needed by no file's header: glibc opens it when a thread is ended. The rest brings texts of licences.
DEBIAN_PACKAGES = (
    *("python3.13-minimal", "libpython3.13-minimal", "libpython3.13-stdlib", "libc6", "libgcc-s1", "libexpat1"),
    *("zlib1g", "libssl3t64", "libffi8", "libbz2-1.0", "liblzma5", "libzstd1", "libsqlite3-0", "libuuid1"),
    *("gcc-14-base", "base-files"),
)


@dataclass(frozen=True)
class Inputs:
    """Files of one architecture, each list sorted by name."""

    architecture: Architecture
    debs: tuple[Path, ...]
    wheels: tuple[Path, ...]


def place(architecture: Architecture, requirements: Iterable[str], *, locked: bool) -> Path:
    """Where it is fetched to: outside of the tree, and apart for each list of what is wanted, so that two trees that want
    different things do not take them from one another.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imds-probe/package-inputs"
    names = [*DEBIAN_PACKAGES, *requirements]
    wanted = hashlib.sha256("\n".join(names).encode() + (lock.FILE.read_bytes() if locked else b"")).hexdigest()
    return cache / wanted[:16] / architecture.name


def fetch(architecture: Architecture, requirements: Sequence[str], *, locked: bool) -> None:
    """Have what the lock file names in the cache, or the newest of everything. Needs the network. Raises BuildError."""
    here = place(architecture, requirements, locked=locked)
    if not locked:
        debian_archive.download(architecture, DEBIAN_PACKAGES, here)
        wheel_index.download(architecture, requirements, here)
        return
    named = lock.read(architecture)
    try:
        debian_archive.download(architecture, named.packages(), here)
        wheel_index.download_locked(architecture, named.distributions(), here)
    except BuildError as error:
        raise BuildError(f"{error}. If the archive has another version by now: {lock.REMEDY}") from None


def fetched(architecture: Architecture, requirements: Sequence[str], *, locked: bool) -> Inputs:
    """What `fetch` left there. Raises BuildError where that is not all that is required, or not what the lock file names."""
    here = place(architecture, requirements, locked=locked)
    debs, wheels = (tuple(sorted(here.glob(pattern))) for pattern in ("debs/*.deb", "wheels/*.whl"))
    there = {path.name.split("_")[0] for path in debs} | {_plain(path.name.split("-")[0]) for path in wheels}
    wanted = {*DEBIAN_PACKAGES, *(_plain(re.split(r"[^\w.-]", each)[0]) for each in requirements)}
    if wanted - there:
        raise BuildError(
            f"not fetched for {architecture.name}: {', '.join(sorted(wanted - there))}. Leave --offline out once"
        )
    if locked:
        lock.read(architecture).check({path.name: sha256(path) for path in (*debs, *wheels)})
    return Inputs(architecture, debs, wheels)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
