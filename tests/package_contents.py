"""All packages below a root, put together of what each manager's database has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from imds_probe.inventory.packages.contained import Contents, by_manager


def read(root: Path, names: Mapping[str, Collection[str]], deadline: float) -> Contents:
    """As for by_manager."""
    found = tuple(by_manager(root, names, deadline))
    return Contents(
        tuple(package for each in found for package in each.packages),
        tuple(manager for each in found for manager in each.managers),
        tuple(trouble for each in found for trouble in each.troubles),
    )
