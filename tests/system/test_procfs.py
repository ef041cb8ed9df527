import os
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.system.procfs import NOWHERE, below, processes


def test_the_running_system():
    assert below(Path("/")) == Path("/proc")
    assert os.getpid() in processes(Path("/proc"))


@pytest.mark.parametrize("made", ["nothing", "directory", "file", "link", "link in between"])
def test_what_is_no_proc_file_system(tmp_path, made):
    """Least of all one with links in the places of processes."""
    if made == "directory":
        (tmp_path / "proc/7").mkdir(parents=True)
        (tmp_path / "proc/7/root").symlink_to("/")
    elif made == "file":
        (tmp_path / "proc").touch()
    elif made == "link":
        (tmp_path / "proc").symlink_to("/proc")
    elif made == "link in between":
        (tmp_path / "proc").symlink_to("x/proc")
        (tmp_path / "x").symlink_to("/")
    assert below(tmp_path) == NOWHERE
    with pytest.raises(NotADirectoryError):
        processes(NOWHERE)


def test_one_that_is_mounted_there(tmp_path):
    (tmp_path / "proc").mkdir()
    program = f'mount -t proc proc {tmp_path}/proc && exec "$@"'
    script = "import sys, pathlib; from imds_probe.system.procfs import below, processes; "
    script += "print(processes(below(pathlib.Path(sys.argv[1]))))"
    argv = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "sh",
        "-c",
        program,
        "sh",
        sys.executable,
        "-c",
        script,
        str(tmp_path),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.startswith("[1"), done.stderr


def test_names_that_are_no_numbers_of_processes(tmp_path):
    for name in ("1", "20", "\u00b2", "\u0663", "0", "self", "9" * 200, "1_0"):
        (tmp_path / name).mkdir()
    assert processes(tmp_path) == [1, 20]
