"""The lines that install, downgrade and remove, run as they stand: in a root of Debian, and in one of rpm's."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import package_roots
import pytest
from package_roots import must

INSTALL = (Path(__file__).parents[2] / "docs/install.md").read_text()
# Those of Debian first; by which key a package is signed is no matter here.
LINES = [
    line
    for tool in ("apt-get", "rpm")
    for line in re.findall(rf"^sudo ({tool} (?!--import).*?)\s*(?:#.*)?$", INSTALL, re.MULTILINE)
]
# Nobody is asked in a test, and Debian's rpm would rather be dpkg and keeps its database in a home directory.
AS_HERE = {"apt-get": "apt-get --yes --quiet", "rpm": "rpm --force-debian --dbpath /var/lib/rpm"}


@pytest.fixture
def debian(tmp_path, packages) -> Path:
    root = package_roots.debian("trixie", tmp_path / "root")
    shutil.copy(packages.deb(), root)
    return root


def as_here(line: str, of: str, there: str) -> str:
    """The line with the name of this machine's architecture, and what is written above."""
    machine = os.uname().machine
    line = line.replace("amd64", {"x86_64": "amd64", "aarch64": "arm64"}[machine]).replace("x86_64", machine)
    named = re.findall(r"\S*imds-probe[-_]\d\S*", line)
    assert all(Path(name).name == there for name in named), (line, there)
    return line.replace(of, AS_HERE[of], 1)


def test_there_are_lines_for_both():
    assert [line.split()[0] for line in LINES] == ["apt-get"] * 4 + ["rpm"] * 3


def test_those_for_debian(debian, packages):
    installed = debian / "usr/bin/imds-probe"
    there = []
    for line in LINES[:4]:
        must(["sh", "-c", f"cd / && {as_here(line, 'apt-get', packages.deb().name)}"], root=debian)
        there.append((installed.exists(), (debian / "etc/imds-probe/imds-probe.toml").exists()))
    assert there == [(True, True), (True, True), (False, True), (False, False)]


def test_those_for_rpm(tmp_path, packages):
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    must(["rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--initdb"])
    there = []
    for line in LINES[4:]:
        command = as_here(line, "rpm", packages.rpm().name).replace("rpm ", f"rpm --root {root} ", 1)
        # The same version again, which rpm refuses unless told so: what the line is for is a lower one.
        again = command.replace("--oldpackage", "--oldpackage --replacepkgs")
        must(["sh", "-c", f"cd {packages.rpm().parent} && {again}"])
        there.append((root / "usr/bin/imds-probe").exists())
    assert there == [True, True, False]
