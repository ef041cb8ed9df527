import subprocess
import sys
import threading
import time

import pytest
from soon import SOON_S

from imds_probe.errors import ProbeError
from imds_probe.system.background import Background


def test_it_runs_meanwhile_and_returns_its_result():
    go = threading.Event()
    running = Background("test", lambda: go.wait(SOON_S) and threading.current_thread().name)
    assert not running.ended
    go.set()
    assert running.result() == running.result() == "imds-probe-test"


@pytest.mark.parametrize("failure", [ValueError("wrong"), SystemExit(3), KeyboardInterrupt()])
def test_what_it_raises_is_raised_where_it_is_waited_for(failure):
    def fail():
        raise failure

    with pytest.raises(type(failure)):
        Background("test", fail).result()


def test_it_keeps_no_process_from_ending():
    code = "import time; from imds_probe.system.background import Background; Background('x', lambda: time.sleep(600))"
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=2 * SOON_S).returncode == 0
    assert time.monotonic() - started < SOON_S


def test_what_hangs_is_not_waited_for_longer_than_allowed():
    go = threading.Event()
    hanging = Background("test", go.wait)
    started = time.monotonic()
    with pytest.raises(ProbeError, match="did not end"):
        hanging.result(0.05)
    assert time.monotonic() - started < SOON_S
    go.set()
    assert hanging.result(SOON_S) is True
