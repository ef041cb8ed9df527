"""What following a program depended on: for as long as all of that is the same, so is what it came to.

Directories that were listed, links that were followed, files that were read or looked for. Root alone can have changed any of
it, or it is not kept. The key is a digest: arguments can be secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.loads import Loads

if TYPE_CHECKING:  # who only keeps trails needs neither
    from imds_probe.inventory.code.following.ground import Ground
    from imds_probe.inventory.sdks.start import Start

PATHS_MAX = 20_000


@dataclass(frozen=True)
class Trail:
    """The paths that `loads` depended on, and a digest of what they were."""

    paths: tuple[str, ...]
    digest: bytes
    loads: Loads


@dataclass
class Trails:
    """Those of one system: `kept` by an earlier run, `learnt` for a later one."""

    ground: Ground
    kept: Mapping[str, Trail] = field(default_factory=dict)
    learnt: dict[str, Trail] = field(default_factory=dict)

    def loads(self, key: str, make: Callable[[], Loads]) -> Loads:
        """What is kept under a key where nothing has changed, else what is made now."""
        kept = self.kept.get(key)
        if kept is not None and self.ground.digest(kept.paths) == kept.digest:
            self.learnt[key] = kept
            if self.ground.trail is not None:
                self.ground.trail.update(kept.paths)
            return kept.loads
        before, self.ground.trail = self.ground.trail, set()
        loads = make()
        touched, self.ground.trail = self.ground.trail or set(), before
        if before is not None:
            before.update(touched)
        paths = tuple(sorted({*touched, *(load.path for load in loads.files)}))
        # What was cut short is not all; code that was an argument is not for a disk.
        if not loads.cut_short and not loads.texts and len(paths) <= PATHS_MAX:
            digest = self.ground.digest(paths, learning=True)
            if digest is not None:
                self.learnt[key] = Trail(paths, digest, loads)
        return loads


def key_of(start: Start, left: Iterable[str] = ()) -> str:
    """The same for what is started alike, where the same libraries are `left` to those who know them."""
    parts: tuple[Iterable[str], ...] = (
        (start.executable, start.directory),
        start.arguments,
        (f"{name}={value}" for name, value in sorted(start.environment.items())),
        sorted(start.mapped),
        sorted(left),
    )
    digest = hashlib.sha256()
    for part in parts:
        for text in part:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        digest.update(b"\0")
    return digest.hexdigest()
