"""Databases of rpm: packages that rpmbuild made and rpm put into one, and the same in the format of rpm before 4.16."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.packages.rpmdb.header import parse
from imds_probe.system import process


def run(*argv: str | Path, cwd: Path | None = None) -> None:
    """Run a program that has to succeed."""
    environment = {"PATH": process.SEARCH_PATH, "HOME": "/dev/null", "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def build_rpm(
    folder: Path,
    name: str,
    version: str,
    release: str,
    *,
    epoch: str = "",
    files: Path | None = None,
    changelog: str = "",
) -> Path:
    """An rpm in `folder` with all files below `files`, and this text behind %changelog."""
    spec = folder / "package.spec"
    listed = [path for path in sorted(files.rglob("*")) if not path.is_dir()] if files else []
    install = f"%install\ncp -a {files}/. %{{buildroot}}/\n" if files else ""
    spec.write_text(
        f"Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: test\nLicense: none\nBuildArch: noarch\n"
        f"AutoReqProv: no\n{f'Epoch: {epoch}' if epoch else ''}\n%global __os_install_post %{{nil}}\n"
        f"%description\ntest\n{install}%files\n"
        + "".join(f"/{path.relative_to(files)}\n" for path in listed)
        + (f"%changelog\n{changelog}" if changelog else "")
    )
    run("rpmbuild", "--quiet", "-bb", "--define", f"_topdir {folder}/top", "--define", f"_rpmdir {folder}", spec)
    return folder / "noarch" / f"{name}-{version}-{release}.noarch.rpm"


def install(root: Path, *packages: Path) -> None:
    """Put packages into the database below a root, and nothing else."""
    database = root / "var/lib/rpm"
    database.mkdir(parents=True, exist_ok=True)
    for package in packages:
        run("rpm", "--dbpath", database, "-i", "--nodeps", "--force", "--force-debian", "--justdb", package)


def blobs_of(root: Path, folder: Path) -> list[bytes]:
    """The headers in a root's database, from a copy below `folder`: SQLite tidies up behind the last who writes."""
    copy = shutil.copytree(root / "var/lib/rpm", folder / "rpm")
    with sqlite3.connect(copy / "rpmdb.sqlite") as connection:
        found = [blob for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    connection.close()
    return found


def berkeley(path: Path, blobs: Sequence[bytes]) -> None:
    """A hash in the order of bytes of this machine, as rpm made them: numbers to headers, and 0 to the last number."""
    _load(path, {_number(0): _number(len(blobs)), **{_number(n): blob for n, blob in enumerate(blobs, start=1)}})
    index: dict[bytes, bytes] = {}
    for number, blob in enumerate(blobs, start=1):
        name = parse(blob).name
        index[name] = index.get(name, b"") + _number(number) + _number(0)
    _load(path.with_name("Name"), index)


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _load(path: Path, entries: Mapping[bytes, bytes]) -> None:
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=512", "HEADER=END"]
    lines += [f" {data.hex()}" for entry in entries.items() for data in entry]
    done = process.run(["db5.3_load", str(path)], timeout_s=60, stdin="\n".join([*lines, "DATA=END", ""]).encode())
    assert done.returncode == 0, done.stderr
