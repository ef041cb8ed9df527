"""What becomes of networks by how their trial went; trials themselves are in tests/lab."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, NetworkNamespace
from imds_probe.rehearsal import passing, rule_watch
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.crossing import Crossing, Trial
from imds_probe.rehearsal.passing import Passing
from imds_probe.rehearsal.refusal import Refusal
from imds_probe.rehearsal.words import left

V4 = socket.AF_INET
SERVICE = Service({V4: ("127.0.0.9", 80)}, Refusal(b"", b""))


class Links:
    """Rules as far as they are asked for here."""

    def __init__(self) -> None:
        self.led: set[str] = set()

    def lead_from(self, family, links) -> None:
        self.led |= set(links)

    def lead_no_more_from(self, family, links) -> None:
        self.led -= set(links)


class World:
    """Containers by name, with how the trial of each goes. Each is one process, in a network namespace of its own."""

    def __init__(self, proc: Path) -> None:
        self.there: dict[str, Crossing] = {}
        self.users: set[str] = set()
        self.rules, self.looks = Links(), 0
        self._proc = proc
        self.unled: list[str] = []
        self.why_not = ""
        trial = Trial(SERVICE, self.rules, None, lambda: None)
        self.passing = Passing(
            trial,
            self._discovered,
            proc,
            lambda: self.why_not,
            lambda there: self.unled.extend(each.label for each in there),
        )

    def starts(self, name: str, crossing: Crossing) -> None:
        self.there[name] = crossing
        netns = self._netns(name)
        netns.parent.mkdir(parents=True)
        netns.touch()

    def crossings(self, spaces, trial):
        return {(each.inode, V4): self.there[each.label] for each in spaces}

    def _discovered(self) -> Discovery:
        self.looks += 1
        spaces = tuple(map(self._space, self.there))
        return Discovery(tuple(each for space in spaces for each in space.containers), spaces, 0, 0, True, ())

    def _space(self, name: str) -> NetworkNamespace:
        pid, inode = self._pid(name), self._netns(name).stat().st_ino
        container = DiscoveredContainer(name, "docker", name, None, None, None, (pid,), pid, inode, "own")
        uid = 1000 if name in self.users else None
        return NetworkNamespace(inode, self._netns(name), "container", name, (pid,), (container,), uid)

    def _netns(self, name: str) -> Path:
        return self._proc / str(self._pid(name)) / "ns/net"

    def _pid(self, name: str) -> int:
        return 1000 + list(self.there).index(name)

    def told(self) -> list[str]:
        """What a look in the background comes to."""
        looks = self.looks
        assert self.passing.look(()) == []
        wait_for(lambda: self.looks > looks and self.passing._meeting.ended)
        return [left(each) for each in self.passing.look(())]


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path)
    monkeypatch.setattr(passing, "crossings", made.crossings)
    return made


def test_by_how_the_trial_went(world):
    crossings = {
        "web": Crossing("led", "docker0"),
        "own": Crossing("around"),
        "mine": Crossing("around"),
        "kept": Crossing("kept", "br-1"),
        "beside": Crossing("led", "br-1"),
        "shut": Crossing("closed", "br-2"),
        "by": Crossing("led", "br-2"),
        "none": Crossing("nothing"),
        "lo": Crossing("led", "lo"),
    }
    for name, crossing in crossings.items():
        world.starts(name, crossing)
    world.users = {"mine"}
    said = {each.name: left(each) for each in world.passing.first()}
    assert world.rules.led == {"docker0"}
    assert said.keys() == {"own", "mine", "kept", "beside", "by", "lo"}
    assert said["own"].endswith("without passing the packet rules of this host: its requests are not rehearsed")
    assert said["mine"].endswith("count as those of the program that makes them on this host")
    assert said["kept"].startswith("kept (process 1003) is kept from the relay by a packet filter")
    assert "shares its interface with kept, which cannot be led" in said["beside"]
    assert "shares its interface with shut" in said["by"]
    assert [each.name for each in world.passing.all()] == list(said)
    assert set(world.passing.titles.values()) == set(crossings)


def test_who_starts_meanwhile_is_tried_in_the_background(world):
    assert world.passing.first() == []
    assert world.passing.look(()) == [] and world.looks == 1
    world.starts("web", Crossing("led", "docker0"))
    assert world.told() == [] and world.rules.led == {"docker0"}
    world.starts("kept", Crossing("kept", "docker0"))
    direct, kept = world.told()
    assert direct == (
        "web (process 1000) shares its interface with kept, which cannot be led: "
        "its requests are not rehearsed from now on"
    )
    assert kept.startswith("kept (process 1001) is kept from the relay") and world.rules.led == set()
    assert [left(each) for each in world.passing.all()] == [direct, kept] and world.unled == ["web"]


@pytest.mark.parametrize("outcome", ["closed", "kept"])
def test_a_network_of_a_user_keeps_nobody_else_from_the_relay(world, outcome):
    """Its user can give it an address of another's, and a way to nowhere."""
    world.starts("web", Crossing("led", "docker0"))
    world.users = {"mine"}
    assert world.passing.first() == []
    world.starts("mine", Crossing(outcome, "docker0"))
    assert not any("web" in each for each in world.told())
    assert world.rules.led == {"docker0"} and world.unled == []


def test_who_has_no_network_yet_is_tried_again(world):
    world.starts("slow", Crossing("nothing"))
    assert world.passing.first() == [] and world.rules.led == set()
    world.there["slow"] = Crossing("led", "docker0")
    assert world.told() == [] and world.rules.led == {"docker0"}


def test_who_never_has_one_is_left_alone(world, monkeypatch):
    monkeypatch.setattr(passing, "COMES_UP_WITHIN_S", 0.0)
    world.starts("none", Crossing("nothing"))
    assert world.passing.first() == []
    for _ in range(2):
        assert world.passing.look(()) == []
    assert world.looks == 1


RULE = "a packet rule decides which of them reach the metadata service: the rule"


def test_a_rule_that_comes_up_ends_it_for_all_containers(world, monkeypatch):
    monkeypatch.setattr(rule_watch, "EVERY_S", 0.0)
    world.starts("web", Crossing("led", "docker0"))
    assert world.passing.first() == [] and world.rules.led == {"docker0"}
    world.why_not = RULE
    (said,) = wait_for(lambda: world.passing.look(()))
    assert left(said) == f"containers are not rehearsed from now on: {RULE}" and world.passing.all() == [said]
    assert world.rules.led == set() and world.unled == ["web"]
    # Whoever comes later is not led either, though the rule may be gone.
    world.why_not = ""
    world.starts("late", Crossing("led", "docker0"))
    assert world.told() == [] and world.rules.led == set()


def test_nobody_is_led_by_a_new_interface_against_a_rule(world):
    """The rule came with the container, and no look in between."""
    assert world.passing.first() == []
    world.starts("web", Crossing("led", "docker0"))
    world.why_not = RULE
    assert world.told() == [f"containers are not rehearsed from now on: {RULE}"]
    assert world.rules.led == set()


def test_what_cannot_be_left_alone_any_more_ends_the_rehearsal(world, monkeypatch):
    def refused(*_: object) -> None:
        raise TimeoutError(errno.ETIMEDOUT, "timed out")

    world.starts("web", Crossing("led", "docker0"))
    world.passing.first()
    monkeypatch.setattr(rule_watch, "EVERY_S", 0.0)
    monkeypatch.setattr(world.rules, "lead_no_more_from", refused)
    world.why_not = RULE
    with pytest.raises(CannotRehearse, match="packet rules of the rehearsal are gone"):
        wait_for(lambda: world.passing.look(()))
