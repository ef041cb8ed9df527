"""The structure that docs/architecture.md draws: which folder may import which, and that what is listed by hand is listed."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import imds_probe
from imds_probe import rules, sinks
from imds_probe.collect import collectors
from imds_probe.collect.collector import Collector, Join, Question
from imds_probe.ecosystems.listed import ECOSYSTEMS
from imds_probe.rules.rule import Rule

PACKAGE = Path(imds_probe.__file__).parent
ARCHITECTURE = PACKAGE.parent / "docs/architecture.md"
LINE = re.compile(r"^ ?(\d+)  ([a-z_]+(?:, [a-z_]+)*)(?:  |$)", re.MULTILINE)


def floors() -> dict[str, int]:
    """Folders and modules of the package's top by their floor, as the page has them."""
    return {name: int(floor) for floor, names in LINE.findall(ARCHITECTURE.read_text()) for name in names.split(", ")}


def imports() -> Iterator[tuple[str, str, str]]:
    """The module that imports, its place at the package's top, and the place that it imports from."""
    for file in sorted(PACKAGE.rglob("*.py")):
        module = file.relative_to(PACKAGE).with_suffix("")
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module == "imds_probe":
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module.removeprefix("imds_probe.")] if node.module.startswith("imds_probe.") else []
            elif isinstance(node, ast.Import):
                names = [
                    each.name.removeprefix("imds_probe.") for each in node.names if each.name.startswith("imds_probe.")
                ]
            for name in names:
                yield str(module), module.parts[0], name.partition(".")[0]


def test_every_place_is_on_a_floor():
    there = {file.stem if file.is_file() else file.name for file in PACKAGE.iterdir() if file.suffix in ("", ".py")}
    assert there - {"__init__", "__main__", "__pycache__", "schema"} == set(floors())


def test_imports_go_to_lower_floors():
    floor = floors()
    wrong = [
        f"{module} (floor {floor[own]}) imports {other} (floor {floor[other]})"
        for module, own, other in imports()
        if own not in ("__init__", "__main__") and other not in ("__version__", own) and floor[other] >= floor[own]
    ]
    assert wrong == []


def declared(folder: str, kinds: tuple[type, ...]) -> dict[int, str]:
    """The values of these kinds that modules of a folder declare, each with the module that it stands in."""
    package = importlib.import_module(f"imds_probe.{folder}")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"imds_probe.{folder}.{module.name}")
        for value in vars(loaded).values():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, kinds):
                    found[id(each)] = module.name
    return found


@pytest.mark.parametrize(
    ("folder", "kinds", "listed"),
    [
        ("collect", (Collector, Join, Question), (*collectors.COLLECTORS, *collectors.JOINS, *collectors.QUESTIONS)),
        ("rules", (Rule,), rules.RULES),
        ("ecosystems", (type(ECOSYSTEMS[0]),), ECOSYSTEMS),
    ],
)
def test_what_is_declared_is_listed_and_each_in_a_file_of_its_own(folder, kinds, listed):
    found = declared(folder, kinds)
    assert set(found) == {id(each) for each in listed}
    if kinds == (Rule,):
        assert len(set(found.values())) == len(listed)


def test_each_sink_is_a_file_of_its_own():
    modules = {module.name for module in pkgutil.iter_modules(sinks.__path__)}
    assert len(set(sinks.SINKS.values())) == len(sinks.SINKS)
    for module in sinks.SINKS.values():
        assert module.rpartition(".")[2] in modules
