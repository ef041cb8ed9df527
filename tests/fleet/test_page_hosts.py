import fleets_made
import golden_fleet
from fleets_made import instance_id

from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import Fix, Host
from imds_probe.fleet.page_hosts import AS_HERE, TO_CSV, hosts
from imds_probe.render.page.blocks import Table, Text


def host(number, state, **known):
    return Host(instance_id(number), int(fleets_made.NOW) - 60, number, 2, "0.1.0", state, "medium", **known)


def gathered(*those):
    found = Gathered(fleets_made.NOW)
    for each in those:
        found.add(each)
    return found


def test_those_that_wait_for_something_come_first_and_instances_without_a_report_last():
    fixes = tuple(Fix("script", f"/opt/{number}.sh", "code-imdsv1") for number in range(5))
    found = gathered(
        host(1, "ready", hop_limit=2),
        host(2, "not-ready", fixes=fixes, fixes_left_out=1, owner="auto-scaling web"),
        host(3, "needs-hop-limit", hop_limit=1, hop_limit_needed=3),
        host(4, "unknown", cannot="it is no EC2 instance"),
    )
    part = hosts(found, (), golden_fleet.known(1, 6))
    (table,) = part.blocks
    assert [row[1] for row in table.rows] == ["not ready", "unknown", "needs a higher hop limit", "ready", "no report"]
    waits, limits = [row[3] for row in table.rows], [row[5] for row in table.rows]
    assert waits[0] == "script /opt/0.sh; script /opt/1.sh; script /opt/2.sh and 3 more"
    assert waits[1:4] == ["it is no EC2 instance", "-", "-"]
    assert limits[2:4] == ["1, needs 3", "2"]
    assert (table.rows[0][4], table.rows[4][0], table.rows[4][-1]) == ("auto-scaling web", instance_id(5), "-")
    assert table.more == ""


def test_the_rest_is_in_the_csv_and_the_page_says_by_which_command():
    part = hosts(gathered(*(host(number, "ready") for number in range(7))), (), None, 5)
    said, table = part.blocks
    assert (said, len(table.rows)) == (Text("The first 5 of 7 hosts, those that are not ready first."), 5)
    assert table.more == f"2 more hosts are in the CSV: {TO_CSV}"
    known = golden_fleet.known(1, 9)  # instances without a report are in the CSV where it is told of them
    assert hosts(gathered(), (), known, 5).blocks[-1].more.endswith(f"{TO_CSV}{AS_HERE}")
    (_, one) = hosts(gathered(*(host(number, "ready") for number in range(2))), (), None, 1).blocks
    assert isinstance(one, Table)
    assert one.more.startswith("1 more host is in the CSV")
