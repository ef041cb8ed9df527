"""What is installed that the catalog knows, by each package manager that this system has."""

from __future__ import annotations

import time
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collecting import Collecting
from imds_probe.facts import Software
from imds_probe.inventory.packages import MANAGERS, contained
from imds_probe.inventory.packages.package import Package, PackageManager, ToolMissing

# Both take milliseconds; one that takes longer than this hangs on a lock or a dead disk.
QUERY_TIMEOUT_S = 10.0


def collect(root: Path, catalog: Catalog, collecting: Collecting) -> tuple[Software, ...]:
    """Ask every manager, each on record under its own name: a failing one takes nothing from the others."""
    found: list[Software] = []
    for manager in MANAGERS:
        packages = collecting.run(
            manager.id,
            lambda manager=manager: _query(manager, root, catalog, collecting.left_s),  # type: ignore[misc]
            lambda result, manager=manager: f"no {manager.id} database" if result is None else "",  # type: ignore[misc]
        )
        found += [software for package in packages or () if (software := known(package, catalog))]
    return tuple(found)


def _query(manager: PackageManager, root: Path, catalog: Catalog, left_s: float) -> list[Package] | None:
    """None where the system has no such manager; an empty list where it has and knows none of the packages."""
    if not manager.present(root):
        return None
    names, timeout_s = catalog.package_names(manager.id), min(QUERY_TIMEOUT_S, left_s)
    try:
        return manager.query(root, names, timeout_s)
    except ToolMissing:
        if root == Path("/"):
            raise
    # A container that looks at its host has no tools, least of all those of whatever the host is.
    found = contained.read(root, {manager.id: names}, time.monotonic() + timeout_s)
    if found.troubles:
        raise found.troubles[0]
    return list(found.packages)


def known(package: Package, catalog: Catalog) -> Software | None:
    """The piece of software that a package is, None where the catalog does not know it."""
    row = catalog.recognise(package.manager, package.name, package.version)
    if row is None:
        return None
    state = "" if package.status == "installed" else f", {package.status}"
    return Software(
        component=row.id,
        manager=package.manager,
        package=package.name,
        version=package.version,
        source=f"{package.manager} database{state}",
    )
