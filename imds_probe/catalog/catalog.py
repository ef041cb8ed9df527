"""The catalog: what is known about which software speaks IMDSv2 from which version on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imds_probe.catalog.judging import Installed, judge_row
from imds_probe.catalog.judging_ranges import judge_range
from imds_probe.catalog.reading import read_file
from imds_probe.catalog.rows import Requirement, Row
from imds_probe.catalog.settings_in_force import LookedUpSetting
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.dataclass import dataclass

# Listed by hand, in the order they are read; package data stands beside this module.
FILES = (
    "os_software.json",
    "aws_software.json",
    "sdks.json",
    "kubernetes.json",
    "observability.json",
    "tools.json",
    "security.json",
    "clients.json",
)


@dataclass(frozen=True)
class Catalog:
    """All rows, in the order they were read, and the ids of those that a file of the user's own has."""

    rows: tuple[Row, ...]
    own: frozenset[str] = frozenset()

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> Catalog:
        """Read the package's files and then `extra`; a row replaces an earlier one of its id. Raises CatalogError."""
        rows = {row.id: row for name in FILES for row in read_file(Path(__file__).parent / name)}
        own = {row.id: row for path in extra for row in read_file(path)}
        return cls(tuple((rows | own).values()), frozenset(own))

    def row(self, component_id: str) -> Row | None:
        """The row of this id, None where there is none."""
        return next((row for row in self.rows if row.id == component_id), None)

    def package_names(self, manager: str) -> tuple[str, ...]:
        """Every package name that a row knows in this manager, sorted: what to ask it for."""
        return tuple(sorted({name for row in self.rows for name in row.packages.get(manager, ())}))

    def recognise(self, manager: str, package: str, version: str | None) -> Row | None:
        """The row an installed package belongs to, None where the catalog does not know the name.

        Rows of the user's own come before the package's. Where several rows share a name (AWS CLI v1 and v2), the version decides;
        where it cannot, or is not known, the first of them is returned, whose judgement then says what is wrong with the version.
        """
        named = [row for row in self.rows if package in row.packages.get(manager, ())]
        named.sort(key=lambda row: row.id not in self.own)
        covering = (row for row in named if version is not None and _covers(row, manager, version))
        return next(covering, named[0] if named else None)

    def judge(
        self,
        component: str | Row,
        *,
        manager: str,
        version: str | None,
        at_least: str | None = None,
        below: str | None = None,
        os_id: str | None = None,
        os_version_id: str | None = None,
        os_id_like: Sequence[str] = (),
        settings: Sequence[LookedUpSetting] = (),
    ) -> Requirement:
        """Judge one installed version, given as its manager prints it, on a distribution as os-release names it, with
        what was seen of its settings. A version that is not known may be narrowed down to `at_least` and `below`.

        Never raises on odd input: what the catalog does not know or cannot compare has the status "unknown".
        """
        row = self.row(component) if isinstance(component, str) else component
        if row is None:
            return Requirement(None, "unknown", f"the catalog has no component {component}", None)
        installed = Installed(manager, version or "", os_id, os_version_id, os_id_like, settings)
        return judge_row(row, installed) if version is not None else judge_range(row, installed, at_least, below)


def _covers(row: Row, manager: str, version: str) -> bool:
    since = 0 if row.since is None else compare_upstream(manager, version, row.since).order
    before = -1 if row.before is None else compare_upstream(manager, version, row.before).order
    return since is not None and since >= 0 and before is not None and before < 0
