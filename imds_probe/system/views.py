"""Roots that nobody mounted, seen as what would be mounted there: layers of an image over each other, or one directory alone.

What the topmost layer has of a name hides what those below it have, and directories are put together: Documentation/
filesystems/overlayfs.rst of Linux. Names are looked up one after the other, so that links lead within the view.
"""

from __future__ import annotations

import contextlib
import errno
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.confined import DEPTH_MAX, LINKS_MAX, FileUnreadable
from imds_probe.system.door import File, Files, FileStatus, Identity
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.once import Once
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part
from imds_probe.system.walk_memory import WalkMemory

HIDES, HIDES_ALL = ".wh.", ".wh..wh..opq"  # what other drivers than the kernel's leave: fuse-overlayfs(1)
KNOWN_MAX = 50_000  # what is remembered of one view


@dataclass(frozen=True)
class _Found:
    """`names` lead from the view's root to it, free of links; `places` are where it lies, of a directory all that are one."""

    names: tuple[str, ...]
    places: tuple[str, ...]


@dataclass
class View:
    """`layers` are directories below `root`, the topmost first and free of links, `opaque` those in them that hide what lies
    below. `mounts` are paths below `root`, free of links, by the names that lead to where they are mounted: "" where there is
    nothing to mount. Raises FileUnreadable as `files` does.
    """

    files: Files
    root: Path
    layers: tuple[str, ...]
    opaque: Collection[str] = ()
    mounts: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    _listed: dict[str, frozenset[str]] = field(default_factory=dict)
    _steps: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def found(self, path: str) -> _Found | None:
        """What a path leads to; None for nothing."""
        ahead = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        at = [_Found((), self.layers)]
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                at = at[:-1] or at
                continue
            link, places = self._step(at[-1], part)
            if link:
                links += 1
                at = at[:1] if link.startswith("/") else at
                ahead += [each for each in reversed(link.split("/")) if each not in ("", ".")]
            elif places or self._leads_to_mount((*at[-1].names, part)):
                at.append(_Found((*at[-1].names, part), places))
            else:
                return None
            if links > LINKS_MAX or len(at) > DEPTH_MAX or len(ahead) > DEPTH_MAX:
                raise FileUnreadable(f"{path[:200]} has too many symbolic links or is too deep")
        return at[-1] if at[-1].places else None

    def _leads_to_mount(self, names: tuple[str, ...]) -> bool:
        """Whether a directory is made for what is mounted below it."""
        return any(place and mounted[: len(names)] == names for mounted, place in self.mounts.items())

    def names(self, path: str) -> tuple[str, ...]:
        """See rootfs.names."""
        found = self.found(path)
        if found is None:
            return ()
        there: set[str] = set()
        hidden: set[str] = set()
        for number, place in enumerate(found.places):
            own = self._names(place)
            below = frozenset[str]().union(*(self._names(each) for each in found.places[number + 1 :]))
            gone = self._whiteouts(place, sorted(own & below))
            there |= {name for name in own - hidden - gone if not name.startswith(HIDES)}
            hidden |= own | gone | {name.removeprefix(HIDES) for name in own if name.startswith(HIDES)}
        there |= {mounted[-1] for mounted, place in self.mounts.items() if place and mounted[:-1] == found.names}
        return tuple(sorted(there))

    def status(self, path: str) -> FileStatus | None:
        """See rootfs.status."""
        found = self.found(path)
        return self.files.status(self.root, found.places[0]) if found is not None else None

    def opened(self, path: str) -> AbstractContextManager[File | None]:
        """See rootfs.opened."""
        found = self.found(path)
        return contextlib.nullcontext(None) if found is None else self.files.opened(self.root, found.places[0])

    def real_path(self, path: str) -> str | None:
        """See rootfs.real_path."""
        with contextlib.suppress(FileUnreadable):
            found = self.found(path)
            return f"/{'/'.join(found.names)}" if found is not None else None
        return None

    def looked_up(self, path: str) -> FileStatus | FileUnreadable | None:
        """See rootfs.looked_up."""
        try:
            return self.status(path)
        except FileUnreadable as trouble:
            return trouble

    def _step(self, at: _Found, name: str) -> tuple[str, tuple[str, ...]]:
        """Where a link of this name leads, or the places of what there is; both empty for nothing."""
        key = (*at.names, name)
        if key not in self._steps:
            if len(self._steps) > KNOWN_MAX:
                self._steps.clear()
            mounted = self.mounts.get(key)
            places = ((mounted,) if mounted else ()) if mounted is not None else None
            self._steps[key] = ("", places) if places is not None else self._looked_up(at.places, name)
        return self._steps[key]

    def _looked_up(self, directories: Sequence[str], name: str) -> tuple[str, tuple[str, ...]]:
        places: list[str] = []
        for directory in directories:
            names = self._names(directory)
            place = f"{directory}/{name}"
            if name in names:
                kind, link = self._kind(place)
                if kind is None or (places and not stat.S_ISDIR(kind)):
                    break  # hidden from here on
                if not stat.S_ISDIR(kind):
                    return link, (place,)
                places.append(place)
                if place in self.opaque or HIDES_ALL in self._names(place):
                    break
            if f"{HIDES}{name}" in names:
                break
        return "", tuple(places)

    def _kind(self, place: str) -> tuple[int | None, str]:
        """The mode of what lies there, None for what says that there is nothing; of a link where it leads."""
        if self.files.real_path(self.root, place) != place:
            try:
                return stat.S_IFLNK, self.files.link(Path(f"{str(self.root).rstrip('/')}{place}"))
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                    return None, ""  # it has just been put there
                raise FileUnreadable(f"{place[:200]} cannot be looked up: {error.strerror}") from None
        status = self.files.status(self.root, place)
        return (None if status is None or stat.S_ISCHR(status.st_mode) else status.st_mode), ""

    def _whiteouts(self, directory: str, names: Sequence[str]) -> set[str]:
        """Those of these names of which a layer says that there is nothing. No image has devices."""
        found = self.files.looked_up(self.root, [f"{directory}/{name}" for name in names]) if names else ()
        devices = (
            name
            for name, status in zip(names, found, strict=True)
            if isinstance(status, FileStatus) and stat.S_ISCHR(status.st_mode)
        )
        return {name for name in devices if self._kind(f"{directory}/{name}")[0] is None}

    def _names(self, place: str) -> frozenset[str]:
        if place not in self._listed:
            if len(self._listed) > KNOWN_MAX:
                self._listed.clear()
            self._listed[place] = frozenset(self.files.names(self.root, place))
        return self._listed[place]


