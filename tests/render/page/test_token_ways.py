from dataclasses import replace

import pytest
from observed import FACTS, changed, container, report_of, way, with_containers

from imds_probe.facts.containers import Reach
from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.token_ways import LANES, token_ways

ASKS = {"environment": (("AWS_REGION",),)}
OWN = {"environment": (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)}


def lanes(*containers, limit=1):
    (part,) = token_ways(report_of(with_containers(*containers, limit=limit)), LONG)
    (block,) = part.blocks
    return block.lanes


@pytest.mark.parametrize(
    ("made", "limit", "arrives", "tone", "sentence"),
    [
        (
            container("web", 1, "lost", **ASKS),
            1,
            1,
            "bad",
            "web: no token arrives (1 hop beyond the instance). The host discards the response at hop limit 1. Hop limit 2 "
            "suffices. It probably needs metadata.",
        ),
        (
            container("far", 3, "lost", **ASKS),
            2,
            2,
            "bad",
            "far: no token arrives (3 hops beyond the instance). The router far-r1 discards the response at hop limit 2. Hop "
            "limit 4 suffices. It probably needs metadata.",
        ),
        (
            container("api", 1, "lost", **OWN),
            1,
            1,
            "plain",
            "api: no token arrives (1 hop beyond the instance). The host discards the response at hop limit 1. Hop limit 2 "
            "suffices. Nothing shows that it needs metadata.",
        ),
        (
            container("web", 1, "ok", 2),
            2,
            2,
            "good",
            "web: the token arrives at hop limit 2 (1 hop beyond the instance).",
        ),
        (container("web", 0, "ok"), 1, 1, "good", "web: the token arrives at hop limit 1 (in the host's network)."),
        (
            container("web", None, "lost", **ASKS),
            1,
            None,
            "bad",
            "web: no token arrives (the distance was not measured). The response is lost at hop limit 1; the place is not known. "
            "It probably needs metadata.",
        ),
        (
            container("web", None, "lost", netns_owner_uid=1000),
            1,
            None,
            "unknown",
            "web: no token arrives (the distance was not measured). The response is lost at hop limit 1; the place is not known. "
            "A user made this network, so the verdict does not depend on it.",
        ),
        (
            container("web", None, "refused"),
            1,
            None,
            "unknown",
            "web: the connection is refused, so the switch changes nothing there.",
        ),
        (
            container("web", 1, "answered-by-proxy"),
            1,
            None,
            "unknown",
            "web: a proxy answers instead of the metadata service.",
        ),
        (
            container("web", reach=(), not_measured="no time was left"),
            1,
            None,
            "unknown",
            "web: the way of the token was not tested.",
        ),
        # It was lost although the hop limit suffices: nobody knows where.
        (
            container("web", 1, "lost", 2, **ASKS),
            2,
            None,
            "bad",
            "web: no token arrives (1 hop beyond the instance). The response is lost at hop limit 2; the place is not known. It "
            "probably needs metadata.",
        ),
        # The verdict refuses to name a hop limit for a distance that links and routes do not bear out.
        (
            container("odd", 8, "lost", reach=(Reach("ipv4", "lost", "", 8, 9, "lost"),), **ASKS),
            1,
            1,
            "bad",
            "odd: no token arrives (8 hops beyond the instance). The host discards the response at hop limit 1. Nothing explains "
            "this distance, so the hop limit that suffices is not known. It probably needs metadata.",
        ),
        (
            container("odd", 8, "lost", reach=(Reach("ipv4", "lost", "", 8, 9, "lost"),), **ASKS),
            3,
            3,
            "bad",
            "odd: no token arrives (8 hops beyond the instance). The router 2 hops beyond the instance discards the response at "
            "hop limit 3. Nothing explains this distance, so the hop limit that suffices is not known. It probably needs metadata.",
        ),
        (
            container("web", None, "lost", reach=(Reach("ipv4", "lost", "", confirmed=True, routers=1),), **ASKS),
            1,
            None,
            "bad",
            "web: no token arrives (the distance was not measured). The response is lost at hop limit 1; the place is not known. "
            "Try hop limit 2. It probably needs metadata.",
        ),
        (
            container("rootless", None, "ok", reach=(Reach("ipv4", "ok", "", confirmed=False),), netns_owner_uid=1000),
            1,
            3,
            "good",
            "rootless: a relay brings the token at hop limit 1. The distance of the container then does not matter.",
        ),
        (
            container("rl", None, "lost", reach=(Reach("ipv4", "lost", "", confirmed=False),), **ASKS),
            1,
            None,
            "bad",
            "rl: no token arrives (a relay takes the connection). The response is lost at hop limit 1; the place is not known. "
            "It probably needs metadata.",
        ),
        (
            container("far", 2, "ok", 1),
            1,
            3,
            "good",
            "far: the token arrives at hop limit 1 (2 hops beyond the instance). By this distance it would be lost, so the "
            "distance may be wrong.",
        ),
        (
            container("eni", 0, "ok", network="own"),
            1,
            1,
            "good",
            "eni: the token arrives at hop limit 1 (as near as the host itself).",
        ),
    ],
)
def test_it_says_where_the_response_is_lost(made, limit, arrives, tone, sentence):
    (lane,) = lanes(made, limit=limit)
    assert (lane.arrives, lane.tone, lane.sentence) == (arrives, tone, sentence)
    assert len(lane.hops) == len(lane.stop_names) + 1


