"""The step inside new namespaces, and above all that it does nothing anywhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from soon import SOON_S

import imds_probe
from imds_probe.errors import ProbeError
from imds_probe.simulator.lab import privilege, userns

ENVIRONMENT = {"PYTHONPATH": str(Path(imds_probe.__file__).parents[1]), "PATH": os.environ["PATH"]}
MODULE = [sys.executable, "-m", "imds_probe.simulator.lab.userns", "true"]


def mounts():
    """What is mounted on /run itself; namespaces come and go below it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if line.split()[4] == "/run"]


@pytest.mark.parametrize("marker", [None, "", "yes", "own"])
def test_the_run_directory_of_the_machine_is_left_alone(monkeypatch, marker):
    before = mounts()
    monkeypatch.delenv(userns.OUTSIDE_MARKER, raising=False)
    if marker is not None:
        monkeypatch.setenv(userns.OUTSIDE_MARKER, str(userns.mount_namespace()) if marker == "own" else marker)
    with pytest.raises(ProbeError, match="left alone"):
        userns.become(["true"])
    assert mounts() == before


def test_the_program_has_an_empty_run_and_a_clean_environment():
    code = (
        "import os; print(os.listdir('/run'), os.listdir('/run/netns'), "
        f"{userns.OUTSIDE_MARKER!r} in os.environ, oct(os.stat('/run').st_mode & 0o777))"
    )
    done = privilege.run_in_userns([sys.executable, "-c", code], timeout_s=SOON_S)
    assert (done.stderr, done.stdout) == (b"", b"['netns'] [] False 0o755\n")


def test_without_the_right_to_mount_it_says_so():
    # A mount namespace of its own, as the marker claims, but nothing may be mounted there.
    outside = {userns.OUTSIDE_MARKER: "1"}
    done = subprocess.run(
        ["unshare", "--user", "--map-user=65534", "--", *MODULE],
        env=ENVIRONMENT | outside,
        capture_output=True,
        text=True,
        timeout=SOON_S,
        check=False,
    )
    assert done.returncode == 1
    assert "an empty /run cannot be mounted: Operation not permitted" in done.stderr


def test_run_by_hand_it_refuses():
    done = subprocess.run(MODULE, env=ENVIRONMENT, capture_output=True, text=True, timeout=SOON_S, check=False)
    assert done.returncode == 1
    assert "ProbeError: this is not a mount namespace of its own" in done.stderr
