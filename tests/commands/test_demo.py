import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

DEMO = [sys.executable, "-m", "imds_probe", "demo"]
NETNS = Path("/run/netns")


def labs_of(pid):
    """The namespaces of labs that one process made: their names carry its id."""
    return {path.name for path in NETNS.glob(f"imdslab-demo-{pid}.*")}


@pytest.mark.parametrize(
    ("arguments", "later"),
    [([], ["NEEDS A HIGHER HOP LIMIT", "READY"]), (["--loopback"], ["UNKNOWN", "UNKNOWN"])],
    ids=["lab", "loopback"],
)
def test_the_story_is_true(arguments, later):
    environ = os.environ | {"COLUMNS": "80"}
    done = subprocess.run([*DEMO, *arguments], capture_output=True, text=True, check=False, timeout=120, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    headlines = [line.split("  ")[0] for line in done.stdout.splitlines() if "i-0123456789abcdef0 us-east-1" in line]
    assert headlines == ["NOT READY", *later]
    assert "and 3 without a token" in done.stdout
    texts = [line for line in done.stdout.splitlines() if not line.lstrip().startswith(("aws ", "$ ", "Every command"))]
    assert 70 < max(map(len, texts)) <= 80
    assert ("[sdk-falls-back]" in done.stdout) == (not arguments)


PIPE_BYTES = 4096  # the least that a pipe holds: pipe(7)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing_behind(number, tmp_path):
    reading, writing = os.pipe()
    # What it says does not fit into that: it is not at its end before somebody reads on, however late the signal comes.
    assert fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES
    child = subprocess.Popen(
        DEMO, stdout=writing, stderr=subprocess.DEVNULL, env=dict(os.environ) | {"TMPDIR": str(tmp_path)}
    )
    os.close(writing)
    try:
        with open(reading, "rb") as said:
            assert b"A lab of network namespaces" in said.readline()
            wait_for(lambda: labs_of(child.pid))
            time.sleep(0.3)
            child.send_signal(number)
            said.read()
        child.wait(timeout=SOON_S)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert labs_of(child.pid) == set()
    assert list(tmp_path.iterdir()) == []
