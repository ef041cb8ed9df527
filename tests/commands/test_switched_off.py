"""The file that switches everything off, before a command begins and in the middle of it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.commands.switched_off import unless_switched_off
from imds_probe.errors import SwitchedOff
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator
from imds_probe.system.switch_off import FILE

PROGRAM = [sys.executable, "-m", "imds_probe"]


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "root"
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    (root / FILE).parent.mkdir()
    return root


def test_a_run_asks_nobody_and_says_so_in_one_line(host, tmp_path):
    (host / FILE).touch()
    with Simulator() as simulator:
        environ = dict(os.environ) | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}
        for also in ([], ["--exit-zero"], ["--output", "json", "--out", str(tmp_path / "report.json")]):
            done = subprocess.run(
                [*PROGRAM, "run", "--root", str(host), *also],
                capture_output=True,
                env=environ,
                check=False,
                timeout=100,
            )
            assert (done.returncode, done.stdout) == (exitcodes.SWITCHED_OFF, b"")
            assert done.stderr.decode() == (
                f"imds-probe: switched off on this host: {host / FILE} exists. Remove that file to switch imds-probe on again. "
                "See docs/on-the-host.md.\n"
            )
        assert simulator.counts.connections == 0
    assert not (tmp_path / "report.json").exists()


def test_what_observes_nothing_works_as_before(host):
    (host / FILE).touch()
    done = subprocess.run([*PROGRAM, "run", "--root", str(host), "--print-config"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("before", [(), ("env", "--ignore-signal=INT", "--ignore-signal=HUP")], ids=["", "nohup"])
def test_a_run_that_has_begun_ends(host, tmp_path, before):
    """Its main thread waits for those that watch."""
    with Simulator() as simulator:
        environ = dict(os.environ) | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}
        argv = [*before, *PROGRAM, "run", "--root", str(host), "--watch", "60s", "--state-directory", str(tmp_path)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)
        try:
            wait_for(lambda: simulator.counts.connections)
            assert child.poll() is None
            (host / FILE).touch()
            printed, said = child.communicate(timeout=SOON_S)
        finally:
            child.kill()
            child.wait()
    assert (child.returncode, printed) == (exitcodes.SWITCHED_OFF, b"")
    assert said.decode().startswith("imds-probe: switched off on this host")


def test_afterwards_all_is_as_it_was(tmp_path):
    before = signal.getsignal(signal.SIGUSR1), threading.active_count()
    with unless_switched_off(tmp_path):
        assert threading.active_count() == before[1] + 1
    assert (signal.getsignal(signal.SIGUSR1), threading.active_count()) == before


def test_it_wakes_who_waits_in_the_main_thread(tmp_path):
    (tmp_path / FILE).parent.mkdir(parents=True)
    with pytest.raises(SwitchedOff), unless_switched_off(tmp_path):
        (tmp_path / FILE).touch()
        with contextlib.suppress(Exception):  # as where one sink's trouble is not that of others
            threading.Event().wait(SOON_S)
        raise AssertionError("nothing came")


def test_elsewhere_it_is_asked_at_the_beginning(tmp_path):
    outcome = []

    def work() -> None:
        try:
            with unless_switched_off(tmp_path):
                outcome.append("worked")
        except SwitchedOff:
            outcome.append("off")

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        (tmp_path / FILE).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / FILE).touch()
    assert outcome == ["worked", "off"]
