"""The interpreter and the libraries that run here."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from pathlib import Path

from doctors import here

from imds_probe import __version__
from imds_probe.doctor import program


def test_it_says_what_runs():
    found = program.interpreter(here())
    assert found.state == "ok"
    assert found.found == f"imds-probe {__version__}, Python {platform.python_version()} {sys.executable}"


def test_that_of_the_package_is_told_apart(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/usr/lib/imds-probe/runtime/bin/python3.13")
    assert program.interpreter(here()).found.endswith(" of the package")


def test_a_library_that_is_broken_is_named(monkeypatch):
    load = importlib.import_module

    def broken(name):
        if name == "msgspec":
            raise ImportError("wrong ELF class")
        return load(name)

    monkeypatch.setattr(program.importlib, "import_module", broken)
    found = program.interpreter(here())
    assert found.state == "missing"
    assert "msgspec (ImportError)" in found.found


def test_all_that_the_project_depends_on_is_looked_at():
    wanted = (
        (Path(__file__).parents[2] / "setup.cfg").read_text().partition("install_requires =")[2].partition("\n\n")[0]
    )
    names = {name.lower().replace("-", "_") for name in re.findall(r"^ +([\w-]+)", wanted, re.MULTILINE)}
    assert {*(names - {"pyyaml"}), "yaml"} == set(program.LIBRARIES)
