"""Which packet rules keep a host from being rehearsed; rules as they are read are in tests/lab."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from imds_probe.net.obstacles.obstacle import Obstacle, Obstacles
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.unopened import why_not_containers

RULE = Obstacle("drop", "ipv4", "nftables: ip filter output", "the rule", None, True, None, "output")


def why(*items, unread=(), families=("ipv4", "ipv6")) -> str:
    return why_not_containers(set(families), lambda: Obstacles(tuple(items), tuple(unread)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "redirect", "applies_to": "prerouting"}, "redirects connections to the metadata service: the rule"),
        ({"kind": "redirect", "family": "both"}, r"the rule \(nftables: ip filter output\)"),
        ({}, "decides which programs reach"),
        ({"kind": "reject", "certain": False, "applies_to": "any"}, "decides which programs reach"),
        ({"kind": "route", "scope": "uid 1000"}, "decides which programs reach"),
    ],
)
def test_what_concerns_the_host_is_refused(changes, says):
    with pytest.raises(CannotRehearse, match=says):
        why(replace(RULE, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"applies_to": "forward"}, "decides which of them reach the metadata service: the rule"),
        ({"kind": "reject", "applies_to": "prerouting"}, "decides which of them reach"),
        ({"kind": "ttl-change", "applies_to": "prerouting"}, "goes by the TTL"),
        ({"family": "ipv6"}, ""),
        ({"kind": "route"}, ""),
        ({"kind": "setting"}, ""),
    ],
)
def test_what_concerns_containers_leaves_them_out(changes, says):
    found = why(replace(RULE, **changes), families=("ipv4",))
    assert says in found and bool(says) == bool(found)


def test_rules_that_cannot_be_read_are_not_opened():
    for line in ("legacy iptables: no", "packet rules: too many"):
        with pytest.raises(CannotRehearse, match=f"could not be read: {line}"):
            why(unread=[line])
    assert why(unread=["routes (ipv4): no"]) == ""


def test_without_nft_it_matters_whether_there_is_a_table():
    assert why(unread=["nftables: nft is not installed"]) == ""
    subprocess.run(["nft", "add", "table", "ip", "unopened"], check=True)
    try:
        with pytest.raises(CannotRehearse, match="could not be read: nftables"):
            why(unread=["nftables: nft is not installed"])
    finally:
        subprocess.run(["nft", "delete", "table", "ip", "unopened"], check=True)
