"""Which packet rules keep a host from being rehearsed; rules as they are read are in tests/lab."""

from __future__ import annotations

from dataclasses import replace

import pytest
from soon import SOON_S

from imds_probe.net.namespaces import call_in
from imds_probe.net.obstacles.obstacle import Obstacle, Obstacles
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.unopened import why_not_containers
from imds_probe.simulator.lab.lab import Lab

RULE = Obstacle("drop", "ipv4", "nftables: ip filter output", "the rule", None, True, None, "output")


def why(*items, unread=(), families=("ipv4", "ipv6")) -> str:
    return why_not_containers(set(families), lambda _: Obstacles(tuple(items), tuple(unread)))


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


def test_what_is_of_the_rehearsal_itself_is_no_rule():
    """Its own redirect, and the set that is looked for in it, hide a rule for what is forwarded."""
    own = """table ip own {
        set links { type ifname; elements = { "eth9" }; }
        chain passing {
            type nat hook prerouting priority -110;
            iifname @links ip daddr 169.254.169.254 tcp dport 80 redirect to :9
        }
    }
    """
    other = """table ip other {
        chain other {
            type filter hook forward priority 0;
            ip daddr 169.254.169.254 drop
        }
    }
    """
    with Lab("unopened") as lab:
        node = lab.add_container("bare")

        def asked(rules: str) -> str:
            done = node.run(["nft", "-f", "-"], stdin=rules.encode(), timeout_s=SOON_S)
            assert done.returncode == 0, done.stderr
            return call_in(node.netns, lambda: why_not_containers({"ipv4"}, own="own"))

        assert asked(own) == ""
        assert "which of them reach the metadata service: ip daddr 169.254.169.254 drop" in asked(other)
        with pytest.raises(CannotRehearse, match="redirects"):
            call_in(node.netns, lambda: why_not_containers({"ipv4"}))


def test_without_nft_it_matters_whether_there_is_a_table():
    """In a network of its own: those of other tests may have tables."""
    with Lab("unopened") as lab:
        node = lab.add_container("bare")

        def asked() -> str:
            return call_in(node.netns, lambda: why(unread=["nftables: nft is not installed"]))

        assert asked() == ""
        done = node.run(["nft", "add", "table", "ip", "unopened"], timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr
        with pytest.raises(CannotRehearse, match="could not be read: nftables"):
            asked()
