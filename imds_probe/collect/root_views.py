"""Other roots that schedules enter, in the parser: directories, and images, each seen as what would run there sees it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system import rootfs
from imds_probe.system.views import View, Views

VIEWS_MAX = 200  # in one system
Mounts = tuple[tuple[str, str], ...]
_NAMED = "/.imds-probe-view"  # below which there is nothing


@dataclass
class RootViews:
    """Those of the system below `root`. What is read below a view's root is answered by it while this is entered: with."""

    root: Path
    _views: Views = field(init=False)
    _known: dict[tuple[tuple[str, ...], Mounts], Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._views = Views(rootfs.files())

    @property
    def door(self) -> Views:
        """Who answers, for rootfs.read_by."""
        return self._views

    def of_directory(self, path: str) -> tuple[str, Path] | None:
        """A directory without links, and the root that it is; None where there is no such one, or there are too many."""
        real = rootfs.real_path(self.root, path)
        root = self.of_layers((real,)) if real is not None and real != "/" else None
        return (real, root) if real is not None and root is not None else None

    def of_layers(
        self, layers: Sequence[str], opaque: frozenset[str] = frozenset(), mounts: Mounts = ()
    ) -> Path | None:
        """The root that these are together, the topmost first; see View. `mounts` are paths of this system with where they lie
        in there.
        """
        key = tuple(layers), mounts
        if key not in self._known:
            if len(self._known) >= VIEWS_MAX:
                return None
            name = Path(f"{_NAMED}/{len(self._known)}")
            without = View(self._views.files, self.root, key[0], opaque)
            mounted = {_names_of(without, there): rootfs.real_path(self.root, here) or "" for here, there in mounts}
            self._views.add(name, View(self._views.files, self.root, key[0], opaque, mounted))
            self._known[key] = name
        return self._known[key]


def _names_of(view: View, path: str) -> tuple[str, ...]:
    """The names that lead to a place where something is mounted: links are followed as far as there is anything."""
    real = view.real_path(path) or os.path.normpath(path)
    return tuple(part for part in real.split("/") if part)
