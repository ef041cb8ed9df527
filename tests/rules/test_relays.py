from dataclasses import replace

import pytest
from observed import changed, container, with_containers

from imds_probe.facts.obstacles import PathObstacle
from imds_probe.rules.relays import (
    hides_distance,
    is_lost_unmeasured,
    limit_to_try,
    lower_is_known_to_do,
    lowered_by,
    quoted,
)

MESH = PathObstacle(
    namespace="shop",
    kind="redirect",
    family="ipv4",
    where="iptables-legacy nat OUTPUT",
    quote="-A OUTPUT -p tcp -j REDIRECT --to-ports 15001",
    target=":15001",
    certain=True,
    scope=None,
    applies_to="output",
    container_id=container("shop").identity,
)
ON_HOST = replace(MESH, namespace="host", where="iptables-legacy nat PREROUTING", container_id=None)
EGRESS = replace(ON_HOST, target="172.17.0.9:3128")


def behind_relay(token="lost", /, routers=1, **changes):
    shop = container("shop", None, token)
    return replace(shop, reach=(replace(shop.reach[0], confirmed=False, routers=routers),), **changes)


def written(token="lost", routers=1):
    shop = container("shop", None, token)
    return replace(shop, reach=(replace(shop.reach[0], confirmed=True, ttls_changed=True, routers=routers),))


def taken_inside(shop):
    return replace(shop, reach=(replace(shop.reach[0], taken_inside=True),))


def tried(shop, *obstacles, limit=1):
    return limit_to_try(shop.reach[0], shop, changed(with_containers(shop, limit=limit), obstacles=obstacles))


@pytest.mark.parametrize(
    ("shop", "obstacles", "limit", "expected"),
    [
        (behind_relay(), (MESH,), 1, 2),
        (behind_relay(), (MESH,), None, 2),
        (behind_relay(), (MESH,), 2, None),
        (behind_relay(routers=None), (MESH,), 1, 2),
        (behind_relay(routers=None), (MESH,), 2, None),
        (behind_relay(routers=2), (MESH,), 1, 3),
        (behind_relay(routers=2), (MESH,), 2, 3),
        (behind_relay(), (), 1, None),  # nobody knows where the relay is
        (behind_relay(), (ON_HOST,), 1, None),  # it is where the token arrives
        (behind_relay(), (replace(ON_HOST, target=None),), 1, None),
        (behind_relay(), (replace(ON_HOST, target="127.0.0.1:15001"),), 1, None),
        (behind_relay(), (EGRESS,), 1, 2),
        (behind_relay(), (replace(MESH, container_id="somebody else's"),), 1, None),
        (behind_relay("ok"), (MESH,), 1, None),
        (taken_inside(behind_relay()), (), 1, 2),  # whatever brings it there
        (taken_inside(behind_relay(routers=2)), (), 1, 3),
        (taken_inside(behind_relay()), (), 2, None),
        (taken_inside(behind_relay(routers=None)), (), 1, None),  # it has the service's address
        (written(), (), 1, 2),
        (written(routers=None), (), 1, 2),
        (written(routers=3), (), 2, 4),
        (written(), (), 2, None),
        (container("shop", 1, "lost"), (), 1, None),
        (container("shop", None, "lost"), (), 1, None),  # nobody looked
    ],
)
def test_the_hop_limit_to_try(shop, obstacles, limit, expected):
    assert tried(shop, *obstacles, limit=limit) == expected


def test_what_arrives_from_elsewhere_is_no_relay_of_ones_own_requests():
    """As the sidecar of a mesh takes requests to its pod."""
    inbound = replace(MESH, where="iptables nat PREROUTING", target=":15006", applies_to="prerouting")
    shop = behind_relay()
    assert (tried(shop, MESH), tried(shop, inbound), tried(shop, inbound, MESH)) == (2, None, 2)
    said = quoted([shop], changed(with_containers(shop), obstacles=(inbound, MESH)))
    assert said == (f"in shop, {MESH.where}: {MESH.quote}",)


