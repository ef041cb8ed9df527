"""What asks for metadata in a place: software of the catalog, with what it heeds and what it asks for."""

from __future__ import annotations

from collections.abc import Iterable

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Asked, Row
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.facts.sdk_settings import DISABLED, SdkSettings
from imds_probe.facts.software import Installed, SdkSoftware, Software


@dataclass(frozen=True)
class Asking:
    """One piece of software, called `name`. `told` is what its own processes are told, empty where that is not known of them
    alone.
    """

    name: str
    row: Row | None = None
    manager: str = ""
    version: str | None = None
    is_sdk: bool = False
    told: tuple[SdkSettings, ...] = ()

    @property
    def asks_for(self) -> tuple[Asked, ...]:
        return self.row.asks_for if self.row else ()

    @property
    def any_value_disables(self) -> bool:
        """Whether it takes any value of the variable that turns metadata off for true."""
        heeded = self.row.heeds.get(DISABLED) if self.row else None
        return heeded is not None and heeded.any_value

    def heeds(self, variable: str) -> bool:
        """Whether it does what the variable says. A version that is not known may be an older one."""
        heeded = self.row.heeds.get(variable) if self.row else None
        if heeded is None:
            return True
        if heeded.since is None or self.version is None:
            return False
        order = compare_upstream(self.manager, self.version, heeded.since).order
        return order is not None and order >= 0


# What stands for an SDK that was not recognised: it does as the SDKs' reference says.
ANY_SDK = Asking("an AWS SDK")


def asking(software: Software, row: Row | None, told: tuple[SdkSettings, ...] = ()) -> Asking:
    """What is known of a piece of software; where its version is a range, of the oldest in it."""
    is_sdk = isinstance(software, SdkSoftware)
    version = (
        software.sdk.at_least if isinstance(software, SdkSoftware) and software.version is None else software.version
    )
    name = f"{row.name if row else software.package} {software.said_version}"
    return Asking(name, row, software.manager, version, is_sdk, told)


def asking_in(container: Container, facts: Facts, catalog: Catalog) -> tuple[Asking, ...]:
    """What there is in a container: AWS SDKs in use, and all else that the catalog knows."""
    return tuple(_asking_in(container, facts[Installed].software, catalog))


def _asking_in(container: Container, software: Iterable[Software], catalog: Catalog) -> Iterable[Asking]:
    for each in software:
        if container.identity not in each.container_ids:
            continue
        row = catalog.row(each.component)
        if row is None or row.through:
            continue
        if isinstance(each, SdkSoftware):
            if each.running:
                alone = each.container_ids == (container.identity,)
                yield asking(each, row, each.sdk.sdk_settings if alone else ())
        else:
            yield asking(each, row)
