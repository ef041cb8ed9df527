"""A rehearsal of a container of a real Docker engine: in its own network, as far from the service as it is."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from docker_engine import running_engine
from rehearsing import place
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.rehearsal.callers import GIVEN_S
from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

SOURCE = str(Path(__file__).parents[2])
URL = "http://169.254.169.254/latest/meta-data/"
ASKING = (
    f"while :; do /bin/busybox wget -q -O /dev/null {URL} && echo served || echo refused; /bin/busybox sleep 0.1; done"
)
# The namespaces of other labs have names on this machine, and the containers' records are below the engine's root.
ALONE = """
mount -t tmpfs none /run/netns
mount -t tmpfs none /var/lib
mkdir /var/lib/docker
mount --bind "$0" /var/lib/docker
exec "$@"
"""
PUT = r"PUT /latest/api/token HTTP/1.0\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"


@pytest.fixture(scope="module")
def lab():
    with Lab("dockerrehearse") as built:
        yield built


@pytest.fixture(scope="module", autouse=True)
def _service(lab):
    with Simulator(InstanceState(), (("169.254.169.254", 80),), netns=str(lab.service.netns)):
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("docker-rehearse")


@pytest.fixture(scope="module")
def made_up(lab, root):
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    with MadeUpHost(lab.instance, root) as standing:
        yield standing


@pytest.fixture(scope="module")
def engine(lab, made_up, root):
    with running_engine(lab.instance.netns, root, made_up.command) as running:
        running.run("asks", command=("/bin/busybox", "sh", "-c", ASKING))
        running.run("beside", command=("/bin/busybox", "sh", "-c", ASKING))
        running.run("sidecar", network="container:asks", command=("/bin/busybox", "sh", "-c", ASKING))
        running.run("shared", network="host", command=("/bin/busybox", "sh", "-c", ASKING))
        for name in ("asks", "beside", "sidecar", "shared"):
            wait_for(lambda name=name: last(running, name) == "served")
        yield running


def last(engine, name) -> str:
    return engine.docker("logs", "--tail", "1", name)


def token(engine, name, within_s=5) -> str:
    """What a token PUT is answered there; empty where no answer comes."""
    script = f"printf '{PUT}' | /bin/busybox timeout {within_s:g} /bin/busybox nc 169.254.169.254 80"
    return engine.docker("exec", name, "/bin/busybox", "sh", "-c", script, check=False)


class Running:
    """What a rehearsal says, as it says it."""

    def __init__(self, file, child) -> None:
        self._file, self.child, self.said = file, child, ""

    def until(self, words: str) -> None:
        while words not in self.said:
            line = self._file.readline()
            assert line, self.said
            self.said += line

    def end(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(SOON_S)
        self.said += self._file.read()
        return code


@pytest.fixture
def rehearse(made_up, tmp_path):
    @contextlib.contextmanager
    def call(*arguments, before=()):
        argv = [*before, sys.executable, "-m", "imds_probe", "rehearse", "--assume-ec2", "--no-v1-probe"]
        argv += ["--state-directory", str(tmp_path), *arguments]
        reading, writing = os.pipe()
        with open(reading) as file:
            try:
                pid = made_up.start(argv, stdout=writing, env={"PYTHONPATH": SOURCE})
            finally:
                os.close(writing)
            try:
                running = Running(file, made_up._children[pid])
                running.until("receive no metadata without a token")
                yield running
            finally:
                made_up._children[pid].kill()
                made_up._children[pid].wait()

    with place():
        yield call


def test_a_container_alone_is_rehearsed_and_stays_in_when_it_is_started_again(engine, rehearse):
    with rehearse("--container", "asks", "--hop-limit", "2") as running:
        wait_for(lambda: last(engine, "asks") == "refused")
        wait_for(lambda: " 200 OK" in token(engine, "asks"))  # not before it is led again after a lapse
        for name in ("beside", "sidecar", "shared"):
            assert last(engine, name) == "served" and "refused" not in engine.docker("logs", name)
        engine.docker("restart", "--time", "0", "asks")
        running.until("asks restarted: it is rehearsed again")
        wait_for(lambda: last(engine, "asks") == "refused")
        for name in ("beside", "shared"):
            assert last(engine, name) == "served" and "refused" not in engine.docker("logs", name)
        assert running.end() == exitcodes.NOT_READY
    assert "asks ended: it is rehearsed again when it starts" in running.said
    assert "it would fail after the switch" in running.said and "the rehearsal is undone" in running.said
    wait_for(lambda: last(engine, "asks") == "served")


def test_the_hop_limit_decides_whether_the_token_arrives(engine, rehearse):
    assert token(engine, "beside") == ""  # at the service's own limit of 1, one hop away
    with rehearse("--container", engine.docker("inspect", "--format", "{{.Id}}", "beside")[:12]) as running:
        # The last one may be of a lapse, on a busy machine.
        wait_for(lambda: "refused" in engine.docker("logs", "beside"))
        assert token(engine, "beside") == ""
        running.child.kill()
        wait_for(lambda: last(engine, "beside") == "served")


def test_a_container_on_the_hosts_network(engine, rehearse):
    with rehearse("--container", "shared") as running:
        # The last one may be of a lapse, on a busy machine.
        wait_for(lambda: "refused" in engine.docker("logs", "shared"))
        assert " 200 OK" in token(engine, "shared", SOON_S)
        # Who was refused for the first time just before the end may be about to ask with a token.
        began = time.monotonic()
        wait_for(lambda: time.monotonic() > began + GIVEN_S)
        assert running.end() == exitcodes.NOT_READY
    wait_for(lambda: last(engine, "shared") == "served")


def test_docker_that_is_reloaded_and_changes_its_rules_meanwhile_ends_nothing(engine, rehearse):
    """It writes its packet rules anew for each network, and reads its settings where it is told to."""
    names = ("asks", "beside", "shared")
    before = ["unshare", "--mount", "sh", "-ec", ALONE, str(engine.data_root)]
    with rehearse("--host", "--hop-limit", "2", before=before) as running:
        for name in names:
            wait_for(lambda name=name: last(engine, name) == "refused")
        engine.docker("network", "create", "meanwhile")
        try:
            reloads = reloaded(engine)
            os.kill(engine.host_pid(), signal.SIGHUP)
            wait_for(lambda: reloaded(engine) > reloads)
            engine.run("late", network="meanwhile", command=("/bin/busybox", "sh", "-c", ASKING))
            for name in (*names, "late"):
                wait_for(lambda name=name: last(engine, name) == "refused")
            assert running.child.poll() is None
        finally:
            engine.remove("late")
            engine.docker("network", "rm", "meanwhile")
        for name in names:
            wait_for(lambda name=name: last(engine, name) == "refused")
        assert running.end() == exitcodes.NOT_READY
    assert "ended early" not in running.said and "the rehearsal is undone" in running.said
    for name in names:
        wait_for(lambda name=name: last(engine, name) == "served")


def reloaded(engine) -> int:
    """How often it has read its settings again."""
    return (engine.root / "dockerd.log").read_text(errors="replace").count("Reloaded configuration")
