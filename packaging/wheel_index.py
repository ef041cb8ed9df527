"""Wheels of what the project needs, for the interpreter inside, whichever Python and machine do the fetching."""

from __future__ import annotations

import configparser
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from architectures import Architecture
from build_error import run

# These have no wheel without machine code. PyYAML's is taken out later: its parser in Python is what all tests are about.
MACHINE_CODE = {"psutil": "abi3", "PyYAML": "cp313"}
PYTHON_VERSION = "3.13"


def requirements(setup_cfg: Path) -> list[str]:
    """What setup.cfg says the project needs."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(setup_cfg)
    return parser["options"]["install_requires"].split("\n")[1:]


def download(architecture: Architecture, wanted: Iterable[str], place: Path) -> None:
    """Leave the newest wheels that fit one another in `place`/wheels, and nothing else. Raises BuildError."""
    fresh, wheels = place / "wheels.fresh", place / "wheels"
    shutil.rmtree(fresh, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", fresh]
    pip += [word for tag in architecture.wheel_platforms for word in ("--platform", tag)]
    pip += ["--python-version", PYTHON_VERSION, "--implementation", "cp"]
    run([*pip, "--abi", "none", *(each for each in wanted if not each.startswith(tuple(MACHINE_CODE)))])
    for name, abi in MACHINE_CODE.items():
        run([*pip, "--abi", abi, "--no-deps", *(each for each in wanted if each.startswith(name))])
    shutil.rmtree(wheels, ignore_errors=True)
    fresh.rename(wheels)
