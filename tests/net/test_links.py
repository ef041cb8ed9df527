"""In the lab, whose containers lead to the host in every way that containers do."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imds_probe.net import links, namespaces
from imds_probe.simulator.lab.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("links") as built:
        web = built.add_container("web")
        built.add_container("deep", "nested", inside=web)
        built.add_container("chain", "chain", hops=4)
        built.add_container("own-link", "macvlan")
        yield built


@pytest.fixture(scope="module")
def home(lab: Lab) -> Iterator[int]:
    opened = namespaces.open_netns(lab.instance.netns)
    yield opened
    os.close(opened)


def named(lab: Lab, interfaces: frozenset[int]) -> set[str]:
    names = lab.instance.call(lambda: dict(socket.if_nameindex()))
    return {names[each] for each in interfaces}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("web", {"veth2"}),
        ("deep", {"veth2"}),
        ("chain", {"veth3"}),
        ("own-link", {"ens6"}),
        ("service", {"ens5", "ens6"}),
    ],
)
def test_by_which_interface_a_container_comes_in(lab: Lab, home: int, container: str, expected: set[str]) -> None:
    """Also where it is in another one, by that one's."""
    assert named(lab, links.ways_into(home, lab.nodes[container].netns)) == expected


def test_one_without_a_link_comes_in_nowhere(home: int) -> None:
    child = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
    try:
        assert child.stdout
        child.stdout.readline()
        assert links.ways_into(home, Path(f"/proc/{child.pid}/ns/net")) == frozenset()
    finally:
        child.kill()
        child.communicate()


def test_one_that_is_gone_is_said_so(home: int) -> None:
    with pytest.raises(namespaces.NamespaceGone):
        links.ways_into(home, Path("/proc/4999999/ns/net"))


def test_where_the_service_is(lab: Lab) -> None:
    for address in ("169.254.169.254", "fd00:ec2::254"):
        interface = lab.instance.call(lambda address=address: links.interface_to(address))
        assert interface is not None
        assert named(lab, frozenset({interface})) == {"ens5"}
    assert lab.service.call(lambda: links.interface_to("10.99.0.1")) is None


def test_what_is_put_together_of_others(lab: Lab) -> None:
    interfaces = {name: number for number, name in lab.instance.call(socket.if_nameindex)}
    assert lab.instance.call(lambda: links.has_ports(interfaces["docker0"])) is True
    assert lab.instance.call(lambda: links.has_ports(interfaces["ens5"])) is False
