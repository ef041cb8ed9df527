"""Where a Python program's own code says that libraries lie, and which of them it imports.

Directories that code adds to sys.path are in no list of the interpreter's, and a library that a project has copied into itself
lies in a package of the project's. What the code names counts whether or not it was imported yet: an import in a function comes
when the function is called. Only the program's own modules are read, not what is installed beside the interpreter.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from imds_probe.inventory.code.following.arguments import PYTHON, read
from imds_probe.inventory.code.following.python_places import HERE
from imds_probe.inventory.code.following.python_text import asked_by
from imds_probe.inventory.sdks.python_embedded import Embedded, embedded, is_server
from imds_probe.inventory.sdks.python_metadata import normalised
from imds_probe.inventory.sdks.recogniser import OwnCode
from imds_probe.inventory.sdks.start import Start, can_be_opened
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.rootfs import real_path

FILES_MAX, BYTES_MAX = (
    60,
    4 * 1024 * 1024,
)  # of one program, nearest to its beginning first: who reads code reads all of it
FILE_MAX_BYTES = 512 * 1024
PLACES_MAX = 20
CANDIDATES_MAX = 4000  # paths that modules may have
# Whose files have nothing to do with each other.
_SHARED = frozenset(("bin", "sbin", "libexec", ""))


def own_code(start: Start, names: Collection[str]) -> OwnCode:
    """Read what a program was started with, and the modules beside it that it imports; `names` are packages that matter. Raises
    nothing: what cannot be read is told of.
    """
    if is_server(posixpath.basename(start.executable)):
        return _of_server(start, names)
    given = read(start.arguments, PYTHON)
    script = start.path(given.script) if given.script else ""
    own = posixpath.dirname(real_path(start.root, script) or script) if script else start.directory
    reading = _Reading(start.root, own, {normalised(name).replace("-", "_"): name for name in names})
    if given.text is not None:
        reading.ask(f"{own}/-c", given.text.encode("utf-8", "replace"))
    elif given.module is not None:
        reading.go_on(_files_of(own, [*given.module.split("."), "__main__"]))
    elif script and can_be_opened(script):
        # A directory is started by the module of that name in it.
        reading.go_on([f"{own}/{posixpath.basename(script)}", script, f"{script}/__main__.py"])
    return reading.read()


def _of_server(start: Start, names: Collection[str]) -> OwnCode:
    """The same of a server with Python inside, by its settings."""
    unread: list[FileUnreadable] = []

    def content(path: str) -> bytes:
        try:
            return rootfs.read(start.root, path, FILE_MAX_BYTES) or b""
        except FileUnreadable as trouble:
            unread.append(trouble)
            return b""

    def listed(directory: str) -> tuple[str, ...]:
        try:
            return rootfs.names(start.root, directory)
        except FileUnreadable as trouble:
            unread.append(trouble)
            return ()

    settings = embedded(start, content, listed) or Embedded()
    own = settings.places[0] if settings.places else start.directory
    reading = _Reading(start.root, own, {normalised(name).replace("-", "_"): name for name in names})
    reading.go_on(settings.files)
    for place in settings.places or (own,):
        reading.go_on(path for module in settings.modules for path in _files_of(place, module.split(".")))
    found = reading.read()
    places = dict.fromkeys((*found.places, *settings.places, *map(posixpath.dirname, settings.files)))
    return replace(found, places=tuple(places), prefixes=settings.environments, unread=(*found.unread, *unread))


class _Reading:
    def __init__(self, root: Path, own: str, wanted: dict[str, str]) -> None:
        self._root, self._wanted, self._own = root, wanted, own
        self._places: dict[str, None] = {}
        self._named: set[str] = set()
        self._unread: list[FileUnreadable] = []
        self._waiting: list[str] = []
        self._candidates = CANDIDATES_MAX
        self._seen: set[str] = set()

    def read(self) -> OwnCode:
        """All that there is to be read, as it comes up."""
        left = BYTES_MAX
        for number in range(FILES_MAX):
            if number >= len(self._waiting) or left <= 0:
                break
            path = self._waiting[number]
            try:
                text = rootfs.read(self._root, path, FILE_MAX_BYTES) or b""
                left -= len(text)
                self.ask(path, text)
            except rootfs.FileUnreadable as trouble:
                self._unread.append(trouble)
        return OwnCode(tuple(self._places), frozenset(self._named), tuple(self._unread))

    def ask(self, path: str, text: bytes) -> None:
        """What the text of a file asks for."""
        asked, here = asked_by(text), posixpath.dirname(path)
        for place in asked.places:
            at = f"{here}/{place.removeprefix(HERE)}" if place.startswith(HERE) else f"{self._own}/{place}"
            self._add(posixpath.normpath(place if place.startswith("/") else at))
        files: dict[str, None] = {}
        for name in asked.names:
            dots = len(name) - len(name.lstrip("."))
            parts = [part for part in name.split(".") if part and part != "*"]
            self._named.update(self._wanted[part] for part in parts if part in self._wanted)
            copied = next((number for number, part in enumerate(parts) if part in self._wanted), 0)
            for base in self._bases(here, dots) if copied or self._candidates > 0 else ():
                if copied:  # a library that matters within a package: the directory that it lies in is looked into
                    self._add(posixpath.join(base, *parts[:copied]))
                if self._candidates > 0:
                    found = tuple(_files_of(base, parts))
                    self._candidates -= len(found)
                    files.update(dict.fromkeys(found))
        self.go_on(files)

    def go_on(self, paths: Iterable[str]) -> None:
        """To those of these files that there are, and that were not read yet."""
        if len(self._waiting) >= FILES_MAX:
            return
        new = [each for each in dict.fromkeys(paths) if each not in self._seen][: 4 * FILES_MAX]
        self._seen.update(new)
        for path, status in zip(new, rootfs.looked_up(self._root, new) if new else (), strict=True):
            if isinstance(status, FileUnreadable):
                self._unread.append(status)
            elif status is not None and stat.S_ISREG(status.st_mode):
                self._waiting.append(path)

    def _bases(self, here: str, dots: int) -> Iterator[str]:
        if dots:
            yield posixpath.normpath(posixpath.join(here, *[".."] * (dots - 1)))
        elif posixpath.basename(self._own) not in _SHARED:
            yield self._own
            if here != self._own:
                yield here  # as Python 2 does
        if not dots:
            yield from tuple(self._places)

    def _add(self, place: str) -> None:
        if len(self._places) < PLACES_MAX:
            self._places[place] = None


def _files_of(base: str, parts: list[str]) -> Iterator[str]:
    """What a module may be, and the packages that it is in; what is named last may be in a module."""
    for count in range(1, min(len(parts), 5) + 1):
        at = posixpath.join(base, *parts[:count])
        yield f"{at}/__init__.py"
        yield f"{at}.py"
