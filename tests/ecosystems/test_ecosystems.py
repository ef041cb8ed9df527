"""What holds for every ecosystem in the list."""

from __future__ import annotations

import importlib.resources
import json
import re
import shlex
import subprocess
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe import ecosystems
from imds_probe.catalog.catalog import Catalog
from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.listed import ECOSYSTEMS, ecosystem_of
from imds_probe.ecosystems.version_error import VersionError

SUPPORT = {"listed", "__init__", "ecosystem", "version_error"}
IDS = {ecosystem.id for ecosystem in ECOSYSTEMS}
ORDERED = [ecosystem for ecosystem in ECOSYSTEMS if ecosystem.versions.order is not None]
CATALOG = Catalog.load()
SCHEMA = json.loads(importlib.resources.files("imds_probe").joinpath("schema/catalog-v1.json").read_text())
PARTS = st.lists(st.sampled_from(["0", "1", "10", "a", "b1", "rc", "alpha", "final", "-", ".", "~", "_p1"]), max_size=6)
# Each would leave a file behind if a shell took it for more than a word.
HOSTILE = [
    "x; :>owned",
    "$(:>owned)",
    "`:>owned`",
    "' ; :>owned ; '",
    '" ; :>owned ; "',
    "x\n:>owned\n",
    "x >owned",
    "*",
]
PATHS = [
    "",
    "/{}/lib/python3.9/site-packages/y",
    "/{}/node_modules/x/node_modules/y",
    "/{}/vendor/composer/installed.json",
]


def test_every_module_is_listed_once() -> None:
    modules = {path.stem for path in Path(ecosystems.__file__).parent.glob("*.py")} - SUPPORT
    assert sorted(ecosystem.id.replace("-", "_") for ecosystem in ECOSYSTEMS) == sorted(modules)


def test_the_catalog_and_the_list_know_the_same() -> None:
    used = {key for row in CATALOG.rows for key in row.packages}
    assert used - IDS == set(), "rows of the catalog name these, which imds_probe/ecosystems/listed.py does not list"
    assert IDS - used == set(), "no row of the catalog has packages of these"


def test_the_catalogs_schema_knows_every_order() -> None:
    named = set(SCHEMA["$defs"]["component"]["properties"]["backports"]["items"]["properties"]["manager"]["enum"])
    ordered = {ecosystem.id for ecosystem in ORDERED}
    assert ordered - named == set(), "to be added to backports.manager in imds_probe/schema/catalog-v1.json"
    assert named - ordered == set(), "to be taken out of backports.manager in imds_probe/schema/catalog-v1.json"


def test_no_two_ecosystems_share_a_user_agent() -> None:
    products = [product for ecosystem in ECOSYSTEMS for product in ecosystem.products]
    assert len(set(products)) == len(products)


def test_one_that_is_not_listed_is_judged_by_upstreams_number() -> None:
    unknown = ecosystem_of("nix")
    assert unknown.versions.order is None
    assert unknown.upgrade(Outdated("a")) == ()


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS, ids=lambda ecosystem: ecosystem.id)
class TestEcosystem:
    def test_its_id_can_stand_in_the_catalog(self, ecosystem) -> None:
        assert re.fullmatch(
            SCHEMA["$defs"]["component"]["properties"]["packages"]["propertyNames"]["pattern"], ecosystem.id
        )
        assert ecosystem_of(ecosystem.id) is ecosystem

    def test_its_user_agents_lead_to_rows_that_have_packages_of_it(self, ecosystem) -> None:
        for product, component in ecosystem.products.items():
            assert product == product.lower()
            row = CATALOG.row(component)
            assert row is not None, component
            assert ecosystem.id in row.packages

    @pytest.mark.parametrize("package", HOSTILE)
    @pytest.mark.parametrize("path", PATHS)
    def test_its_command_takes_a_hostile_name_or_path_for_a_word(self, ecosystem, package, path, tmp_path) -> None:
        for outdated in (Outdated(package, "1.2.3", path.format("srv")), Outdated("a", None, path.format(package))):
            for command in ecosystem.upgrade(outdated):
                words = shlex.split(command)
                assert outdated.package != package or any(package in word for word in words)
                assert path == "" or package not in command or any(package in word for word in words)
                # Whatever is not found counts as done, so that all that follows is reached.
                script = f"command_not_found_handle() {{ return 0; }}\n{command}"
                subprocess.run(
                    ["/bin/bash", "-c", script],
                    check=False,
                    capture_output=True,
                    cwd=tmp_path,
                    env={"PATH": ""},
                    timeout=60,
                )
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ecosystem", ORDERED, ids=lambda ecosystem: ecosystem.id)
class TestOrder:
    def test_plain_numbers_go_up(self, ecosystem) -> None:
        order = ecosystem.versions.order
        for lower, higher in combinations(["0.9.9", "1.0.0", "1.0.9", "1.0.10", "1.2.0", "1.10.0", "10.0.0"], 2):
            assert (order(lower, higher), order(higher, lower), order(lower, lower)) == (-1, 1, 0), (lower, higher)

    @given(*[PARTS.map(lambda parts: "1." + "".join(parts))] * 3)
    def test_it_is_an_order(self, ecosystem, a: str, b: str, c: str) -> None:
        """Antisymmetric and transitive on whatever it accepts."""
        order = ecosystem.versions.order
        try:
            ab, bc, ac = order(a, b), order(b, c), order(a, c)
        except VersionError:
            return
        assert order(b, a) == -ab
        assert order(a, a) == 0
        if ab <= 0 and bc <= 0 and ecosystem.id != "maven":  # Maven's own order is not transitive: MNG-7714
            assert ac <= 0

    @given(a=st.text(max_size=12), b=st.text(max_size=12))
    def test_any_text_is_ordered_or_refused(self, ecosystem, a: str, b: str) -> None:
        order = ecosystem.versions.order
        try:
            forth, back = order(a, b), order(b, a)
        except VersionError as error:
            assert error.problem
            return
        assert forth == -back

    def test_its_versions_compare_with_figures_of_upstream(self, ecosystem) -> None:
        from imds_probe.catalog.upstream import compare_upstream

        assert [
            compare_upstream(ecosystem.id, version, "1.10.0").order for version in ("1.9.0", "1.10.0", "1.11.0")
        ] == [
            -1,
            0,
            1,
        ]
