"""What holds for every package manager in the list."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.ecosystems.listed import ECOSYSTEMS, ecosystem_of
from imds_probe.inventory import packages
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.inventory.packages.package import PackageError

SUPPORT = {
    "changelog",
    "contained",
    "contents",
    "dpkg_status",
    "managers",
    "own_files",
    "package",
    "rooted",
    "text",
    "wanted",
}


def test_every_manager_is_listed_once() -> None:
    modules = {path.stem for path in Path(packages.__file__).parent.glob("*.py")} - SUPPORT - {"__init__"}
    assert sorted(manager.id for manager in MANAGERS) == sorted(modules)


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager.id)
class TestManager:
    def test_the_catalog_knows_it(self, manager) -> None:
        assert manager.id in {ecosystem.id for ecosystem in ECOSYSTEMS}
        # A snap's versions are free text.
        assert ecosystem_of(manager.id).versions.order is not None or manager.id == "snap"
        assert Catalog.load().package_names(manager.id)

    def test_nothing_here_and_cannot_look_are_different(self, manager, tmp_path: Path) -> None:
        assert manager.present(tmp_path) is False
        assert manager.present(tmp_path / "nothing") is False
        with pytest.raises(PackageError) as caught:
            manager.query(tmp_path, ["cloud-init"], timeout_s=5)
        assert caught.value.manager == manager.id
        assert caught.value.remedy

    def test_it_is_called_alike(self, manager) -> None:
        assert list(inspect.signature(manager.query).parameters) == ["root", "names", "timeout_s"]
        assert list(inspect.signature(manager.present).parameters) == ["root"]
