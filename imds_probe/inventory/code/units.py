"""What is judged as a whole: a script with its own modules, a program, a library; and how the files of one are put together."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Speaks
from imds_probe.inventory.code.following.known import Known
from imds_probe.inventory.code.following.loads import Load
from imds_probe.inventory.code.following.program import CODE
from imds_probe.inventory.code.speaks import Said, together
from imds_probe.inventory.code.spoken import Spoken


def units(loads: Iterable[Load], own: str) -> Mapping[str, tuple[str, ...]]:
    """The files of each whole; `own` stands for the program's own code."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for load in loads:
        # Shared objects that belong to no package are somebody else's each.
        alone = load.path if CODE.fullmatch(load.path) else own
        found[load.package_root or alone].append(load.path)
    return {root: tuple(files) for root, files in found.items()}


@dataclass
class Wholes:
    """What wholes say, each by the files of it that a program loads: of one library, two programs may load different parts."""

    _said: dict[tuple[str, tuple[str, ...]], Spoken | None] = field(default_factory=dict)

    def spoken(self, root: str, files: tuple[str, ...], known: Mapping[str, Known | None]) -> Spoken | None:
        """What these files of a whole say together; `known` is asked once for each part."""
        if (root, files) not in self._said:
            there = {path: each for path in files if (each := known[path]) is not None}
            self._said[root, files] = spoken(root, there)
        return self._said[root, files]


def spoken(root: str, files: Mapping[str, Known]) -> Spoken | None:
    """What a whole says, None where it says nothing of the service."""
    said = {path: known.said for path, known in files.items() if known.said is not None}
    judged = together(said)
    if judged is None:
        return None
    speaks, path = judged
    return shown(root, path, said[path], speaks, files[path].owner_uid)


def shown(root: str, path: str, said: Said, speaks: Speaks, owner_uid: int | None = None) -> Spoken:
    """The same by the file that shows it."""
    hit = said.shown
    return Spoken(root, path, hit.line if hit else None, said.quote, speaks, said.form, owner_uid)


def lying(environment: str, names: Iterable[str], loaded: Iterable[str]) -> Iterator[str]:
    """The packages in a directory of libraries that nobody has loaded, by their roots."""
    there = set(loaded)
    for name in sorted(names):
        root = posixpath.join(environment, name)
        # Records of what is installed, and byte code, are no packages.
        if root not in there and not name.endswith((".dist-info", ".egg-info", ".pth")) and name != "__pycache__":
            yield root
