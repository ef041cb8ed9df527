import pytest

from imds_probe.render.page.blocks import Curve, Lane, Share, Ways
from imds_probe.render.web.drawing import BAR, bar, curve, most, ways


def lane(*hops, arrives=None, asked=True, needs=None):
    names = ("host", *(f"r{number}" for number in range(1, len(hops) - 1)))[: len(hops) - 1]
    return Lane(("web",), 1, names, hops, arrives, asked, needs, "bad", "web: no token arrives.")


def kinds(row):
    return [arrow.kind for arrow in row.arrows]


def test_a_bar_has_a_piece_for_each_part_that_is_not_empty():
    shares = (Share("a", 3, "good"), Share("b", 0, "bad"), Share("c", 1, "care"))
    pieces = bar(shares)
    assert [(piece.x, piece.width, piece.percent) for piece in pieces] == [(0, 750, 75), (750, 250, 25)]
    assert sum(piece.width for piece in bar(shares, 8)) == BAR / 2
    assert bar((Share("a", 0, "good"),)) == bar(()) == ()
    assert bar((Share("a", 1, "good"), Share("b", 10**9, "bad")))[0].width == 2  # it is seen all the same
    assert most(((shares[0], shares[2]), (shares[2],))) == 4
    assert most(()) == 0


def test_the_response_ends_where_the_hop_limit_does():
    drawn = ways(Ways("", 1, (lane(0, 1, arrives=1), lane(0, 1, 2, 3, arrives=1), lane(0, arrives=1))))
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
