from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from soon import SOON_S
from watched_calls import SEEN

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery
from imds_probe.reading.here import Asks
from imds_probe.watch import names as module
from imds_probe.watch.caller import Caller
from imds_probe.watch.names import ContainerNames, NamedCalls

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


def named(names: ContainerNames, *containers: str | None) -> list[str | None]:
    names.ask(*map(caller, containers))
    return [names.name(caller(each)) for each in containers]


def test_pod_and_name_or_name_or_id(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    assert named(names, WEB, POD, BARE) == ["web", "api-7d9f/app", "3" * 12]
    assert looks == [Path("/proc")]  # once for all of them


def test_a_users_container_has_not_the_name_of_roots(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    found = named(names, WEB, f"user 4242/{WEB}", f"user 4243/{WEB}", f"{POD}/{WEB}")
    assert found == ["web", "his of user 4242", f"{'1' * 12} of user 4243", "1" * 12]
    assert looks


def test_outside_of_containers_nobody_is_looked_for(looks: list[Path]) -> None:
    names = ContainerNames(Path("/"))
    assert named(names, None) == [names.name(None)] == [names.image(None)] == [None]
    assert looks == []


def test_one_that_is_not_found_is_not_looked_for_at_each_call(
    looks: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ContainerNames(Path("/"))
    assert named(names, *["9" * 64] * 100) == ["9" * 12] * 100
    assert len(looks) == 1
    monkeypatch.setattr(module, "AGAIN_AFTER_S", 0.0)
    named(names, "9" * 64)
    assert len(looks) == 2


def test_without_a_list_of_processes_the_id_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Discovery:
        raise ProbeError("no /proc")

    monkeypatch.setattr(module, "discover", fail)
    assert named(ContainerNames(Path("/")), WEB) == ["1" * 12]


def test_who_watches_is_not_kept_waiting_and_calls_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that hangs: until it ends, neither its call nor what comes after it is handed on; then all are, with their names."""
    may_end = threading.Event()

    def discover(*_: object, **__: object) -> Discovery:
        assert may_end.wait(SOON_S)
        return Discovery((replace(container(WEB, "web"), image="app:1"),), (), 0, 1, True, ())

    monkeypatch.setattr(module, "discover", discover)
    calls = NamedCalls(ContainerNames(Path("/")))
    inside, outside = replace(SEEN, caller=caller(WEB)), replace(SEEN, caller=caller(None))
    assert calls.due_in_s == float("inf")
    assert list(calls.take([outside, inside, outside])) == [(outside, None)]
    assert list(calls.take([])) == []
    assert calls.due_in_s < 1
    may_end.set()
    assert [(each.image, name) for each, name in calls.rest([inside])] == [
        ("app:1", "web"),
        (None, None),
        ("app:1", "web"),
    ]


def test_what_waits_and_what_was_found_has_an_end(looks: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    names = ContainerNames(Path("/"))
    monkeypatch.setattr(module, "FOUND_MAX", 1)
    assert named(names, WEB, f"user 4242/{WEB}") == ["web", "his of user 4242"]
    assert named(names, WEB, "9" * 64) == ["web", "9" * 12]
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    monkeypatch.setattr(names, "meet", lambda _: True)
    calls = NamedCalls(names)
    assert [len(list(calls.take([replace(SEEN, caller=caller(WEB))]))) for _ in range(4)] == [0, 0, 1, 1]
    assert looks


def test_whoever_reads_may_rest_after_each_look(looks: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after one that failed."""
    rests = list[int]()
    names = ContainerNames(Path("/"), looked=lambda: rests.append(len(looks)))
    assert named(names, WEB) == ["web"]
    assert named(names, WEB) == ["web"]
    assert rests == [1]

    def fails(*_: object, **__: object) -> Discovery:
        raise ProbeError("broken")

    monkeypatch.setattr(module, "discover", fails)
    assert named(names, "9" * 64) == ["9" * 12]
    assert rests == [1, 1]


def test_a_call_of_nobody_known_is_of_the_container_whose_network_it_came_from(looks: list[Path]) -> None:
    calls = NamedCalls(ContainerNames(Path("/")))
    assert [name for _, name in calls.rest([replace(SEEN, caller=None, inside=caller(POD))])] == ["api-7d9f/app"]
