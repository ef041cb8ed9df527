"""Wheels of what the project needs, for the interpreter inside, whichever Python and machine do the fetching."""

from __future__ import annotations

import configparser
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from architectures import Architecture
from build_error import run

# These have no wheel for more than one version, or need one that has none. PyYAML's machine code is taken out later: its parser in
# Python is what all tests are about.
ONE_PER_VERSION = ("PyYAML", "msgspec", "ahocorasick-rs", "Jinja2", "MarkupSafe")
PYTHON_VERSION = "3.13"


def requirements(setup_cfg: Path) -> list[str]:
    """What setup.cfg says the project needs."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(setup_cfg)
    return parser["options"]["install_requires"].split("\n")[1:]


def download(architecture: Architecture, wanted: Sequence[str], place: Path) -> None:
    """Leave the newest wheels that fit one another in `place`/wheels, and nothing else. Raises BuildError."""
    fresh, wheels = place / "wheels.fresh", place / "wheels"
    shutil.rmtree(fresh, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", fresh]
    pip += [word for tag in architecture.wheel_platforms for word in ("--platform", tag)]
    pip += ["--python-version", PYTHON_VERSION, "--implementation", "cp"]
    by_version = [each for each in wanted if each.startswith(ONE_PER_VERSION)]
    run([*pip, "--abi", "abi3", *(each for each in wanted if each not in by_version)])
    run([*pip, "--abi", "cp" + PYTHON_VERSION.replace(".", ""), "--no-deps", *by_version])
    shutil.rmtree(wheels, ignore_errors=True)
    fresh.rename(wheels)
