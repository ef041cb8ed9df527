from dataclasses import replace

import pytest
from code_seen import AGENT, BACKUP, PACKED, watched, with_code
from observed import FACTS, changed, report_of

from imds_probe.facts.code import CodeRead, NotRead, PackageRead
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.code import code


def blocks_of(facts):
    (part,) = code(report_of(facts), SHORT)
    return part.blocks


def test_one_line_says_how_much_code_stands_behind_the_verdict():
    (line,) = blocks_of(with_code(not_read=(PACKED, replace(PACKED, program="/opt/long", why="too long"))))
    assert line.text == (
        "41 of 43 running programs were read (2 not: /opt/packed/bin/run (it is packed), /opt/long (too long)); schedules "
        "were not read; calls were not watched; no boot was watched whole."
    )


def test_it_says_how_long_was_watched_and_what_of_the_schedules_was_read():
    waiting = NotRead("/opt/x", "hidden", started_by=("/etc/cron.d/x, daily",))
    read = CodeRead(43, 43, scheduled=12, scheduled_read=11, not_read=(waiting,))
    (line,) = blocks_of(changed(with_code(), callers=watched(coverage=0.5)).with_(read))
    assert line.text == (
        "All 43 running programs were read; 11 of 12 scheduled programs were read (1 not: /opt/x (hidden)); "
        "watched for 7 d of the last 14 d; no boot was watched whole."
    )


@pytest.mark.parametrize(
    ("read", "begins"),
    [
        (CodeRead(43, 43, 0, 0), "All 43 running programs were read; nothing is scheduled; "),
        (CodeRead(1, 1, 1, 1), "The only running program was read; the only scheduled program was read; "),
        (CodeRead(0, 0, 2, 2), "No programs run; all 2 scheduled programs were read; "),
    ],
)
def test_what_there_is_none_of_is_not_counted(read, begins):
    (line,) = blocks_of(with_code().with_(read))
    assert line.text.startswith(begins)


def test_it_says_how_many_packages_were_read_as_their_versions_do_not_decide():
    whole = PackageRead("cloud-init", "cloud-init 19.3-46.amzn2 (rpm)", files=4)
    part = replace(whole, component="aws-cfn-bootstrap", package="aws-cfn-bootstrap 1.4-34.amzn2 (rpm)", why="packed")
    (line,) = blocks_of(with_code().with_(CodeRead(43, 43, packages=(whole, part))))
    assert (
        "; schedules were not read; 1 of 2 packages of undecided versions were read; calls were not watched; "
        in line.text
    )


def test_the_places_come_worst_first_and_without_what_asks_nobody():
    found = (
        replace(AGENT, speaks="mentions"),
        replace(AGENT, speaks="v2"),
        replace(BACKUP, runs="lies"),
        BACKUP,
        replace(AGENT, speaks="both"),
    )
    _, table = blocks_of(with_code(*found))
    assert [row[:2] for row in table.rows] == [
        ("without a token", "by schedule"),
        ("without a token", "not started"),
        ("both ways", "now"),
        ("for a token", "now"),
    ]
    assert table.rows[0][2:] == ("/usr/local/bin/backup", "7", "shell", "169.254.169.254, latest/meta-data")
    assert table.rows[2][3] == "-"


def test_long_ones_are_cut_and_many_are_counted():
    found = [replace(BACKUP, path=f"/opt/{'x' * 90}/{number}", form="y" * 90) for number in range(SHORT.software + 2)]
    _, table = blocks_of(with_code(*found))
    assert (len(table.rows), table.more) == (SHORT.software, "and 2 more")
    assert max(len(cell) for row in table.rows for cell in row) == SHORT.width * 3 // 2


def test_a_report_without_code_has_no_such_part():
    assert list(code(report_of(FACTS), SHORT)) == []


def test_a_start_of_a_container_is_no_boot():
    inside = replace(BACKUP, runs="boot", on_host=False, container_ids=("a" * 64,))
    _, table = blocks_of(with_code(inside, replace(BACKUP, runs="boot", path="/x")))
    assert {row[2]: row[1] for row in table.rows} == {"/usr/local/bin/backup": "at its start", "/x": "at boot"}
