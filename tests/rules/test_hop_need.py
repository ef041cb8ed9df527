from dataclasses import replace

import pytest
from observed import FACTS, changed, container, with_containers

from imds_probe.facts.containers import Containers, short, titles
from imds_probe.rules.hop_need import needed_hop_limit, needing

ELSEWHERE = (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),)


@pytest.mark.parametrize(
    ("containers", "needed"),
    [
        ((), 1),
        ((container("a", 0),), 1),
        ((container("a", 1, "lost"),), 2),
        ((container("a", 1, "lost"), container("b", 2, "lost")), 3),
        ((container("a", 1, "lost"), container("b", 2, "lost", environment=ELSEWHERE)), 2),
        ((container("a", 1, "ok", 2),), 2),
        ((container("a", 3, "unreachable"),), 1),
        ((container("a", 3, "answered-by-proxy"),), 1),
        ((container("a", None, "lost"),), 1),
        ((container("a", reach=()),), 1),
        ((container("a", 1, "lost", sandbox=True),), 1),
    ],
)
def test_the_smallest_hop_limit_that_serves_all_that_need_it(containers, needed):
    assert needed_hop_limit(with_containers(*containers)) == needed


def test_who_needs_it():
    a, b = container("a", 1, "lost"), container("b", 1, "lost", environment=ELSEWHERE)
    assert needing(with_containers(a, b)) == (a,)
    assert needing(changed(FACTS, containers=None)) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "web"),
        ({"name": None}, "webwebwebweb"),
        ({"pod": "shop-7d9"}, "shop-7d9/web"),
        ({"pod": "web"}, "web"),
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
