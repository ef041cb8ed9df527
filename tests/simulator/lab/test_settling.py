"""When a link may be used, asked of the kernel in a namespace with links in every state."""

import subprocess
import time

import pytest

from imds_probe.net import namespaces
from imds_probe.simulator.lab import naming, plumbing, settling


@pytest.fixture
def netns():
    name = naming.new_lab_id("settling").namespace("it")
    plumbing.add_namespaces([name])
    path = naming.NETNS_DIRECTORY / name
    plumbing.write_sysctls(path, {"ipv6/conf/default/accept_dad": "0"})
    yield path
    plumbing.remove_namespaces([name])


CABLE = ["link add near type veth peer name far", "addr add 2001:db8::1:2345/64 dev near nodad"]


def test_links_are_up_and_addresses_are_found_afterwards(netns):
    plumbing.ip_batch(netns, ["link set lo up", *CABLE, "link set near up", "link set far up"])
    settling.settle(netns)
    assert namespaces.call_in(netns, settling.unanswered_addresses) == set()
    argv = plumbing.inside(netns, ["ip", "-o", "link", "show", "up"])
    links = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split(": ")[1] for line in links if "state UP" in line] == ["far@near", "near@far"]
    groups = namespaces.call_in(netns, (settling.NET / "igmp6").read_text)
    assert "ff0200000000000000000001ff012345" in groups  # the last 24 bits of 2001:db8::1:2345


NO_NEIGHBOURS = [
    CABLE[0],
    "link set near arp off",
    "link set near addrgenmode none",
    "link set near up",
    "link set far up",
    CABLE[1],
]


def test_links_that_ask_no_neighbours_are_not_waited_for(netns):
    plumbing.ip_batch(netns, NO_NEIGHBOURS)  # as the links of ipvlan L3
    settling.settle(netns)
    assert namespaces.call_in(netns, settling.unanswered_addresses) == set()


def test_an_address_that_is_never_found_is_an_expected_error(netns, monkeypatch):
    # The address joined no group, and turning neighbour resolution on afterwards does not make up for that.
    plumbing.ip_batch(netns, NO_NEIGHBOURS)
    settling.settle(netns)
    plumbing.ip_batch(netns, ["link set near arp on"])
    address = "20010db8000000000000000000012345@near"
    assert namespaces.call_in(netns, settling.unanswered_addresses) == {address}
    monkeypatch.setattr(settling, "WITHIN_S", 0.1)
    with pytest.raises(plumbing.LabError, match=f"did not finish setting up {address}"):
        settling.settle(netns)


def test_a_namespace_without_links_is_settled_at_once(netns):
    started = time.monotonic()
    settling.settle(netns, netns)
    assert time.monotonic() - started < 1


def test_a_kernel_without_ipv6_has_nothing_to_wait_for(monkeypatch, tmp_path):
    monkeypatch.setattr(settling, "NET", tmp_path)  # where these files are missing, as they are there
    assert settling.unanswered_addresses() == set()


def test_carriers_are_settled_through_a_bridge(netns):
    plumbing.ip_batch(
        netns,
        [
            "link add bridge0 type bridge",
            "link set bridge0 up",
            "link add near type veth peer name far",
            "link set near master bridge0",
            "link set near up",
            "link set far up",
        ],
    )
    namespaces.call_in(netns, settling.finish_carrier_events)
    argv = plumbing.inside(netns, ["ip", "-o", "link", "show", "bridge0"])
    assert "state UP" in subprocess.run(argv, capture_output=True, text=True, check=True).stdout
