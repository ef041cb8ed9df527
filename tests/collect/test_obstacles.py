"""Which namespaces are looked into, and what of it is worth telling."""

import time
from dataclasses import replace

import pytest
from observed import ENDPOINT, IMDS, container
from soon import SOON_S

from imds_probe.collect import obstacles
from imds_probe.collect.containers import SeenContainers
from imds_probe.collect.obstacles import NAMESPACES_MAX, in_containers, on_host, with_containers
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.inventory.containers.discovered import DiscoveredContainer, NetworkNamespace
from imds_probe.reading.here import HERE
from imds_probe.simulator.lab.lab import Lab

BY_USER = (
    "iptables -t nat -A OUTPUT -p tcp --dport 80 -m owner --uid-owner 1000 -j REDIRECT --to-ports 15001",
    "iptables -A OUTPUT -d 169.254.169.254 -m owner --uid-owner 1001 -j DROP",
)
DROP = "-A OUTPUT -d 169.254.169.254/32 -p tcp -j DROP"


@pytest.fixture(scope="module")
def lab():
    with Lab("obst") as built:
        for name, options in {"web": {}, "blocked": {}, "stranded": {"no_route": True}, "by-user": {}}.items():
            node = built.add_container(name, "bridge", **options)
            if name == "blocked":
                assert node.run(["iptables", *DROP.split()], timeout_s=SOON_S).returncode == 0
            if name == "by-user":
                for rule in BY_USER:
                    assert node.run(rule.split(), timeout_s=SOON_S).returncode == 0
        yield built


def seen_in(lab, **tokens):
    """The lab's containers with the outcomes given, as the collector before hands them on."""
    containers, ways_in = [], {}
    for name, token in tokens.items():
        node = lab.nodes[name]
        containers.append(container(name, None if token == "unreachable" else 1, token, netns=node.inode))
        ways_in[node.inode] = NetworkNamespace(node.inode, node.netns, "container", name, (), ())
    host = lab.instance
    ways_in[host.inode] = NetworkNamespace(host.inode, host.netns, "host", "host", (), ())
    return SeenContainers(tuple(containers), (), (), ways_in)


def inside(seen):
    return in_containers(seen, deadline=time.monotonic() + SOON_S)


def host_of(lab, tmp_path, imds=IMDS):
    """A root whose /proc says that process 1 is in the lab's instance."""
    (tmp_path / "proc/1/ns").mkdir(parents=True)
    return lab.instance.call(lambda: on_host(tmp_path, imds, HERE, deadline=time.monotonic() + SOON_S))


def test_where_measured_and_tried_agree_nobody_is_looked_into(lab, tmp_path):
    assert inside(seen_in(lab, blocked="lost", stranded="lost")).obstacles == ()


def test_a_rule_inside_a_container_is_quoted(lab, tmp_path):
    (obstacle,) = inside(seen_in(lab, web="lost", blocked="unreachable")).obstacles
    assert (obstacle.namespace, obstacle.kind, obstacle.applies_to) == ("blocked", "drop", "output")
    assert "169.254.169.254" in obstacle.quote


def test_where_root_and_others_are_served_apart_the_rule_is_found(lab, tmp_path):
    """Measuring and trying agree, as the probe is root."""
    (obstacle,) = inside(seen_in(lab, **{"by-user": "lost"}, web="lost", blocked="lost")).obstacles
    assert (obstacle.namespace, obstacle.kind, obstacle.spares_root) == ("by-user", "redirect", True)
    assert "uid 1000" in obstacle.scope


def test_a_missing_route_is_told_for_the_address_that_matters(lab, tmp_path):
    obstacles = inside(seen_in(lab, stranded="unreachable")).obstacles
    assert [(each.kind, each.family) for each in obstacles] == [("route", "ipv4")]


def test_what_is_on_the_host(lab, tmp_path):
    rule = [
        "-t",
        "nat",
        "-I",
        "PREROUTING",
        "-i",
        "docker0",
        "-d",
        "169.254.169.254/32",
        "-p",
        "tcp",
        "-j",
        "REDIRECT",
        "--to-ports",
        "8181",
    ]
    assert lab.instance.run(["iptables", *rule], timeout_s=SOON_S).returncode == 0
    try:
        obstacles = host_of(lab, tmp_path).obstacles
    finally:
        lab.instance.run(["iptables", *("-D" if word == "-I" else word for word in rule)], timeout_s=SOON_S)
    assert {(each.namespace, each.kind) for each in obstacles} == {("host", "redirect"), ("host", "proxy")}


def test_an_ipv6_route_that_nobody_asked_for_is_no_obstacle(lab, tmp_path):
    twin = replace(ENDPOINT, family="ipv6", token_outcome="no-route")
    assert host_of(lab, tmp_path, replace(IMDS, endpoints=(ENDPOINT, twin))).obstacles == ()


def test_a_proxy_that_runs_in_a_container_has_its_image():
    proxy = PathObstacle("host", "proxy", "ipv4", "process 7", "kube2iam (pid 7)", None, True, None, "prerouting", 7)
    other = replace(proxy, kind="redirect", pid=None)
    image = "jtblin/kube2iam:0.10.9"
    container = DiscoveredContainer("1" * 64, "docker", "web", image, None, None, (6, 7), 6, None, "host")
    named, same = with_containers((proxy, other), (container,))
    assert (named.image, named.container_id, same) == (image, "1" * 64, other)
    assert with_containers((proxy,), ()) == (proxy,)


def many_like(seen, count):
    """As many containers as this one, in networks that are alike."""
    (one,) = seen.containers
    way_in = seen.namespaces[one.netns]
    many = tuple(replace(one, name=f"c{number}", netns=number + 1) for number in range(count))
    return replace(seen, containers=many, namespaces=dict(seen.namespaces) | {each.netns: way_in for each in many})


def test_many_open_questions_are_bounded_and_said(lab, tmp_path):
    result = inside(many_like(seen_in(lab, stranded="unreachable"), NAMESPACES_MAX + 3))
    assert len({each.namespace for each in result.obstacles}) == NAMESPACES_MAX
    assert result.unread[-1] == (
        f"only {NAMESPACES_MAX} of {NAMESPACES_MAX + 3} containers with unexplained results were inspected"
    )


def test_of_many_containers_all_are_looked_into_that_have_rules_on_users(lab, tmp_path, monkeypatch):
    """As a service mesh has them in each pod, whatever came of the request there."""
    monkeypatch.setattr(obstacles, "NAMESPACES_MAX", 2)
    for token in ("lost", "unreachable"):
        result = inside(many_like(seen_in(lab, **{"by-user": token}), 5))
        redirects = {each.namespace for each in result.obstacles if each.kind == "redirect"}
        assert redirects == {f"c{number}" for number in range(5)}
        assert not any("rules on users" in line for line in result.unread)


def test_of_very_many_containers_with_rules_on_users_the_rest_is_said(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(obstacles, "ON_OWNERS_MAX", 2)
    result = inside(many_like(seen_in(lab, **{"by-user": "lost"}), 5))
    assert result.unread[-1] == "only 2 of 5 containers with rules on users were inspected"