def test_containers_with_the_same_way_share_a_lane_and_those_in_trouble_come_first():
    made = [container(f"c{number}", 1, "lost", **ASKS) for number in range(6)]
    first, second = lanes(container("fine", 0), *made)
    assert (first.names, first.number) == (("c0", "c1", "c2", "c3"), 6)
    assert first.sentence.startswith("c0, c1, c2, c3 and 2 more: no token arrives")
    assert first.sentence.endswith("They probably need metadata.")
    assert second.names == ("fine",)


def test_routers_are_named_where_links_and_routes_name_them_and_are_one_stop_where_they_are_many():
    (named,) = lanes(container("far", 3, "lost"))
    assert (named.stop_names, named.hops) == (("host", "far-r1", "far-r2"), (0, 1, 2, 3))
    reach = Reach("ipv4", "lost", "lost", 3, 4, "lost", confirmed=True)
    (nameless,) = lanes(replace(container("far", 3, "lost"), reach=(reach,)))
    assert nameless.stop_names == ("host", "router", "router")
    (many,) = lanes(replace(container("far", 3, "lost"), reach=(replace(reach, distance=9, way=way("far", 9)),)))
    assert (many.stop_names, many.hops, many.arrives) == (("host", "8 routers"), (0, 1, 9), 1)


def test_the_router_that_discards_the_response_stands_alone_among_many():
    (many,) = lanes(container("far", 9, "lost"), limit=4)
    assert many.stop_names == ("host", "2 routers", "far-r3", "5 routers")
    assert (many.hops, many.arrives) == ((0, 1, 3, 4, 9), 3)
    assert "The router far-r3 discards the response at hop limit 4. Hop limit 10 suffices." in many.sentence


def test_each_address_at_which_the_token_is_lost_has_a_lane_of_its_own():
    four = Reach("ipv4", "ok", "", 1, 2, "ok", confirmed=True)
    six = Reach("ipv6", "lost", "", 2, 3, "lost", confirmed=True)
    lost, fine = lanes(container("six", 1, reach=(four, six), **ASKS), limit=2)
    assert (lost.tone, lost.needs, lost.sentence.partition(":")[0]) == ("bad", 3, "six over IPv6")
    assert "Hop limit 3 suffices." in lost.sentence
    assert (fine.tone, fine.sentence.partition(":")[0]) == ("good", "six over IPv4")
    # The same way at both addresses, and an address without a way, need no words.
    for other in (replace(four, family="ipv6"), Reach("ipv6", "unreachable", "")):
        (one,) = lanes(container("six", 1, reach=(four, other), **ASKS), limit=2)
        assert (one.names, one.tone) == (("six",), "good")


def test_the_drawing_knows_whether_the_host_has_a_token():
    report = report_of(with_containers(container("web", 0, reach=(), not_measured="no time was left")))
    ((block,),) = (part.blocks for part in token_ways(report, LONG))
    assert block.to_host


def test_there_is_none_without_containers_on_a_short_page_or_without_the_service():
    report = report_of(with_containers(container("web")))
    assert list(token_ways(report, SHORT)) == []
    assert list(token_ways(report_of(FACTS), LONG)) == []
    assert list(token_ways(report_of(changed(FACTS, imds=None, containers=(container("web"),))), LONG)) == []
    assert list(token_ways(report_of(with_containers(container("pause", 1, "lost", sandbox=True))), LONG)) == []


def test_what_is_not_drawn_is_counted():
    made = [container(f"c{number}", number, "lost") for number in range(3, LANES + 6)]
    (part,) = token_ways(report_of(with_containers(*made)), LONG)
    (block,) = part.blocks
    assert (len(block.lanes), block.more) == (LANES, "3 more ways to containers are not drawn.")
