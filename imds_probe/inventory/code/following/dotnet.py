""".NET and Mono: the assemblies beside a program, which are what it was published with.

Source: .NET's application publishing; mono(1).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import BinaryIO

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.following.loads import NOTHING, Asked, Begun, Load, Way
from imds_probe.inventory.sdks.start import Start

ASSEMBLY = ".dll"
ASSEMBLIES_MAX = 1000
_MACHINES, _STARTED = ("dotnet", "mono", "mono-sgen"), (ASSEMBLY, ".exe")
_LIBRARIES = ("libcoreclr", "libhostfxr", "libmonosgen", "libmonoboehm", "libmono-2")
# The framework's own.
FRAMEWORK = ("System.", "Microsoft.", "mscorlib.", "netstandard.", "WindowsBase.")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    return program in _MACHINES or any(each.startswith(_LIBRARIES) for each in libraries)


def _begins(start: Start, ground: Ground) -> Begun:
    if posixpath.basename(start.executable).rstrip("0123456789.") in _MACHINES:
        script = next((start.path(each) for each in start.arguments[1:] if each.endswith(_STARTED)), "")
    else:
        script = start.executable
    if not script:
        return Begun(Way(start.directory), unknown=True)
    own = posixpath.dirname(ground.real(script))
    beside = [name for name in sorted(ground.listed(own)) if name.endswith(_STARTED) and not name.startswith(FRAMEWORK)]
    loads = [
        Load(script),
        *(Load(f"{own}/{name}") for name in ground.some(beside, ASSEMBLIES_MAX) if f"{own}/{name}" != script),
    ]
    return Begun(Way(own), tuple(loads))


def asked_by(file: BinaryIO) -> Asked:
    """Nothing: what lies beside a program is all that it has."""
    del file
    return NOTHING


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    del given, load, way, ground
    yield from ()


LANGUAGE = Language("dotnet", _runs, _begins, asked_by, _found, (ASSEMBLY,))