@dataclass
class Views:
    """See door.Files: what is asked below the root of a view is answered by it, all else by `files`, each once."""

    files: Files
    _once: Once = field(init=False)
    _views: dict[str, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._once = Once(self.files)

    def add(self, root: Path, view: View) -> None:
        """From now on this root is that view. There must be nothing of that name."""
        self._views[str(root)] = view

    def opened(self, root: Path, path: str) -> AbstractContextManager[File | None]:
        view = self._views.get(str(root))
        return view.opened(path) if view is not None else self._once.opened(root, path)

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        return self._once.contents(root, paths) if str(root) not in self._views else {}

    def names(self, root: Path, path: str) -> tuple[str, ...]:
        view = self._views.get(str(root))
        return view.names(path) if view is not None else self._once.names(root, path)

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return self._once.names_of(root, paths) if str(root) not in self._views else {}

    def status(self, root: Path, path: str) -> FileStatus | None:
        view = self._views.get(str(root))
        return view.status(path) if view is not None else self._once.status(root, path)

    def looked_up(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
        view = self._views.get(str(root))
        return tuple(map(view.looked_up, paths)) if view is not None else self._once.looked_up(root, paths)

    def real_path(self, root: Path, path: str) -> str | None:
        view = self._views.get(str(root))
        return view.real_path(path) if view is not None else self._once.real_path(root, path)

    def file_system(self, root: Path, path: str) -> FileSystem | None:
        return self.files.file_system(root, path)

    def program(self, proc: Path, pid: int) -> AbstractContextManager[File]:
        return self.files.program(proc, pid)

    def head(self, path: Path, limit_bytes: int) -> bytes:
        return self.files.head(path, limit_bytes)

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        return self.files.pieces(path, limit_bytes)

    def link(self, path: Path) -> str:
        return self.files.link(path)

    def several(
        self, directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        return self.files.several(directory, files, links)

    def links(self, directory: Path, most: int) -> tuple[str, ...]:
        return self.files.links(directory, most)

    def roots_of(self, proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
        return self.files.roots_of(proc, pids)

    def walk(
        self,
        root: Path,
        starts: Sequence[str],
        sought: Sought,
        budget: Budget,
        left_out: Collection[str],
        *,
        memory: WalkMemory,
    ) -> Iterator[Part]:
        return self.files.walk(root, starts, sought, budget, left_out, memory=memory)
