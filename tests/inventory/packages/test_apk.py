from __future__ import annotations

import os
from pathlib import Path

import pytest

from imds_probe.inventory.packages.apk import Apk
from imds_probe.inventory.packages.package import Package, PackageError

# The records of an Alpine 3.19 image; a file's own lines use the letters of the package's again.
INSTALLED = """\
C:Q1abc=
P:aws-cli
V:2.13.25-r0
A:aarch64
S:1
T:Universal Command Line Interface for Amazon Web Services
F:usr/bin
M:0:0:755
R:aws
Z:Q1xyz=
F:etc
R:V

C:Q1def=
P:busybox
V:1.36.1-r15
A:aarch64

"""


def write(root: Path, text: str, where: str = "lib/apk/db/installed") -> Path:
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def query(root: Path, *names: str) -> list[Package]:
    return Apk().query(root, names, timeout_s=5)


@pytest.mark.parametrize("where", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_what_is_installed(tmp_path: Path, where: str) -> None:
    write(tmp_path, INSTALLED, where)
    assert Apk().present(tmp_path)
    assert query(tmp_path, "aws-cli", "cloud-init") == [Package("apk", "aws-cli", "2.13.25-r0", "aarch64", "installed")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("P:aws-cli\nA:x\n\n", "no version of aws-cli"),
        ("P:aws-cli\nV:1\x1b[2J\n\n", "a field that cannot be right"),
        ("P:aws-cli\nV:" + "1" * 2000 + "\n\n", "a field that cannot be right"),
    ],
)
def test_what_makes_no_sense_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(PackageError, match=said):
        query(tmp_path, "aws-cli")


def test_a_fifo_in_its_place_is_an_error_and_does_not_block(tmp_path: Path) -> None:
    write(tmp_path, "").unlink()
    os.mkfifo(tmp_path / "lib/apk/db/installed")
    with pytest.raises(PackageError, match="not a regular file"):
        Apk().present(tmp_path)
