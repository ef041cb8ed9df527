"""The lines of docs/install.md that check what somebody was given, run as they stand, with a throw-away key."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_roots import run

from imds_probe import __version__

PAGE = (Path(__file__).parents[2] / "docs/install.md").read_text()
((BLOCK,),) = [
    re.findall(r"```sh\n(.*?)```", PAGE.partition("## Check what you were given")[2].partition("\n## ")[0], re.DOTALL)
]
LINES = [line for line in BLOCK.splitlines() if line]
IMPORTS, CHECKS = [0, 2, 4], [1, 3, 5]


@pytest.fixture
def given(tmp_path, packages) -> Iterator[Path]:
    """A directory with packages that are signed, and the public key."""
    place = tmp_path / "given"
    place.mkdir()
    for path in [*packages.next.glob("*.*"), packages.next / "SHA256SUMS"]:
        if path.is_file():
            shutil.copy(path, place)
    shutil.copy(packages.key, place / "imds-probe.asc")
    (tmp_path / "keys").mkdir(mode=0o700)
    yield place
    run(["gpgconf", "--homedir", tmp_path / "keys", "--kill", "all"])


def ran(line: str, place: Path) -> int:
    """What a line ends with here: the packages have another version, and Debian's rpm keeps its keys in a home directory."""
    deb = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    line = (
        line.replace("sudo ", "")
        .replace(f"{__version__}-1", "99.0.0-1")
        .replace("amd64", deb)
        .replace("x86_64", os.uname().machine)
    )
    line = line.replace("data.tar.xz", "data.tar.gz").replace("rpm -", f"rpm --dbpath {place.parent}/rpm -")
    env = {"GNUPGHOME": str(place.parent / "keys"), "HOME": str(place.parent)}
    return run(["bash", "-o", "pipefail", "-c", f"cd {place} && {line}"], env=env).returncode


def test_what_is_unchanged_passes(given):
    assert len(LINES) == len(IMPORTS) + len(CHECKS)
    assert [ran(line, given) for line in LINES] == [0] * 6


def test_what_was_changed_or_signed_by_somebody_else_does_not(given):
    for number in CHECKS[:2]:  # before the key is known; the last line needs what the one before it writes
        assert ran(LINES[number], given) != 0, LINES[number]
    for number in IMPORTS:
        assert ran(LINES[number], given) == 0
    for path in [*given.glob("*.deb"), *given.glob("*.rpm")]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    for number in CHECKS:
        assert ran(LINES[number], given) != 0, LINES[number]
