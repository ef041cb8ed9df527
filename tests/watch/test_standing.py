from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.system.small_file import read_link
from imds_probe.watch.caller import caller_of
from imds_probe.watch.standing import Stamps, file_stamp, running, stamp, stamps_of

PROC = Path("/proc")


@pytest.fixture
def script(tmp_path):
    """A script that runs: its process and its path."""
    path = tmp_path / "app.py"
    path.write_text("import sys; print(flush=True); sys.stdin.read()\n")
    child = subprocess.Popen([sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    yield child, path
    child.communicate()


def test_a_file_is_the_same_until_it_is_changed(tmp_path):
    path = tmp_path / "x"
    path.write_text("a")
    before = file_stamp(tmp_path, "/x", on_host=True)
    assert before and file_stamp(tmp_path, "/x", on_host=True) == before
    times = path.stat().st_mtime_ns
    path.write_text("b")
    os.utime(path, ns=(times, times))  # whoever sets this back does not set back the other
    wait_for(lambda: _touched(path, times) and file_stamp(tmp_path, "/x", on_host=True) != before)
    assert file_stamp(tmp_path, "/x", on_host=False) == f"1.{times}.0"


def _touched(path, times) -> bool:
    """The kernel's clock for files may stand still for some milliseconds."""
    os.utime(path, ns=(times, times))
    return True


@pytest.mark.parametrize("path", [None, "", "relative", "module app", "/nothing", "/x/y"])
def test_what_is_no_file_has_no_stamp(tmp_path, path):
    (tmp_path / "x").write_text("")
    assert file_stamp(tmp_path, path, on_host=True) == "" == stamp(None, on_host=True)


def test_a_process_has_those_of_its_program_and_script(script):
    child, path = script
    stamps = stamps_of(PROC, caller_of(PROC, child.pid))
    program = read_link(PROC / str(child.pid) / "exe")
    assert stamps == Stamps(
        file_stamp(Path("/"), program, on_host=True), file_stamp(Path("/"), str(path), on_host=True)
    )
    assert all(stamps)
    caller = caller_of(PROC, child.pid)
    child.communicate()
    assert stamps_of(PROC, caller) == Stamps()


def test_processes_are_found_by_program_or_as_what_may_run_a_script(script):
    child, path = script
    (found,) = running(PROC, [child.pid, 2**30], [])
    assert (found.caller.script, found.stamps) == (str(path), stamps_of(PROC, found.caller))
    other = subprocess.Popen(["sleep", "60"])
    try:
        wait_for(lambda: read_link(PROC / str(other.pid) / "exe") != read_link(PROC / "self/exe"))
        program = read_link(PROC / str(other.pid) / "exe")
        assert running(PROC, [other.pid], []) == []
        assert [each.caller.pid for each in running(PROC, [other.pid], [program])] == [other.pid]
    finally:
        other.kill()
        other.wait()
