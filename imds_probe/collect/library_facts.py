"""How AWS SDKs in archives ask that something will load, by their versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.collect.dues import Coming
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Speaks
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.schedules.scheduled import is_of_unit
from imds_probe.inventory.sdks.libraries import Library


@dataclass(frozen=True)
class Judged:
    """A library with its row of the catalog, and how it asks."""

    library: Library
    row: Row
    speaks: Speaks


def judged(found: Mapping[str, Spoken], catalog: Catalog) -> Mapping[str, Judged]:
    """Those of what was `found` that decide, by their roots. Of several packages of one SDK in one archive, the one counts that the
    row names first, as of what runs. What has another library make its calls is judged by that one.
    """
    places: defaultdict[tuple[str, str], list[tuple[int, str, Judged]]] = defaultdict(list)
    for root, each in found.items():
        library = each.library
        if library is None:
            continue
        row = catalog.recognise(library.ecosystem, library.package, library.version or library.at_least)
        if row is not None and not row.through:
            rank = row.packages[library.ecosystem].index(library.package)
            one = Judged(library, row, _speaks(each, library, row, catalog))
            places[row.id, "!".join((each.path, *library.inside))].append((rank, root, one))
    return {
        root: one
        for members in places.values()
        for rank, root, one in members
        if rank == min(each[0] for each in members)
    }


def _speaks(found: Spoken, library: Library, row: Row, catalog: Catalog) -> Speaks:
    status = catalog.judge(
        row, manager=library.ecosystem, version=library.version, at_least=library.at_least, below=library.below
    ).status
    if status == "ok":
        return "v2"
    # A setting may be in force where it will run.
    return "v1" if status == "too-old" and found.speaks == "v1" else "both"


def runs_already(path: str, one: Judged, by: Mapping[str, Coming], sdks: Iterable[SdkSoftware]) -> bool:
    """Whether processes have it loaded, so that it was judged with these: nothing starts it but the boot, and the commands that
    stop or reload a unit. `sdks` are those of its system.
    """
    coming = Coming.by_all(each for name, each in by.items() if not is_of_unit(name))
    if not coming.at_boot_alone:
        return False
    return any(
        (each.component, each.version) == (one.row.id, one.library.version)
        and (each.sdk.places > len(each.sdk.paths) or any(at.partition("!")[0] == path for at in each.sdk.paths))
        for each in sdks
    )


def running_in(sdks: Iterable[Software], system_id: str | None, *, on_host: bool) -> list[SdkSoftware]:
    """Those of these that processes use on the host, or in the container of this identity."""
    running = (each for each in sdks if isinstance(each, SdkSoftware) and each.running)
    return [each for each in running if (on_host and each.on_host) or system_id in each.container_ids]
