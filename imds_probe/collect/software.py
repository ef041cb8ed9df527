"""What is installed that the catalog knows, by each package manager that this system has."""

from __future__ import annotations

from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.container_tasks import DATABASES, Inside
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.software import Software
from imds_probe.inventory.packages import contents
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.inventory.packages.package import Package, PackageManager
from imds_probe.inventory.packages.snap import Snap
from imds_probe.reading.reader import share_of

# Both take milliseconds; one that takes longer than this hangs on a lock or a dead disk.
QUERY_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Packages:
    """What one package manager of the host has that the catalog knows."""

    software: tuple[Software, ...]


def _of(manager: PackageManager) -> Collector:
    """Each manager is a collector: a failing one takes nothing from the others."""

    def collect(context: Context) -> Collected:
        packages = _query(manager, context)
        if packages is None:
            return Collected(nothing=f"no {manager.id} database")
        found = (known(package, context.catalog) for package in packages)
        return Collected((Packages(tuple(each for each in found if each)),))

    return Collector(
        id=manager.id,
        collect=collect,
        gives=(Packages,),
        without=f"the packages installed by {manager.id} on this host",
        reads=(DATABASES,) if manager.id in contents.MANAGERS else (),
        of_image=True,
        confirms=True,
        of_host=(Need.PACKAGES,),
    )


def packages(context: Context) -> tuple[Software, ...]:
    """What all package managers of the host have, in the order of their list."""
    found = [each for one in context.all(Packages) for each in one.software]
    order = [manager.id for manager in MANAGERS]
    return tuple(sorted(found, key=lambda each: order.index(each.manager)))


def _query(manager: PackageManager, context: Context) -> list[Package] | None:
    """None where the system has no such manager; an empty list where it has and knows none of the packages."""
    root, names = context.root, context.catalog.package_names(manager.id)
    timeout_s = min(QUERY_TIMEOUT_S, context.left_s)
    if context.request.image and isinstance(manager, Snap):
        return manager.kept(root, names) if manager.present(root) else None
    if root == Path("/") or manager.id not in contents.MANAGERS:
        return manager.query(root, names, timeout_s) if manager.present(root) else None
    # Another system's, which may be anybody's: this one's tools would follow its links, and run what its settings say. A
    # container that looks at its host has none of them, least of all those of whatever the host is.
    ends = share_of(context.deadline, QUERY_TIMEOUT_S)
    answer = context.reader.ask(DATABASES, Inside(str(root), {manager.id: names}, ends), [root], ends)
    troubles = [*(trouble for each in answer.found for trouble in each.troubles), *filter(None, (answer.failed,))]
    if troubles:
        raise ProbeError(troubles[0])
    managed = [each for each in answer.found if each.managers]
    return [package for each in managed for package in each.packages] if managed else None


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


COLLECTORS = tuple(_of(manager) for manager in MANAGERS)
