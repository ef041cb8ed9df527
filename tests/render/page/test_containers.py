from observed import FACTS, changed, container, report_of, with_containers

from imds_probe.render.page.blocks import Table, Text
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.containers import COLUMNS, containers


def table(*made, limit=1):
    (part,) = containers(report_of(with_containers(*made, limit=limit)), SHORT)
    (block,) = part.blocks
    assert isinstance(block, Table)
    return block


def test_none_found_and_not_looked_for_differ():
    (part,) = containers(report_of(FACTS), SHORT)
    assert part.blocks == (Text("No containers were found."),)
    assert list(containers(report_of(changed(FACTS, containers=None)), SHORT)) == []


def test_many_are_counted_and_those_in_trouble_come_first():
    lost = container("lost", 1, "lost", environment=(("AWS_REGION",),))
    made = table(*(container(f"c{number}", 0, "ok") for number in range(24)), lost)
    assert made.rows[0][0] == "lost"
    assert len(made.rows) == SHORT.containers
    assert made.more == "and 5 more"


def test_what_only_holds_a_network_is_left_out():
    assert [row[0] for row in table(container("web", 0), container("pause", 0, sandbox=True)).rows] == ["web"]


def test_the_end_of_a_long_image_name_is_what_is_shown():
    image = "registry.example/a/very/long/way/to/the/image:1.2.3"
    ((_, shown, *_),) = table(container("web", 1, "ok", 2, image=image), limit=2).rows
    assert shown == "...y/long/way/to/the/image:1.2.3"


def test_what_was_not_measured_is_not_known():
    ((*cells,),) = table(container("web", reach=(), not_measured="no time was left")).rows
    shown = dict(zip(COLUMNS, cells, strict=True))
    assert (shown["hops"], shown["token"], shown["needs hop limit"]) == ("not known", "not tried", "not known")
    ((_, _, hops, *_),) = table(container("web", 0)).rows
    assert hops == "host"
