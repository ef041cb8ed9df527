import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S

DEMO = [sys.executable, "-m", "imds_probe", "demo"]
NETNS = Path("/run/netns")


def labs_of(pid):
    """The namespaces of labs that one process made: their names carry its id."""
    return {path.name for path in NETNS.glob("imdslab-demo-*") if f"-{pid}-" in path.name}


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing_behind(number, tmp_path):
    before = set(NETNS.glob("imdslab-demo-*"))
    child = subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ) | {"TMPDIR": str(tmp_path)}
    )
    try:
        assert b"A lab of network namespaces" in child.stdout.readline()
        assert set(NETNS.glob("imdslab-demo-*")) - before
        time.sleep(0.3)
        child.send_signal(number)
        child.communicate(timeout=SOON_S)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert set(NETNS.glob("imdslab-demo-*")) - before == set()
    assert list(tmp_path.iterdir()) == []
