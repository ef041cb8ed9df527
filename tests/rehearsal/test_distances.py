"""What a measurement comes to: a distance, or a refusal with its reason."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.collect import hops
from imds_probe.collect.hops import MeasuredDistances
from imds_probe.facts.containers import Reach
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, NetworkNamespace
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.distances import ways
from imds_probe.rehearsal.refusal import Refusal

SERVICE = Service({socket.AF_INET: ("169.254.169.254", 80)}, Refusal.as_captured(b""))
WEB = DiscoveredContainer(
    id="ab12",
    runtime="docker",
    name="web",
    image=None,
    pod=None,
    pod_namespace=None,
    pids=(1,),
    pid=1,
    netns=7,
    network="own",
)


def discovery(owner_uid=None):
    there = NetworkNamespace(7, Path("/proc/1/ns/net"), "container", "web", (1,), (WEB,), owner_uid)
    return Discovery((WEB,), (there,), 0, 1, complete=True, notes=())


@pytest.fixture
def measured(monkeypatch):
    """Have a measurement come to this; what it was asked."""
    asked = []

    def call(*reach, not_measured=None):
        def measure(host, others, endpoints, **how):
            asked.append((others, endpoints, how["users"]))
            return MeasuredDistances(reach={7: reach} if reach else {}, not_measured=not_measured or {})

        monkeypatch.setattr(hops, "measure", measure)
        return asked

    return call


def test_a_distance_for_each_family_that_has_a_way(measured):
    asked = measured(Reach("ipv4", "lost", "", distance=2), Reach("ipv6", "unreachable", ""))
    assert ways(WEB, discovery(1000), SERVICE) == {"ipv4": 2}
    ((others, endpoints, users),) = asked
    assert others == [(Path("/proc/1/ns/net"), 7)] and [each.family for each in endpoints] == ["ipv4"] and users == {7}


def test_on_the_hosts_network_there_is_nothing_to_measure(measured):
    asked = measured()
    assert ways(replace(WEB, network="host"), discovery(), SERVICE) == {} and asked == []


@pytest.mark.parametrize(
    ("reach", "says"),
    [
        (
            [Reach("ipv4", "ok", "token received, through a relay")],
            "distance of web .* was not measured: token received",
        ),
        ([Reach("ipv4", "unreachable", "")], "it has no way to the service"),
        ([], "the run's time limit"),
    ],
)
def test_what_is_not_known_is_refused(measured, reach, says):
    measured(*reach, not_measured={} if reach else {7: "the run's time limit"})
    with pytest.raises(CannotRehearse, match=says):
        ways(WEB, discovery(), SERVICE)


def test_a_namespace_that_cannot_be_seen(measured):
    with pytest.raises(CannotRehearse, match="cannot be seen"):
        ways(WEB, Discovery((WEB,), (), 0, 1, complete=False, notes=()), SERVICE)
