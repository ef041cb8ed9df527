"""A container where control groups of version 1 are alone: by its network namespace, or by a class where somebody shares that."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from pathlib import Path

import pytest
from rehearsing import ID, OWN_MOUNTS, mounted, name_of_container, place, version_1
from soon import SOON_S, wait_for

from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.rehearsal.asking import CannotRehearse, learn
from imds_probe.rehearsal.classes import class_of
from imds_probe.rehearsal.container import Container
from imds_probe.rehearsal.group import members, own_class, removed
from imds_probe.rehearsal.rehearsal import Rehearsal
from imds_probe.rehearsal.trying import End

STATUS = "curl -s -g -m 5 -o /dev/null -w '%{http_code}\\n' http://169.254.169.254/latest/meta-data/"


@pytest.fixture(scope="module")
def node(lab):
    return lab.add_container("web", "bridge")


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Of net_cls, as a runtime makes it for a container."""
    monkeypatch.setenv(OWN_MOUNTS, str(tmp_path))
    monkeypatch.setattr(*version_1())
    with mounted(tmp_path, "net_cls", "net_cls"), place() as here:
        yield here / name_of_container()


@pytest.fixture
def asks(node, tmp_path):
    """Start what asks all the time in the network of the container, in a control group or beside it; what it is answered."""
    started = []

    @contextlib.contextmanager
    def call(directory: Path | None = None):
        answers = tmp_path / f"answers-{len(started)}"
        enter = ""
        if directory is not None:
            directory.mkdir(exist_ok=True)
            enter = f'echo $$ > "{directory}/cgroup.procs"; '
        child = node.start(["sh", "-c", f"{enter}while :; do {STATUS} >> {answers}; sleep 0.1; done"])
        started.append(child)
        try:
            wait_for(lambda: answers.exists() and answers.read_text().split())
            yield lambda: answers.read_text().split()[-1]
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(SOON_S)
            wait_for(lambda: directory is None or removed(directory))

    return call


class Standing:
    """A rehearsal on a thread that is in the instance's network."""

    def __init__(self, lab, node, group) -> None:
        (pid, *_) = members(group)
        found = DiscoveredContainer(ID, "docker", "web", None, None, None, (pid,), pid, node.inode, "own")
        self.container = Container(found, {"ipv4": 1})
        self.changes: list[str] = []
        self.error: CannotRehearse | None = None
        self._stop, self._began = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: lab.instance.call(self._work))

    def _work(self) -> None:
        service = learn({socket.AF_INET: ("169.254.169.254", 80)}, ask_without_token=False)
        rehearsal = Rehearsal(service, 2, self.container)
        rehearsal.ready()
        self._began.set()
        try:
            while not self._stop.wait(0.05):
                self.changes += filter(None, [rehearsal.follow()])
                rehearsal.beat()
        except CannotRehearse as error:
            self.error = error
        self.ended = rehearsal.end(drained_within_s=SOON_S)

    def __enter__(self):
        self._thread.start()
        assert self._began.wait(SOON_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_alone_in_its_network_it_needs_no_class_until_somebody_comes(lab, service, node, group, asks):
    with asks(group) as web, Standing(lab, node, group) as standing:
        assert standing.container.told.hierarchy is None
        wait_for(lambda: web() == "401")
        assert class_of(group) == 0
        with asks() as sidecar:
            wait_for(lambda: standing.error)
            assert "shares the network namespace of web now" in str(standing.error)
            for each in (web, sidecar):
                wait_for(lambda each=each: each() == "200")
    assert standing.ended == End((), 0)


def test_where_it_shares_its_network_it_has_a_class_also_after_it_starts_again(lab, service, node, group, asks):
    with asks() as sidecar:
        with asks(group) as web, Standing(lab, node, group) as standing:
            wait_for(lambda: web() == "401")
            assert class_of(group) == own_class() and sidecar() == "200"
            for pid in members(group):
                with contextlib.suppress(ProcessLookupError):  # a child that asked once, and has ended
                    (group.parent / "cgroup.procs").write_text(str(pid))
            wait_for(lambda: removed(group))
            wait_for(lambda: standing.changes == ["ended"])
            with asks(group) as again:
                wait_for(lambda: standing.changes == ["ended", "restarted"])
                wait_for(lambda: again() == "401")
                assert sidecar() == "200" and standing.error is None
        assert standing.ended == End((), 0)
