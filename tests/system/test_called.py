from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from imds_probe.system.called import arguments, process_name

RENAMED = "import pathlib; pathlib.Path('/proc/self/comm').write_text('hunter2'); print(); input()"


def test_a_name_that_a_process_gave_itself_is_not_kept(tmp_path: Path) -> None:
    script = tmp_path / "sync.py"
    script.write_text(RENAMED)
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    try:
        child.stdout.readline()
        at = Path(f"/proc/{child.pid}")
        assert (at / "comm").read_text() == "hunter2\n"
        assert process_name(at, "hunter2") == Path(sys.executable).resolve().name
        assert process_name(at, "sync.py") == "sync.py"
        assert arguments(at) == [sys.executable, str(script)]
    finally:
        child.communicate(b"\n")


def test_of_one_that_has_ended_a_name_that_looks_like_a_program_s(tmp_path: Path) -> None:
    assert [process_name(tmp_path, name) for name in ("curl", "Hunter2")] == ["curl", "…"]
