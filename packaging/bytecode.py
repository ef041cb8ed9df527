"""Byte code of everything inside, made once: units may not write any, and nobody is to wait for it at each start.

It does not depend on the architecture, so the interpreter for the machine that builds makes it for both. Unchecked: it holds
whatever times the files are given, and no file is read to see.
"""

from __future__ import annotations

from pathlib import Path

import architectures
from application import PACKAGES
from architectures import PREFIX, PYTHON
from build_error import BuildError, run

OWN = f"{PACKAGES}/imds_probe"
COMPILER = Path(__file__).with_name("compiler.py")


def interpreter(stage: Path) -> list[str | Path]:
    """How to run the Python that lies below `stage`, which is not where its loader is looked for."""
    lib = stage / PREFIX[1:] / "lib"
    return [lib / architectures.of_this_machine().loader, "--library-path", lib, stage / PYTHON[1:]]


def compile_all(stage: Path, builder: Path) -> None:
    """Compile below `stage` with the interpreter that lies below `builder`. What others wrote is left without its source, which
    nobody reads there and which would be a tenth of the package; tracebacks have lines of the project's own. Raises BuildError
    where a file was left out.
    """
    own = stage / OWN
    others = [stage / PREFIX[1:] / "lib/python3.13", *sorted(path for path in own.parent.iterdir() if path != own)]
    modules = [path for path in others if path.is_dir() or path.suffix == ".py"]
    # One process each, in one order, with one hash seed: what a file becomes hangs on all three.
    for arguments in (["beside", stage, own], ["instead", stage, *modules]):
        # -P: nothing of the build's own is imported. Tracebacks show lines of ours, and mark no columns in them: that would be
        # a twentieth of the package.
        options = ["-s", "-B", "-P", "-X", "no_debug_ranges"]
        run([*interpreter(builder), *options, COMPILER, *arguments], env={"PYTHONHASHSEED": "0"})
    for source in [path for place in others for path in ([place] if place.is_file() else place.rglob("*"))]:
        if source.suffix == ".py":
            if not source.with_suffix(".pyc").exists():
                raise BuildError(f"{source.relative_to(stage)} was not compiled")
            source.unlink()
    sources, compiled = (len(list(own.rglob(pattern))) for pattern in ("*.py", "*.cpython-313.pyc"))
    if sources != compiled:
        raise BuildError(f"{compiled} of {sources} files were compiled")
