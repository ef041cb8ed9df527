"""Real package databases, built once a session with dpkg-deb and rpmbuild, and copied for each test that harms them."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from rpm_databases import build_rpm, install, run

from imds_probe.system import process

NOBODY = 65534
PR_CAPBSET_DROP = 24
FILE_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def build_deb(folder: Path, name: str, version: str, conffile: str = "") -> Path:
    tree = folder / f"{name}.tree"
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    control.joinpath("control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n"
    )
    if conffile:
        file = tree / "etc" / conffile
        file.parent.mkdir()
        file.write_text("setting\n")
        control.joinpath("conffiles").write_text(f"/etc/{conffile}\n")
    deb = folder / f"{name}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", tree, deb)
    return deb


@pytest.fixture(scope="session")
def dpkg_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with packages installed, held, unpacked, and removed with their configuration left."""
    folder = tmp_path_factory.mktemp("debs")
    root = folder / "root"
    for directory in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / directory).mkdir(parents=True)
    for file in ("status", "available"):
        (root / "var/lib/dpkg" / file).touch()
    dpkg = ("dpkg", f"--root={root}", "--force-not-root", "--force-unsafe-io", "--log=/dev/null")
    run(*dpkg, "--install", build_deb(folder, "cloud-init", "20.4.1-2+deb11u1"))
    run(*dpkg, "--install", build_deb(folder, "awscli", "2.9.19-1"))
    run(*dpkg, "--install", build_deb(folder, "removed", "1:1.0-1", conffile="removed.conf"))
    run(*dpkg, "--remove", "removed")
    run(*dpkg, "--unpack", build_deb(folder, "amazon-ssm-agent", "3.2.582.0-1"))
    selections = subprocess.run(
        [*dpkg, "--set-selections"], input="awscli hold\n", text=True, capture_output=True, check=False, timeout=60
    )
    assert selections.returncode == 0, selections.stderr
    return root


@pytest.fixture(scope="session")
def rpm_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an rpm database: one package plain, one with an epoch, one in two versions."""
    folder = tmp_path_factory.mktemp("rpms")
    root = folder / "root"
    for name, epoch, version, release in [
        ("cloud-init", "", "19.3", "46.amzn2.0.1"),
        ("awscli", "1", "1.18.147", "1.amzn2.0.2"),
        ("amazon-ssm-agent", "", "2.3.714.0", "1.amzn2"),
        ("amazon-ssm-agent", "", "3.1.1188.0", "1.amzn2"),
    ]:
        install(root, build_rpm(folder, name, version, release, epoch=epoch))
    return root


def copied(master: Path) -> Iterator[Path]:
    # Not below pytest's own directories, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="imds-probe-test-"))
    folder.chmod(0o755)
    try:
        yield Path(shutil.copytree(master, folder / "root", symlinks=True))
    finally:
        for path in folder.glob("root/var/**/"):
            path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture
def dpkg_root(dpkg_master: Path) -> Iterator[Path]:
    yield from copied(dpkg_master)


@pytest.fixture
def rpm_root(rpm_master: Path) -> Iterator[Path]:
    yield from copied(rpm_master)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a program of this name and shell text first in the search path."""

    def put(name: str, script: str) -> None:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(process, "SEARCH_PATH", f"{path.parent}:/usr/bin:/bin")

    return put


def give_up_privileges() -> None:
    """Become nobody; in a user namespace, where there is no nobody, lose what lets root pass over file modes."""
    try:
        os.setgroups([])
    except PermissionError:
        libc = ctypes.CDLL(None, use_errno=True)
        header, data = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)  # <linux/capability.h>, v3
        assert libc.capget(header, data) == 0
        sets = list(struct.unpack("6I", data.raw))
        sets[:3] = [bits & ~sum(1 << number for number in FILE_CAPABILITIES) for bits in sets[:3]]
        for number in FILE_CAPABILITIES:
            assert libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0  # or an exec as uid 0 would bring it back
        assert libc.capset(header, struct.pack("6I", *sets)) == 0
        return
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.fixture
def as_nobody() -> Callable[[Callable[[], object]], str]:
    """Call something as an unprivileged user, and return the text of what it returns."""

    def call(work: Callable[[], object]) -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                give_up_privileges()
                os.write(writing, str(work()).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return said.decode()

    return call


@pytest.fixture
def listing() -> Callable[[Path], Sequence[tuple[str, int, int]]]:
    """Every file below a directory with size and modification time: what a read must not change."""

    def look(folder: Path) -> Sequence[tuple[str, int, int]]:
        files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
        return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)

    return look