def test_a_rule_counts_for_all_that_share_the_network():
    shop = behind_relay()
    sidecar = replace(shop, id="f" * 64, name="proxy")
    facts = changed(with_containers(shop, sidecar), obstacles=(MESH,))
    assert limit_to_try(sidecar.reach[0], sidecar, facts) == 2
    assert quoted([sidecar], facts) == (f"in shop, {MESH.where}: {MESH.quote}",)
    elsewhere = replace(sidecar, netns=1)
    assert quoted([elsewhere], changed(with_containers(shop, elsewhere), obstacles=(MESH,))) == ()


def test_what_is_quoted():
    shop = behind_relay()
    drop, ttl = replace(ON_HOST, kind="drop"), replace(ON_HOST, kind="ttl-change", quote="TTL --ttl-set 64")
    facts = changed(with_containers(shop), obstacles=(drop, ttl, ttl))
    assert quoted([shop], facts) == (f"on the host, {ON_HOST.where}: TTL --ttl-set 64",)


@pytest.mark.parametrize(
    ("shop", "hidden", "lost"),
    [
        (behind_relay(), True, True),
        (behind_relay("ok"), True, False),
        (behind_relay("answered-by-proxy"), True, False),
        (behind_relay("error"), False, False),
        (written(), True, True),
        (written("ok"), True, False),
        (container("shop", 1, "lost"), False, False),
        (container("shop", 1, "ok"), False, False),
    ],
)
def test_where_no_distance_shows(shop, hidden, lost):
    assert (hides_distance(shop.reach[0]), is_lost_unmeasured(shop.reach[0])) == (hidden, lost)


LOWERS = replace(ON_HOST, kind="ttl-change", target="-1", applies_to="prerouting", quote="TTL --ttl-dec 1")


@pytest.mark.parametrize(
    ("obstacles", "network", "expected"),
    [
        ((LOWERS,), "own", 1),
        ((LOWERS, replace(LOWERS, target="-2")), "own", 3),
        ((LOWERS, replace(LOWERS, family="ipv6")), "own", 1),
        ((replace(LOWERS, family="ipv6"),), "own", 0),
        ((replace(LOWERS, target="+1"),), "own", 0),
        ((replace(LOWERS, target="1"),), "own", 0),
        ((replace(LOWERS, target=None),), "own", 0),
        ((replace(LOWERS, certain=False),), "own", 0),
        ((replace(LOWERS, applies_to="forward"),), "own", 0),  # which the distance shows
        ((replace(LOWERS, namespace="web", container_id="1" * 64),), "own", 0),
        ((LOWERS,), "host", 0),
        ((), "own", 0),
    ],
)
def test_what_rules_on_the_host_take_away(obstacles, network, expected):
    web = replace(container("web"), network=network)
    assert lowered_by(web.reach[0], web, changed(with_containers(web), obstacles=obstacles)) == expected


def _without_routers(shop):
    return replace(shop, reach=(replace(shop.reach[0], routers=None),))


@pytest.mark.parametrize(
    ("containers", "obstacles", "expected"),
    [
        ((), (), True),
        ((container("web", 1, "ok", 2),), (), True),
        ((container("web", 1, "ok", 2),), (replace(ON_HOST, kind="drop"),), True),
        ((container("web", 1, "ok", 2),), (ON_HOST,), False),
        ((container("web", 1, "ok", 2),), (replace(ON_HOST, kind="ttl-change"),), False),
        ((container("web", 1, "ok", 2), behind_relay("ok")), (), False),
        ((behind_relay("answered-by-proxy"),), (), False),
        ((written("ok"),), (), False),
        ((_without_routers(container("web", 1, "ok", 2)),), (), False),
        ((_without_routers(container("agent", 0, "ok", 2)),), (), True),
        ((container("cut", None, "unreachable"),), (), True),
    ],
)
def test_where_a_lower_limit_may_be_advised(containers, obstacles, expected):
    facts = changed(with_containers(*containers, limit=2), obstacles=obstacles)
    assert lower_is_known_to_do(facts) == expected
