"""What is found of one whole: see units.py."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Speaks


@dataclass(frozen=True)
class Spoken:
    """A whole that names the metadata service: `root` is its script, program or directory. The rest as of CodeSeen."""

    root: str
    path: str
    line: int | None
    quote: tuple[str, ...]
    speaks: Speaks
    form: str
    owner_uid: int | None = None
