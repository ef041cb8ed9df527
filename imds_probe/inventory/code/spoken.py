"""What is found of one whole: see units.py."""

from __future__ import annotations

import hashlib

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Speaks
from imds_probe.inventory.sdks.libraries import Library

_DIGEST_LENGTH = 64
_BY_WEIGHT: tuple[Speaks, ...] = ("v1", "both", "v2", "mentions")


@dataclass(frozen=True)
class Spoken:
    """A whole that names the metadata service: `root` is its script, program or directory. The rest as of CodeSeen. An AWS SDK in
    an archive is judged by its version: then `library` is what was recognised, and `speaks` says "both" where it only
    may be loaded.
    """

    root: str
    path: str
    line: int | None
    quote: tuple[str, ...]
    speaks: Speaks
    form: str
    owner_uid: int | None = None
    library: Library | None = None

    @property
    def in_arguments(self) -> bool:
        """Whether it is code that an interpreter was handed as an argument: its root is as argument_root makes it."""
        return self.root.startswith(f"{self.path} ") and len(self.root) == len(self.path) + 1 + _DIGEST_LENGTH


def argument_root(executable: str, content: bytes) -> str:
    """By its content: what runs and what will run are read one after the other, and are put together by their roots."""
    return f"{executable} {hashlib.sha256(content).hexdigest()}"


def worse(one: Spoken | None, other: Spoken) -> Spoken:
    """The one of two parts of a whole that breaks more."""
    return other if one is None or _BY_WEIGHT.index(other.speaks) < _BY_WEIGHT.index(one.speaks) else one


def says_already(own: Speaks | None, speaks: Speaks) -> bool:
    """Whether a script that was judged so says what code says that stands in it, and that was judged by itself as well."""
    return own in ("v1", speaks)
