"""Which files packages are made from, each by its SHA-256: packaging/inputs.lock, as sha256sum(1) writes it.

The names in it are those below a place of `downloads`: ARCHITECTURE/debs/FILE and ARCHITECTURE/wheels/FILE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from architectures import Architecture
from build_error import BuildError

FILE = Path(__file__).with_name("inputs.lock")
REMEDY = "Run `make lock`, look at what has changed in it, and commit it"
_ENTRY = re.compile(r"([0-9a-f]{64})  (\w+)/(debs|wheels)/([^/\s]+)")


@dataclass(frozen=True)
class Lock:
    """The checksums of one architecture's files, by their names."""

    debs: Mapping[str, str]
    wheels: Mapping[str, str]

    def packages(self) -> list[str]:
        """The Debian packages as apt wants them: NAME=VERSION."""
        return [f"{name}={unquote(version)}" for name, version, *_ in (each.split("_") for each in sorted(self.debs))]

    def distributions(self) -> list[str]:
        """The wheels as pip wants them: NAME==VERSION --hash=sha256:CHECKSUM."""
        pairs = ((each.split("-"), digest) for each, digest in sorted(self.wheels.items()))
        return [f"{words[0]}=={words[1]} --hash=sha256:{digest}" for words, digest in pairs]

    def check(self, checksums: Mapping[str, str]) -> None:
        """Hold files that were fetched, by name, to it. Raises BuildError."""
        wanted = {**self.debs, **self.wheels}
        odd = sorted(name for name in {*wanted, *checksums} if wanted.get(name) != checksums.get(name))
        if odd:
            raise BuildError(f"{FILE.name} does not name what was fetched: {', '.join(odd)}. {REMEDY}")


def read(architecture: Architecture, path: Path | None = None) -> Lock:
    """What the lock file names for one architecture. Raises BuildError where it is none, or names nothing for it."""
    path = path or FILE
    found: dict[str, dict[str, str]] = {"debs": {}, "wheels": {}}
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}. {REMEDY}") from None
    for number, line in enumerate(lines, 1):
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            raise BuildError(f"{path}:{number} is no line of a lock file. {REMEDY}")
        digest, name, kind, file = entry.groups()
        if name == architecture.name:
            found[kind][file] = digest
    if not (found["debs"] and found["wheels"]):
        raise BuildError(f"{path} names nothing for {architecture.name}. {REMEDY}")
    return Lock(found["debs"], found["wheels"])


def text(checksums: Iterable[tuple[Architecture, str, str, str]]) -> str:
    """The lock file for files of these architectures, kinds ("debs" or "wheels"), names and checksums."""
    lines = sorted((f"{each.name}/{kind}/{name}", digest) for each, kind, name, digest in checksums)
    return "".join(f"{digest}  {name}\n" for name, digest in lines)
