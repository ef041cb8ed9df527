"""Wheels of what the project needs, for the interpreter inside, whichever Python and machine do the fetching."""

from __future__ import annotations

import configparser
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from architectures import Architecture
from build_error import run

# These have no wheel for more than one version, or need one that has none. PyYAML's machine code is taken out later: its parser in
# Python is what all tests are about.
ONE_PER_VERSION = ("PyYAML", "msgspec", "ahocorasick-rs", "Jinja2", "MarkupSafe")
PYTHON_VERSION = "3.13"
_OWN_ABI = "cp" + PYTHON_VERSION.replace(".", "")


def requirements(setup_cfg: Path) -> list[str]:
    """What setup.cfg says the project needs."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(setup_cfg)
    return parser["options"]["install_requires"].split("\n")[1:]


def download(architecture: Architecture, wanted: Sequence[str], place: Path) -> None:
    """Leave the newest wheels that fit one another in `place`/wheels, and nothing else. Raises BuildError."""
    fresh = _emptied(place)
    pip = _pip(architecture, fresh)
    by_version = [each for each in wanted if each.startswith(ONE_PER_VERSION)]
    run([*pip, "--abi", "abi3", *(each for each in wanted if each not in by_version)])
    run([*pip, "--abi", _OWN_ABI, "--no-deps", *by_version])
    _keep(fresh)


def download_locked(architecture: Architecture, wanted: Sequence[str], place: Path) -> None:
    """The same of the wheels of a lock, NAME==VERSION --hash=sha256:CHECKSUM, of which pip takes no other."""
    fresh = _emptied(place)
    pip = [*_pip(architecture, fresh), "--no-deps", "--require-hashes"]
    own = tuple(each.lower().replace("-", "_") for each in ONE_PER_VERSION)
    by_version = [each for each in wanted if each.lower().startswith(own)]
    for abi, some in (("abi3", [each for each in wanted if each not in by_version]), (_OWN_ABI, by_version)):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("".join(f"{each}\n" for each in some))
            file.flush()
            run([*pip, "--abi", abi, "--requirement", file.name])
    _keep(fresh)


def _pip(architecture: Architecture, destination: Path) -> list[str | Path]:
    pip: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet"]
    pip += ["--only-binary", ":all:", "--dest", destination]
    pip += [word for tag in architecture.wheel_platforms for word in ("--platform", tag)]
    return [*pip, "--python-version", PYTHON_VERSION, "--implementation", "cp"]


def _emptied(place: Path) -> Path:
    fresh = place / "wheels.fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    return fresh


def _keep(fresh: Path) -> None:
    wheels = fresh.with_name("wheels")
    shutil.rmtree(wheels, ignore_errors=True)
    fresh.rename(wheels)
