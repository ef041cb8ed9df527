"""Which libraries one file holds, by what the file is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from imds_probe.inventory.sdks.bundle import SCRIPTS, bundled_libraries
from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.go_build import go_libraries
from imds_probe.inventory.sdks.jar import ARCHIVES, java_libraries
from imds_probe.inventory.sdks.native import CPP, native_libraries
from imds_probe.inventory.sdks.python_archive import PYTHON_ARCHIVES, python_libraries

__all__ = ["ARCHIVES", "PYTHON_ARCHIVES", "SCRIPTS", "Look", "libraries_of"]
ELF = b"\x7fELF"


@dataclass(frozen=True)
class Look:
    """How to look. `thorough` also searches a whole program for what an SDK left in it: for what runs. Smaller files than
    `min_bytes` are passed over.
    """

    thorough: bool
    min_bytes: int = 0


def libraries_of(file: BinaryIO, path: str, names: Mapping[str, Collection[str]], look: Look) -> list[Library]:
    """The libraries among `names` (packages by ecosystem) in an open file. Never raises on its content."""
    with open(file.fileno(), "rb", closefd=False) as buffered:  # many small reads
        if path.endswith(ARCHIVES):
            return java_libraries(buffered, names.get("maven", ()))
        buffered.seek(0)
        if buffered.read(len(ELF)) == ELF:
            found = go_libraries(buffered, names.get("go", ()))
            own = [*names.get("crate", ()), *names.get("binary", ())]
            searched = look.thorough or CPP in path
            return found or native_libraries(buffered, own, searched=searched)
        if path.endswith(SCRIPTS):
            return bundled_libraries(buffered, names.get("npm", ()))
        return python_libraries(buffered, names.get("pypi", ()))
