"""The check that ends a build: whatever an ELF file inside needs is inside too, so no library comes from the host. And every
kernel of the architecture can load it, however large its pages are.
"""

from __future__ import annotations

from pathlib import Path

import elf_files
from architectures import PREFIX, PYTHON, Architecture
from build_error import BuildError


def check(stage: Path, architecture: Architecture) -> None:
    """Raises BuildError with everything that is wrong."""
    libraries = stage / PREFIX[1:] / "lib"
    wrong = []
    for path in sorted(path for path in stage.rglob("*") if elf_files.is_elf(path)):
        name, elf = path.relative_to(stage), elf_files.read(path)
        wrong += [f"{name} needs {needed}" for needed in elf.needed if not (libraries / needed).is_file()]
        if elf.machine != architecture.machine:
            wrong.append(f"{name} is for machine {elf.machine}")
        if elf.page_bytes < architecture.page_bytes:
            wrong.append(f"{name} cannot be loaded by a kernel with pages of {architecture.page_bytes} bytes")
        if elf.runpath is not None:
            wrong.append(f"{name} has a DT_RUNPATH, which keeps the interpreter's DT_RPATH from being used")
        # The C library can be started, to print its version; that is no way into anything.
        if elf.interpreter is not None and elf.interpreter != architecture.interpreter and path.name != "libc.so.6":
            wrong.append(f"{name} is started by {elf.interpreter}")
    python = elf_files.read(stage / PYTHON[1:])
    if (python.interpreter, python.rpath) != (architecture.interpreter, f"{PREFIX}/lib"):
        wrong.append(f"{PYTHON} is started by {python.interpreter} with libraries of {python.rpath}")
    if wrong:
        raise BuildError("not self-contained: " + "; ".join(wrong))
