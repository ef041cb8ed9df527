"""What is found of packages below a root by reading their managers' databases; contained.py reads them."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.inventory.packages.package import Package

MANAGERS = ("dpkg", "apk", "rpm")  # whose databases are read, in this order
Identity = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True)
class Contents:
    """What was found below one root. `managers` have a database there; `troubles` say which of these could not be read."""

    packages: tuple[Package, ...] = ()
    managers: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
