"""Processes that really run, started for the purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soon import wait_for

from imds_probe.inventory.settings.programs import SAME_MAX, find, running

PROC = Path("/proc")


@contextmanager
def started(argv: list[str | Path], env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(argv, env=env, cwd=cwd, stdout=subprocess.PIPE)
    try:
        wait_for(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes().split(b"\0")[0] == str(argv[0]).encode())
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout
        child.stdout.close()


def test_by_its_executable_and_only_with_what_was_asked_for(tmp_path: Path) -> None:
    program = tmp_path / "opt/agent/bin/agent"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "", program)
    with started([program, "600"], {"WANTED": "a=b", "SECRET": "x"}, tmp_path) as child:
        found = find(PROC, [child.pid, 2**22], {"agent": ["agent/bin/agent"], "other": ["other/bin/agent"]}, {"WANTED"})
        assert child.pid in running(PROC)
    assert found["other"] == []
    (agent,) = found["agent"]
    assert (agent.pid, agent.name, agent.arguments) == (child.pid, "agent", (str(program), "600"))
    assert agent.environment == {"WANTED": "a=b"}
    assert agent.directory == str(tmp_path)


def test_by_its_script(tmp_path: Path) -> None:
    script = tmp_path / "usr/bin/aws"
    script.parent.mkdir(parents=True)
    script.write_text("import time; time.sleep(600)\n")
    with started([sys.executable, str(script), "s3", "cp"], {}, tmp_path) as child:
        (aws,) = find(PROC, [child.pid], {"aws": ["bin/aws"]}, ())["aws"]
    assert aws.arguments[2:] == ("s3", "cp")
    assert aws.environment == {}


def test_a_name_that_only_ends_alike_is_another(tmp_path: Path) -> None:
    with started([sys.executable, "-c", "import time; time.sleep(600)", "/x/sbin/aws"], {}, tmp_path) as child:
        assert find(PROC, [child.pid], {"aws": ["bin/aws"]}, ()) == {"aws": []}


def test_what_has_ended_is_left_out(tmp_path: Path) -> None:
    with started([sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path) as child:
        pass
    assert find(PROC, [child.pid], {"python": ["python"]}, ()) == {"python": []}


def test_a_root_without_processes_has_none(tmp_path: Path) -> None:
    assert running(tmp_path / "proc") == []


def test_hidden_environments_are_not_empty_ones(tmp_path: Path) -> None:
    at = tmp_path / "7"
    at.mkdir()
    (at / "cmdline").write_bytes(b"/bin/agent\0")
    (at / "environ").mkdir()  # what cannot be read as a file
    (agent,) = find(tmp_path, [7], {"agent": ["bin/agent"]}, {"A"})["agent"]
    assert agent.environment is None


def test_whoever_calls_his_own_alike_takes_no_room_of_others(tmp_path: Path) -> None:
    for pid in range(1, 2 * SAME_MAX):
        at = tmp_path / str(pid)
        at.mkdir()
        (at / "cmdline").write_bytes(b"/opt/agent\0")
        os.chown(at, *((0, 0) if pid == 2 * SAME_MAX - 1 else (1000, 1)))
    found = find(tmp_path, range(1, 2 * SAME_MAX), {"agent": ["opt/agent"]}, ())
    assert [each.pid for each in found["agent"]] == [*range(1, SAME_MAX + 1), 2 * SAME_MAX - 1]
