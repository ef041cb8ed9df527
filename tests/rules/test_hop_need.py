from dataclasses import replace

import pytest
from observed import FACTS, changed, container, with_containers

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Containers, short, titles
from imds_probe.rules.hop_need import (
    cures,
    drawn_ways,
    limit_for,
    needed_hop_limit,
    needing,
    unexplained,
    users_without_token,
)

NONE = Catalog(())
FAR_AWAY = replace(container("a", 63, "lost").reach[0], way=())
ELSEWHERE = (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),)


@pytest.mark.parametrize(
    ("containers", "needed"),
    [
        ((), 1),
        ((container("a", 0),), 1),
        ((container("a", 1, "lost"),), 2),
        ((container("a", 1, "lost"), container("b", 2, "lost")), 3),
        ((container("a", 1, "lost"), container("b", 2, "lost", environment=ELSEWHERE)), 2),
        ((container("a", 1, "ok", 2),), 1),
        ((container("a", 3, "unreachable"),), 1),
        ((container("a", 3, "answered-by-proxy"),), 1),
        ((container("a", None, "lost"),), 1),
        ((container("a", reach=()),), 1),
        ((container("a", 1, "lost", sandbox=True),), 1),
        ((container("a", 3, "lost"),), 4),
        ((container("a", 63, "lost", reach=(FAR_AWAY,)),), 1),
        ((container("a", 1, "lost", reach=(replace(FAR_AWAY, distance=2, needs_hop_limit=3),)),), 3),
        ((container("a", 1, "lost"), container("b", 63, "lost", reach=(FAR_AWAY,))), 2),
        ((container("a", 1, "lost", netns_owner_uid=1000),), 1),
        ((container("a", 1, "lost"), container("b", 5, "lost", netns_owner_uid=1000)), 2),
        ((container("a", 1, "lost", netns_owner_uid=0),), 1),
    ],
)
def test_the_smallest_hop_limit_that_serves_all_that_need_it(containers, needed):
    assert needed_hop_limit(with_containers(*containers), NONE) == needed


@pytest.mark.parametrize(("limit", "needed"), [(1, 1), (2, 2), (3, 2), (None, 2)])
def test_what_arrives_needs_no_more_than_there_is(limit, needed):
    assert needed_hop_limit(with_containers(container("a", 1, "ok", 2), limit=limit), NONE) == needed


def test_the_number_is_said_to_cure_or_to_be_tried():
    near = container("a", 1, "lost")
    assert cures(near, with_containers(near)) == "hop limit 2 cures that"
    written = replace(near.reach[0], distance=None, needs_hop_limit=None, expected=None, ttls_changed=True, routers=2)
    tried = replace(near, reach=(written,))
    assert (
        cures(tried, with_containers(tried))
        == "a higher hop limit is needed: try 3, as the distance could not be measured"
    )
    assert cures(tried, with_containers(tried, limit=3)) == ""


def test_who_needs_it():
    a, b = container("a", 1, "lost"), container("b", 1, "lost", environment=ELSEWHERE)
    assert needing(with_containers(a, b), NONE) == (a,)
    assert needing(changed(FACTS, containers=None), NONE) == ()


def test_a_limit_of_one_address_is_not_that_of_another_that_nothing_explains():
    near = container("a", 1, "lost")
    both = replace(near, reach=(*near.reach, replace(FAR_AWAY, family="ipv6")))
    assert limit_for(both, with_containers(both)) == 2
    assert unexplained(with_containers(both, near)) == (both,)
    assert unexplained(with_containers(replace(both, netns_owner_uid=7))) == ()


@pytest.mark.parametrize(
    ("members", "without"),
    [
        ((container("a", None, "lost", netns_owner_uid=7),), "a"),
        ((container("a", None, "answered-by-proxy", netns_owner_uid=7),), "a"),
        ((container("a", None, "error", netns_owner_uid=7),), "a"),
        ((container("a", reach=(), netns_owner_uid=7),), "a"),
        ((container("a", None, "ok", netns_owner_uid=7),), ""),
        ((container("a", None, "refused", netns_owner_uid=7),), ""),
        ((container("a", None, "lost", netns_owner_uid=7, environment=ELSEWHERE),), ""),
        ((container("a", None, "lost", netns_owner_uid=7, sandbox=True),), ""),
        ((container("a", 1, "lost"),), ""),
    ],
)
def test_which_users_go_without(members, without):
    assert "".join(each.name for each in users_without_token(with_containers(*members), NONE)) == without


def test_the_ways_that_need_a_limit():
    far, near = container("far", 3, "lost"), container("near", 2, "lost")
    both = replace(far, reach=(*far.reach, replace(far.reach[0], family="ipv6")))
    facts = with_containers(both, near)
    assert drawn_ways(facts, 4, NONE) == (
        "far (eth0) -> far-r2 (inner2, eth0) -> far-r1 (inner1, eth0) -> host (veth2 on docker0, ens5)",
    )
    assert drawn_ways(facts, 3, NONE) == drawn_ways(facts, 9, NONE) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "web"),
        ({"name": None}, "webwebwebweb"),
        ({"pod": "shop-7d9"}, "shop-7d9/web"),
        ({"pod": "web"}, "web"),
        ({"pod": "shop-7d9", "namespace": "sales"}, "sales/shop-7d9/web"),
        ({"pod": "web", "namespace": "sales"}, "sales/web"),
        ({"namespace": "sales"}, "web"),
        ({"runtime": "netns"}, "netns web"),
        ({"owner_uid": 4242}, "web of user 4242"),
        ({"owner_uid": 4242, "pod": "shop-7d9"}, "shop-7d9/web of user 4242"),
    ],
)
def test_titles(changes, expected):
    assert container("web", **changes).title == expected


def test_an_identity_is_nobody_elses():
    """Whoever chooses an id cannot choose what stands before it."""
    web = container("web")
    his, inner = replace(web, owner_uid=4242), replace(web, inside="f" * 64)
    assert [each.identity for each in (web, his, inner)] == [web.id, f"user 4242/{web.id}", f"{'f' * 64}/{web.id}"]
    there = Containers((his, inner, web))
    assert [there.by_identity(each.identity) for each in (web, his, inner)] == [web, his, inner]
    assert [short(each.identity) for each in (web, his, inner)] == [
        web.id[:12],
        f"{web.id[:12]} of user 4242",
        web.id[:12],
    ]


def test_a_list_of_titles_is_bounded():
    assert titles(container(name) for name in "abc") == "a, b, c"
    assert titles(container(name) for name in "abcdefg") == "a, b, c and 4 more"
