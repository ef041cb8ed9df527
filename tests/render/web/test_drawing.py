import pytest

from imds_probe.render.page.blocks import Curve, Lane, Share, Ways
from imds_probe.render.web.drawing import BAR, bar, curve, most, ways


def lane(*hops, arrives=None, asked=True, needs=None, shares_host=False, name="web", router="r"):
    names = ("host", *(f"{router}{number}" for number in range(1, len(hops) - 1)))[: len(hops) - 1]
    return Lane((name,), 1, names, hops, arrives, asked, needs, "bad", "web: no token arrives.", shares_host)


def kinds(row):
    return [arrow.kind for arrow in row.arrows]


def test_a_bar_has_a_piece_for_each_part_that_is_not_empty():
    shares = (Share("a", 3, "good"), Share("b", 0, "bad"), Share("c", 1, "care"))
    pieces = bar(shares)
    assert [(piece.x, piece.width, piece.percent) for piece in pieces] == [(0, 750, 75), (750, 250, 25)]
    assert [piece.percent for piece in bar((Share("a", 9999, "good"), Share("b", 1, "bad")))] == [99.9, 0]
    assert sum(piece.width for piece in bar(shares, 8)) == BAR / 2
    assert bar((Share("a", 0, "good"),)) == bar(()) == ()
    assert bar((Share("a", 1, "good"), Share("b", 10**9, "bad")))[0].width == 2  # it is seen all the same
    assert most(((shares[0], shares[2]), (shares[2],))) == 4
    assert most(()) == 0


def test_the_response_ends_where_the_hop_limit_does():
    drawn = ways(
        Ways("", 1, (lane(0, 1, arrives=1), lane(0, 1, 2, 3, arrives=1), lane(0, arrives=1, shares_host=True)))
    )
    near, far, inside = drawn.rows
    assert (kinds(near), kinds(far), kinds(inside)) == (["lost"], ["lost", "none", "none"], [])
    assert drawn.border is not None
    assert near.arrows[0].middle == drawn.border
    # What shares the host's network is drawn in it, and what is beyond stands right of the border.
    assert drawn.host.x < inside.boxes[0].x < drawn.border < near.boxes[0].x
    assert [box.reached for box in far.boxes] == [False, False, False]
    assert all(box.y + 48 <= drawn.height for row in drawn.rows for box in row.boxes)


def test_what_arrives_is_a_whole_way():
    drawn = ways(Ways("", 2, (lane(0, 1, arrives=2, needs=2),)))
    assert (kinds(drawn.rows[0]), drawn.border) == (["whole"], None)
    assert drawn.rows[0].boxes[0].note == "hop 1"


def test_a_distance_that_is_not_known_or_routers_in_one_stop_make_no_border():
    unknown = ways(Ways("", 1, (lane(0, None),)))
    assert (kinds(unknown.rows[0]), unknown.rows[0].boxes[0].note) == (["unsure"], "distance not known")
    assert ways(Ways("", 1, (lane(0, 1, 9, arrives=1),))).border is None
    assert ways(Ways("", None, (lane(0, 1),))).border is None
    assert kinds(ways(Ways("", 1, (lane(0, 1, asked=False),))).rows[0]) == ["none"]


@pytest.mark.parametrize(
    ("through", "is_drawn"),
    [
        (lane(0, None, None, arrives=3), False),  # a relay brings it
        (lane(0, 1, 2, arrives=3), False),  # it arrives from further away than it can
        (lane(0, None), False),
        (lane(0, None, asked=False), True),
        (lane(0, 1, arrives=1), True),
    ],
)
def test_no_way_that_arrives_goes_through_the_line_where_the_hop_limit_ends(through, is_drawn):
    drawn = ways(Ways("", 1, (lane(0, 1, arrives=1), through)))
    assert (drawn.border is not None) == is_drawn


def test_the_host_is_reached_where_it_has_a_token_whatever_was_tried_in_containers():
    untested = lane(0, asked=False, shares_host=True)
    alone = ways(Ways("", 1, (untested,), to_host=True))
    assert (alone.host.reached, alone.first.kind, alone.rows[0].boxes[0].reached) == (True, "whole", False)
    nothing = ways(Ways("", 1, (untested,)))
    assert (nothing.host.reached, nothing.first.kind) == (False, "none")


def test_what_has_an_interface_of_the_instance_to_itself_stands_below_the_host():
    drawn = ways(Ways("", 1, (lane(0, arrives=1), lane(0, arrives=1, shares_host=True)), to_host=True))
    apart, inside = drawn.rows
    assert (apart.boxes[0].note, kinds(apart)) == ("hop 0", ["whole"])
    assert (inside.boxes[0].note, kinds(inside)) == ("host's network", [])
    host_ends = drawn.host.y + drawn.tall
    assert inside.boxes[0].y + 48 <= host_ends < apart.boxes[0].y
    assert apart.boxes[0].y + 48 <= drawn.height


def test_several_routers_in_one_stop_say_which_hops_they_are():
    (row,) = ways(Ways("", 3, (lane(0, 1, 2, 3, 8, arrives=3),))).rows
    assert [box.note for box in row.boxes] == ["hop 1", "hop 2", "hops 3 to 7", "hop 8"]
    assert kinds(row) == ["whole", "whole", "lost", "none"]


def test_long_names_end_in_a_mark_by_their_width():
    (row,) = ways(
        Ways("", 3, (lane(0, 1, 2, arrives=3, name="容器名稱很長很長很長很長", router="netns cilium-overlay-"),))
    ).rows
    assert [box.name for box in row.boxes] == ["netns cilium-overl…", "容器名稱很長很長很…"]


def test_a_curve_is_a_staircase():
    plot = curve(Curve("", "", (50.0, 80.0, 100.0), (50, 80), ""))
    assert [dot.percent for dot in plot.dots] == [50, 80, 100]
    assert plot.dots[0].y > plot.dots[1].y > plot.dots[2].y
    assert plot.line.count("H") == plot.line.count("V") == 2
    assert [(level.percent, level.marked) for level in plot.levels] == [(0, False), (50, True), (80, True)]


@pytest.mark.parametrize("steps", [1, 9, 99])
def test_a_long_curve_has_no_more_numbers_than_there_is_room_for(steps):
    plot = curve(Curve("", "", tuple(float(number) for number in range(steps + 1)), (), ""))
    assert 2 <= len(plot.ticks) <= 11
