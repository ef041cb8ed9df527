from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.scripts import asked_by


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"source [file join [file dirname [info script]] lib.tcl]", ["{here}/lib.tcl"]),
        (b"source /opt/lib.tcl\n# source no.tcl\n", ["/opt/lib.tcl"]),
        (b"dofile('x.lua')\nlocal a = require('b.c')\n", ["x.lua", "b/c.lua"]),
        (b'  source("x.R")\n', ["x.R"]),
        (b'include("x.jl")\n', ["x.jl"]),
    ],
)
def test_files_that_are_loaded(text: bytes, names: list[str]) -> None:
    assert list(asked_by(text).names) == names


def test_a_name_that_only_running_tells() -> None:
    assert asked_by(b"source $file\n").dynamic and not asked_by(b"puts source\n").dynamic


def test_a_script_with_what_it_loads(tmp_path: Path) -> None:
    root = Root(tmp_path).put(
        {
            "/usr/bin/tclsh8.6": "",
            "/opt/m.tcl": "source [file join [file dirname [info script]] lib.tcl]\n",
            "/opt/lib.tcl": "",
        }
    )
    assert set(root.loaded("tclsh8.6", "/opt/m.tcl")) == {"/opt/m.tcl", "/opt/lib.tcl"}
