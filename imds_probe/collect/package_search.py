"""Asking the parser for the code of installed packages, where their versions do not decide: whether or not anything runs it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import judged
from imds_probe.collect.code_search import STUCK_S, Search
from imds_probe.collect.package_tasks import PACKAGES, OfCatalog, OfPackage, Undecided
from imds_probe.collect.sdk_systems import System
from imds_probe.facts.code import InChangelog, PackageRead
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.packages.wanted import Wanted
from imds_probe.reading.reader import OUT_OF_TIME, Reader

MANAGERS = ("dpkg", "rpm", "apk", "snap")
PACKAGES_MAX = 50  # of one system
ATTEMPTS_MAX = 5  # each passes over the package that those before ended at


def undecided(
    installed: Sequence[Software], system: System, host_os: OsRelease, catalog: Catalog
) -> tuple[OfCatalog, ...]:
    """The packages of a system of which the catalog cannot tell by their versions whether they speak IMDSv2.

    A setting that could not be read is nothing that code tells.
    """
    found: dict[Wanted, OfCatalog] = {}
    for entry in installed:
        is_here = system.id in entry.container_ids if system.id is not None else entry.on_host and system.label is None
        if not is_here or isinstance(entry, SdkSoftware) or entry.manager not in MANAGERS or entry.version is None:
            continue
        needed = judged(entry, entry.version, entry.os or host_os, catalog)
        row = catalog.row(entry.component)
        if row is not None and needed.status == "unknown" and needed.setting is None:
            wanted = Wanted(entry.manager, entry.package, entry.version)
            found[wanted] = OfCatalog(row.id, wanted, row.files)
    return tuple(found.values())[:PACKAGES_MAX]


class PackageSearch:
    """The packages of one system, and what was found of them: `read`, and whose each file is that says something."""

    def __init__(self, search: Search, reader: Reader, packages: Sequence[OfCatalog]) -> None:
        self.read: list[PackageRead] = []
        self.owned: dict[str, Owned] = {}
        self._search, self._reader = search, reader
        self._left = {each.wanted: each for each in packages}
        self._begun: list[Wanted] = []  # the one that the parser is at

    def look(self, deadline: float) -> None:
        """Read them, until `deadline`, a time.monotonic."""
        search = self._search
        for _ in range(ATTEMPTS_MAX):
            if not self._left or time.monotonic() > deadline:
                break
            self._begun = []
            asked = Undecided(search.reading(deadline), tuple(self._left.values()), search.found.started())
            answer = self._reader.ask(
                PACKAGES, asked, [search.system.root], deadline + STUCK_S, seen=self._take, stuck_s=STUCK_S
            )
            if not answer.failed or answer.failed == OUT_OF_TIME:
                break
            if not self._begun:
                search.troubles.append(f"the files of some packages were not read: {answer.failed}")
                break
            self._end(self._begun[0], OfPackage(why=unread.TOO_LONG))
        for wanted in tuple(self._left):
            self._end(wanted, OfPackage(why=unread.NO_TIME))

    def _take(self, found: OfPackage) -> str:
        self._search.keep(found.piece)
        if found.package is not None:
            self._begun = [found.package]
            if found.ended:
                self._end(found.package, found)
        return ""

    def _end(self, wanted: Wanted, found: OfPackage) -> None:
        package = self._left.pop(wanted, None)
        if package is None:
            return
        owned = [Owned(each.path, wanted.manager, wanted.name, wanted.version) for each in found.piece.spoken]
        self.owned.update((each.path, each) for each in owned)
        said = found.mention
        self.read.append(
            PackageRead(
                package.component,
                Owned("", wanted.manager, wanted.name, wanted.version).said,
                found.files,
                found.why,
                InChangelog(said.place, said.version, said.words) if said is not None else None,
                started=found.started,
                on_host=self._search.found.on_host,
                container_ids=(self._search.system.id,) if self._search.system.id else (),
            )
        )
