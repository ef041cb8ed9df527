"""Which libraries one file holds, by what the file is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Claim, Files, Recogniser
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.system import rootfs
from imds_probe.system.door import File

_BY_CLAIM: dict[Claim, list[tuple[Recogniser, Files]]] = {
    claim: [(each, each.files) for each in RECOGNISERS if each.files is not None and each.files.claim == claim]
    for claim in get_args(Claim)
}
_MAGIC_BYTES = max((len(files.magic) for _, files in _BY_CLAIM["program"]), default=0)


@dataclass(frozen=True)
class Look:
    """How to look. `thorough` also searches a whole program for what an SDK left in it: for what runs. Smaller files than
    `min_bytes` are passed over.
    """

    thorough: bool
    min_bytes: int = 0


def libraries_of(file: File, path: str, names: Mapping[str, Collection[str]], look: Look) -> list[Library]:
    """The libraries among `names` (packages by ecosystem) in an open file. Never raises on its content."""
    with rootfs.buffered(file) as buffered:
        buffered.seek(0)
        for recogniser, files in _claiming(path, buffered.read(_MAGIC_BYTES)):
            thorough = look.thorough or any(part in path for part in files.parts)
            search = files.libraries if thorough or files.quick is None else files.quick
            found = search(buffered, recogniser.wanted(names))
            if found:
                return found
    return []


def _claiming(path: str, head: bytes) -> list[tuple[Recogniser, Files]]:
    for claim, claims in _BY_CLAIM.items():
        claiming = [each for each in claims if _is_claimed(claim, each[1], path, head)]
        if claiming:
            return claiming
    return []


def _is_claimed(claim: Claim, files: Files, path: str, head: bytes) -> bool:
    if claim == "program":
        return head.startswith(files.magic)
    return claim == "rest" or path.endswith(files.ends)
