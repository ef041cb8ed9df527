"""Which libraries one system's processes have: each place looked into once, whoever shares it.

A system is a root directory, the host's or a container's, with the processes that run in it.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from imds_probe import rootfs
from imds_probe.inventory.sdks.dotnet import Dotnet
from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.go_build import go_libraries
from imds_probe.inventory.sdks.jar import ARCHIVES, java_libraries
from imds_probe.inventory.sdks.native import native_libraries
from imds_probe.inventory.sdks.node import Node
from imds_probe.inventory.sdks.php import Php
from imds_probe.inventory.sdks.python import Python
from imds_probe.inventory.sdks.recogniser import Located, Recogniser
from imds_probe.inventory.sdks.ruby import Ruby
from imds_probe.inventory.sdks.running import Running

RECOGNISERS: tuple[Recogniser, ...] = (Python(), Node(), Ruby(), Php(), Dotnet())
ARCHIVES_OF_A_DIRECTORY_MAX = 1000
_Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Use:
    """A library, where it lies, and the processes that have it loaded or would find it there; none: on disk only."""

    located: Located
    pids: tuple[int, ...]


@dataclass
class Scan:
    """One system. `names` are the packages that matter, by ecosystem. `troubles` are places that could not be read.

    `files` is what files were found to hold, by inode, size and time of change: shared by the scans of one run, as
    containers of one image have the same files.
    """

    root: Path
    names: Mapping[str, Collection[str]]
    files: dict[_Identity, tuple[Library, ...]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _places: dict[tuple[str, str], tuple[Located, ...]] = field(default_factory=dict)

    def of_processes(self, processes: Sequence[Running]) -> list[Use]:
        """What these processes use, in the order of paths."""
        pids: dict[Located, set[int]] = defaultdict(set)
        for process in processes:
            for located in self._of_process(process):
                pids[located].add(process.pid)
        ordered = sorted(pids.items(), key=lambda item: (item[0].path, str(item[0].library)))
        return [Use(located, tuple(sorted(found))) for located, found in ordered]

    def _of_process(self, process: Running) -> Iterator[Located]:
        for path in sorted(process.loaded):
            if path == process.executable or path.endswith(ARCHIVES) or "aws" in posixpath.basename(path):
                yield from self._file(path)
        for ecosystem, path in process.directories:
            key = (ecosystem, path)
            if key not in self._places:
                self._places[key] = tuple(self._place(ecosystem, path))
            yield from self._places[key]

    def _place(self, ecosystem: str, pattern: str) -> Iterator[Located]:
        try:
            for path in self._matching(pattern):
                if ecosystem == "maven":
                    yield from self._class_path(path)
                for recogniser in RECOGNISERS:
                    if recogniser.ecosystem == ecosystem and self.names.get(ecosystem):
                        yield from recogniser.libraries_in(self.root, path, self.names[ecosystem])
        except rootfs.FileUnreadable as trouble:
            self.troubles.append(trouble.problem)

    def _class_path(self, path: str) -> Iterator[Located]:
        if path.endswith(ARCHIVES):
            yield from self._file(path)
            return
        archives = [name for name in rootfs.names(self.root, path) if name.endswith(ARCHIVES)]
        for name in archives[:ARCHIVES_OF_A_DIRECTORY_MAX]:
            yield from self._file(f"{path}/{name}")

    def _matching(self, pattern: str) -> list[str]:
        """Paths with one name that has a wildcard; what has none is taken as it stands."""
        parts = pattern.split("/")
        at = next((index for index, part in enumerate(parts) if "*" in part), None)
        if at is None:
            return [pattern]
        names = rootfs.names(self.root, "/".join(parts[:at]) or "/")
        return ["/".join([*parts[:at], name, *parts[at + 1 :]]) for name in fnmatch.filter(names, parts[at])]

    def _file(self, path: str) -> Iterator[Located]:
        try:
            with rootfs.opened(self.root, path) as file:
                if file is None:
                    return
                status = os.fstat(file.fileno())
                identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if identity not in self.files:
                    self.files[identity] = tuple(self._libraries(file, path))
                yield from (Located(library, path) for library in self.files[identity])
        except rootfs.FileUnreadable as trouble:
            self.troubles.append(trouble.problem)

    def _libraries(self, file: BinaryIO, path: str) -> list[Library]:
        with open(file.fileno(), "rb", closefd=False) as buffered:  # many small reads
            if path.endswith(ARCHIVES):
                return java_libraries(buffered, self.names.get("maven", ()))
            found = go_libraries(buffered, self.names.get("go", ()))
            own = [*self.names.get("crate", ()), *self.names.get("binary", ())]
            return found or native_libraries(buffered, own)
