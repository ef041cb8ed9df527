"""The architectures that packages are made for, by every name that somebody has for them."""

from __future__ import annotations

import os
from dataclasses import dataclass

PREFIX = "/usr/lib/imds-probe/runtime"
PYTHON = f"{PREFIX}/bin/python3.13"


@dataclass(frozen=True)
class Architecture:
    """`name` is the kernel's and rpm's; `debian` is also nfpm's; `machine` is e_machine of its ELF files. `page_bytes` is the size
    of the largest pages that its kernels are built with.
    """

    name: str
    debian: str
    triplet: str
    loader: str
    machine: int
    page_bytes: int

    @property
    def wheel_platforms(self) -> list[str]:
        """Tags of wheels that run on the glibc inside, which is newer than any of them asks for."""
        return [f"manylinux_2_{minor}_{self.name}" for minor in (39, 34, 31, 28, 26, 24, 17, 12, 5)] + [
            f"manylinux2014_{self.name}"
        ]

    @property
    def interpreter(self) -> str:
        """Where PT_INTERP of the bundled Python leads."""
        return f"{PREFIX}/lib/{self.loader}"


ARCHITECTURES = (
    Architecture("x86_64", "amd64", "x86_64-linux-gnu", "ld-linux-x86-64.so.2", 62, 4096),
    Architecture("aarch64", "arm64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1", 183, 65536),
)


def of_this_machine() -> Architecture:
    """The one whose programs run here. Raises StopIteration on a machine that is neither."""
    return next(each for each in ARCHITECTURES if each.name == os.uname().machine)
