from dataclasses import replace

from golden_reports import watched
from observed import FACTS, changed, report_of
from watched_calls import BOOT, CALLER

from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.callers import callers


def part_of(seen):
    (part,) = callers(report_of(changed(FACTS, callers=seen)), SHORT)
    return part


def test_who_called_is_shown_without_the_probe():
    by = tuple(
        replace(CALLER, program=f"/opt/a/very/long/way/to/a/program/{number}", count=number + 1) for number in range(12)
    )
    sentence, _, table = part_of(
        watched(*by, replace(CALLER, probe=True, program="/imds-probe"), observed_s=3600.0)
    ).blocks
    assert sentence.text == "imds-probe watched 1 h of the last 14 d and saw 78 IMDSv1 calls and 0 IMDSv2 calls."
    assert table.rows[0] == (
        *("v1", "1", "0", "2023-11-14T22:13:20Z", f"...{by[0].program[-29:]}"),
        *("web.service", "-", "meta-data"),
    )
    assert len(table.rows) == SHORT.callers
    assert table.more == "and 2 more"
    assert all("/imds-probe" not in row for row in table.rows)


def test_without_a_call_there_is_no_table():
    sentence, boots = part_of(watched()).blocks
    assert sentence.text.endswith("saw 0 IMDSv1 calls and 0 IMDSv2 calls.")
    assert boots.text == "Boots: 2026-11-20T00:00:00Z was watched from its start."


def test_how_much_of_each_boot_was_watched_is_said():
    late, short = replace(BOOT, began_s=41.0, from_start=False), replace(BOOT, watched_s=600.0)
    _, boots = part_of(replace(watched(), boots=(*(BOOT,) * 5, late, short))).blocks
    assert boots.text.startswith("Boots: 2026-11-20T00:00:00Z was watched from its start; ")
    assert boots.text.endswith(
        "2026-11-20T00:00:00Z was not watched in its first 41 s; 2026-11-20T00:00:00Z was watched from its start for 10 min. "
        "2 earlier boots are in the JSON report."
    )


def test_what_came_too_fast_is_said():
    sentence, *_ = part_of(replace(watched(CALLER), dropped_packets=1)).blocks
    assert sentence.text.endswith(" 1 packet came too fast to be inspected.")


def test_nothing_is_said_where_nobody_watched():
    assert list(callers(report_of(FACTS), SHORT)) == []


def test_what_could_not_be_confirmed_is_said():
    sentence, *_ = part_of(replace(watched(CALLER), unconfirmed=2)).blocks
    assert sentence.text.endswith(" 2 more requests by IMDSv1 could not be confirmed.")
