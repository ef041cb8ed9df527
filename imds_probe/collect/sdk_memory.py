"""What one run leaves of the host's disk for the next, in the state directory."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.sdks.known_files import Kept
from imds_probe.inventory.version import version
from imds_probe.system.remembered import Remembered, is_safe
from imds_probe.system.walk_memory import FORMAT, bounded

FILES_MAX = 10_000  # a host has some hundred; all are told to the parser, which has little memory


class SdkMemory:
    """Kept in `state`, nowhere where that is None; `names` are the packages that matter, by ecosystem. `damaged` says that what
    was there made no sense, in a sentence. `walked` is after `load` what a walk has left: see WalkMemory.
    """

    def __init__(self, root: Path, state: Path | None, names: Mapping[str, Collection[str]]) -> None:
        self._files: Remembered[Kept] | None = None
        self._directories: Remembered[bytes] | None = None
        self._loaded: dict[str, Kept] = {}
        self.walked: tuple[bytes, ...] = ()
        if state is not None and is_safe(root, state):
            sought = (f"{ecosystem} {name}" for ecosystem, each in sorted(names.items()) for name in sorted(each))
            self._files = Remembered(state, "disk", Kept, version("imds_probe.inventory.sdks", sought))
            by = version("imds_probe.inventory.sdks", (FORMAT,))
            self._directories = Remembered(state, "directories", bytes, by)

    @property
    def damaged(self) -> str:
        """See Remembered."""
        stores = (self._files, self._directories)
        return next((each.damaged for each in stores if each is not None and each.damaged), "")

    def load(self) -> Mapping[str, Kept]:
        """What an earlier run has left."""
        if self._files is not None and self._directories is not None:
            self._loaded = self._files.load()
            self.walked = tuple(self._directories.load().values())
        return self._loaded

    def save(self, learnt: Mapping[str, Kept], walks: Sequence[bytes], *, whole: bool) -> None:
        """Leave this; with what there was before, unless the `whole` disk was searched: the rest may still be so."""
        before = {} if whole else {path: each for path, each in self._loaded.items() if path not in learnt}
        kept = dict(itertools.islice({**learnt, **before}.items(), FILES_MAX))
        if self._files is not None and kept != self._loaded:
            self._files.save(kept)
        if self._directories is not None and walks:
            walked = bounded(list(walks if whole else dict.fromkeys((*walks, *self.walked))))
            self._directories.save({str(number): each for number, each in enumerate(walked)})
