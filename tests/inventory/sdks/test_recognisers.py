"""What holds for every recogniser in the list, each with a small application of its ecosystem."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from types import ModuleType

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.ecosystems.listed import ECOSYSTEMS
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.inventory.sdks.running import Running, runtimes
from imds_probe.inventory.sdks.scan import Scan, Use
from imds_probe.inventory.sdks.start import Start
from imds_probe.system.walk import Budget

CATALOG = Catalog.load()
NAMES = {ecosystem: CATALOG.package_names(ecosystem) for ecosystem in RECOGNISED}
FIXTURES = Path(__file__).parents[2] / "sdk_fixtures"


def application(ecosystem: str, root: Path) -> ModuleType:
    """The fixture of an ecosystem, laid out below `root`."""
    fixture = importlib.import_module(f"sdk_fixtures.{ecosystem.replace('-', '_')}")
    for path, content in fixture.FILES.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755)
    return fixture


def process(fixture: ModuleType, root: Path) -> Running:
    """The application as it would be seen to run."""
    loaded = frozenset({fixture.PROGRAM, *getattr(fixture, "LOADED", ())})
    start = Start(fixture.PROGRAM, "/", fixture.ARGUMENTS, {}, loaded, root)
    places = [
        (recogniser.key, place)
        for recogniser, runtime in runtimes(fixture.PROGRAM, loaded)
        for place in runtime.places(start)
    ]
    return Running(7, fixture.PROGRAM, loaded, tuple(places))


def found(uses: list[Use]) -> list[tuple[str, str, str | None]]:
    return [(use.located.found.ecosystem, use.located.found.package, use.located.found.version) for use in uses]


def test_every_recognised_ecosystem_is_listed_and_has_a_fixture() -> None:
    assert tuple(ecosystem.id for each in RECOGNISERS for ecosystem in each.ecosystems) == RECOGNISED
    assert set(RECOGNISED) <= {ecosystem.id for ecosystem in ECOSYSTEMS}
    assert len(set(RECOGNISED)) == len(RECOGNISED), "two recognisers are of the same ecosystem"
    assert {path.stem for path in FIXTURES.glob("*.py")} == {ecosystem.replace("-", "_") for ecosystem in RECOGNISED}


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=lambda recogniser: recogniser.key)
def test_a_recogniser_can_find_something(recogniser) -> None:
    assert recogniser.directories or recogniser.files
    if recogniser.files is not None:
        assert (recogniser.files.claim == "program") == bool(recogniser.files.magic)
    if recogniser.runtime is not None:
        for program in recogniser.runtime.programs:
            assert recogniser.runtime.runs(program, frozenset())


@pytest.mark.parametrize("ecosystem", RECOGNISED)
class TestRecognised:
    def test_the_catalog_has_packages_of_it(self, ecosystem: str) -> None:
        assert NAMES[ecosystem]

    def test_its_application_is_found_on_a_disk(self, ecosystem: str, tmp_path: Path) -> None:
        fixture = application(ecosystem, tmp_path)
        scan = Scan(tmp_path, NAMES)
        uses = scan.on_disk(["/"], Budget(time.monotonic() + 60, 1000))
        assert found(uses) == [(ecosystem, fixture.PACKAGE, fixture.VERSION)]
        assert scan.troubles == []

    def test_its_application_is_found_as_it_runs(self, ecosystem: str, tmp_path: Path) -> None:
        fixture = application(ecosystem, tmp_path)
        scan = Scan(tmp_path, NAMES)
        uses = scan.of_processes([process(fixture, tmp_path)])
        assert found(uses) == [(ecosystem, fixture.PACKAGE, fixture.VERSION)]
        assert [use.pids for use in uses] == [(7,)]
        assert scan.troubles == []

    def test_what_nobody_asks_for_is_not_found(self, ecosystem: str, tmp_path: Path) -> None:
        fixture = application(ecosystem, tmp_path)
        others = {key: names for key, names in NAMES.items() if key != ecosystem}
        for names in (others, {**others, ecosystem: ("another",)}):
            scan = Scan(tmp_path, names)
            assert scan.on_disk(["/"], Budget(time.monotonic() + 60, 1000)) == []
            assert scan.of_processes([process(fixture, tmp_path)]) == []
