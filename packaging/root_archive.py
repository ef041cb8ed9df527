"""The root of a container image that has the package and nothing else: container/Containerfile adds it to an empty one."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from architectures import Architecture
from stage import Build

# What a container has a use for: no units, no manual page, no completion.
PARTS = ("etc/imds-probe", "usr/bin", "usr/lib/imds-probe", "usr/share/doc/imds-probe")
# Where the host's root, the state and settings are mounted, which a read-only root has to have; and what libraries expect.
DIRECTORIES = {"etc/imds-probe/imds-probe.d": 0o755, "host": 0o755, "tmp": 0o1777, "var/lib/imds-probe": 0o700}


def name(version: str, architecture: Architecture) -> str:
    """Of the file; images go by Debian's names of architectures."""
    return f"imds-probe_{version}_{architecture.debian}_rootfs.tar.gz"


def make(stage: Path, architecture: Architecture, build: Build, out: Path, *, level: int = 9) -> Path:
    """Leave the archive in `out`, compressed at a level of gzip."""
    found = {path for part in PARTS for path in (stage / part, *(stage / part).rglob("*"))}
    names = {str(path.relative_to(stage)): path for path in found}
    parents = {str(up) for each in (*names, *DIRECTORIES) for up in Path(each).parents} - {"."}
    directories = {**dict.fromkeys(parents, 0o755), **DIRECTORIES}
    target = out / name(build.version, architecture)
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=level, mtime=build.epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for each in sorted({*names, *directories}):
            path = names.get(each)
            entry = tarfile.TarInfo(each)
            entry.mtime = build.epoch
            if path is None or path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, directories.get(each, 0o755)
                archive.addfile(entry)
                continue
            entry.size, entry.mode = path.stat().st_size, path.stat().st_mode & 0o777
            with path.open("rb") as content:
                archive.addfile(entry, content)
    target.chmod(0o644)
    return target
