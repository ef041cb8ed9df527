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


def test_r_by_an_option_and_shiny_by_its_directory(tmp_path: Path) -> None:
    exe = "/usr/lib/R/bin/exec/R"
    root = Root(tmp_path).put({exe: "", "/opt/m.R": 'source("/opt/lib.R")\n', "/opt/lib.R": "", "/srv/a/server.R": ""})
    root.put({"/srv/a/R/more.R": "", "/opt/adapter.R": ""})
    assert set(root.loaded("R", "--no-echo", "--file=/opt/m.R", executable=exe)) == {"/opt/m.R", "/opt/lib.R"}
    assert set(root.loaded("R", "--slave", "-f", "/opt/adapter.R", executable=exe, directory="/srv/a")) == {
        "/opt/adapter.R",
        "/srv/a/server.R",
        "/srv/a/R/more.R",
    }
    assert root.follow("R", "--file=/opt/gone.R", executable=exe).cut_short == "its script is not known"
    assert root.follow("R", "--no-save", executable=exe).cut_short == ""  # somebody types into it
