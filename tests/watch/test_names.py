from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery
from imds_probe.reading.here import Asks
from imds_probe.watch import names as module
from imds_probe.watch.caller import Caller
from imds_probe.watch.names import ContainerNames

WEB, POD, BARE = ("1" * 64, "2" * 64, "3" * 64)


def caller(container: str | None) -> Caller:
    return Caller(7, "x", None, "", 0, (), None, container, "docker", None)


def container(container_id: str, name: str | None, pod: str | None = None) -> DiscoveredContainer:
    return DiscoveredContainer(container_id, "docker", name, None, pod, None, (7,), 7, None, "own")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """How often all containers were looked for."""
    made: list[Path] = []

    def discover(root: Path, proc: Path, *, in_own_pid_namespace: bool, deadline: float, reader: Asks) -> Discovery:
        assert in_own_pid_namespace
        assert deadline < time.monotonic() + 60
        made.append(proc)
        his = replace(container(WEB, "his"), owner_uid=4242)
        found = (container(WEB, "web"), container(POD, "app", "api-7d9f"), container(BARE, None), his)
        return Discovery(found, (), 0, 3, True, ())

    monkeypatch.setattr(module, "discover", discover)
    return made


def test_pod_and_name_or_name_or_id(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    assert [names.name(caller(each)) for each in (WEB, POD, BARE)] == ["web", "api-7d9f/app", "3" * 12]
    assert looks == [Path("/proc")]  # once for all of them


def test_a_users_container_has_not_the_name_of_roots(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    found = [names.name(caller(each)) for each in (WEB, f"user 4242/{WEB}", f"user 4243/{WEB}", f"{POD}/{WEB}")]
    assert found == ["web", "his of user 4242", f"{'1' * 12} of user 4243", "1" * 12]
    assert looks


def test_outside_of_containers_nobody_is_looked_for(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    assert names.name(caller(None)) is names.name(None) is None
    assert looks == []


def test_one_that_is_not_found_is_not_looked_for_at_each_call(
    looks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ContainerNames(Path("/"))
    assert [names.name(caller("9" * 64)) for _ in range(100)] == ["9" * 12] * 100
    assert len(looks) == 1
    monkeypatch.setattr(module, "AGAIN_AFTER_S", 0.0)
    names.name(caller("9" * 64))
    assert len(looks) == 2


def test_without_a_list_of_processes_the_id_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Discovery:
        raise ProbeError("no /proc")

    monkeypatch.setattr(module, "discover", fail)
    assert ContainerNames(Path("/")).name(caller(WEB)) == "1" * 12
