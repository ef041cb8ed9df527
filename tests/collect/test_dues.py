from __future__ import annotations

import pytest

from imds_probe.collect.dues import Coming, Dues, longest, shortest
from imds_probe.collect.program_reading import Piece, Program
from imds_probe.collect.schedule_reading import Due
from imds_probe.inventory.schedules.scheduled import AT_BOOT, STOPPED

ENVIRONMENT = "/usr/local/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("comings", "together"),
    [
        ([], Coming()),
        ([Coming("scheduled", True, 60.0, 5.0)], Coming("scheduled", True, 60.0, 5.0)),
        (
            [Coming("scheduled", True, 60.0, 5.0), Coming("scheduled", True, 90.0, 4.0)],
            Coming("scheduled", True, 90.0, 4.0),
        ),
        # What waits for an event has no time, and the other no say.
        (
            [Coming("scheduled", True, 60.0, 5.0), Coming("scheduled", True, None, 5.0)],
            Coming("scheduled", True, None, 5.0),
        ),
        ([Coming("boot", standing_s=9.0), Coming("scheduled", True, 60.0, 5.0)], Coming("boot", True, 60.0, 5.0)),
        ([Coming("boot", standing_s=9.0)], Coming("boot", standing_s=9.0)),
        ([Coming("once", standing_s=1.0), Coming("scheduled", True, 60.0, 5.0)], Coming("scheduled", True, 60.0, 5.0)),
        ([Coming("once", standing_s=1.0)], Coming("once")),
    ],
)
def test_the_rarest_of_several_schedules_counts(comings: list[Coming], together: Coming) -> None:
    assert Coming.by_all(comings) == together


def test_what_only_the_boot_starts() -> None:
    assert Coming("boot").at_boot_alone
    assert not Coming("boot", scheduled=True).at_boot_alone
    assert not Coming("scheduled", scheduled=True).at_boot_alone


def test_a_service_is_what_the_boot_and_its_own_unit_start() -> None:
    dues = Dues()
    ways = {"x": ("boot",), "y": ("boot", "scheduled"), "z": ("scheduled",)}
    for name, runs in ways.items():
        for each in runs:
            how = AT_BOOT if each == "boot" else STOPPED
            dues.add(Due(Piece(program=Program(name, ())), each, f"/etc/systemd/system/a.service, {how}"))
    assert [dues.is_service(name) for name in (*ways, "nobody's")] == [True, True, False, False]
    dues.add(Due(Piece(program=Program("y", ())), "scheduled", "/etc/crontab, daily", 60.0, 5.0))
    assert not dues.is_service("y")


def test_a_length_that_is_not_known_makes_none_known() -> None:
    assert (longest([1.0, 2.0]), shortest([1.0, 2.0])) == (2.0, 1.0)
    assert (longest([1.0, None]), shortest([1.0, None]), longest([]), shortest([])) == (None, None, None, None)


def test_what_one_schedule_leaves_open_another_of_the_same_program_does_not_close() -> None:
    dues = Dues()
    for by_name, by in ((True, "/etc/crontab, daily"), (False, "/etc/crontab, hourly")):
        program = Program("/opt/x", (), by_name=by_name, environments=(ENVIRONMENT,) if by_name else ())
        dues.add(Due(Piece(program=program), "scheduled", by, 60.0, 5.0))
    assert dues.programs == {"/opt/x": Program("/opt/x", (), by_name=True, environments=(ENVIRONMENT,))}
    assert list(dues.started_by["/opt/x"]) == ["/etc/crontab, daily", "/etc/crontab, hourly"]
    assert dues.coming_of("/opt/x") == Coming("scheduled", True, 60.0, 5.0)


def test_lines_of_one_crontab_that_say_the_same_are_one_schedule() -> None:
    dues = Dues()
    for every_s in (60.0, 90.0):
        dues.add(
            Due(runs="scheduled", started_by="/etc/crontab, x", every_s=every_s, standing_s=5.0, roots=("/opt/x",))
        )
    assert dues.roots == {"/opt/x": {"/etc/crontab, x": Coming("scheduled", True, 90.0, 5.0)}}
    assert dues.coming("/opt/x").every_s == 90.0
    assert dues.coming("/opt/y") == Coming()


def test_what_ran_once_is_no_program_that_has_to_be_read() -> None:
    dues = Dues()
    dues.add(Due(Piece(program=Program("/opt/x", (), roots=("/opt/x",))), "once", "x", roots=("/opt/x",)))
    assert (dues.programs, dues.started_by, dues.coming("/opt/x").runs) == ({}, {}, "once")
