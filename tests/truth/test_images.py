from __future__ import annotations

from truth.cases import by_id
from truth.images import DAEMONS, IMAGES, ROWS, daemons_of


def test_there_are_twenty_hosts_at_least_and_each_is_a_case():
    assert len(IMAGES) >= 20
    assert {f"{name}@host" for name in IMAGES} <= set(by_id())


def test_a_daemon_has_the_name_that_the_kernel_has_room_for_and_runs_somewhere():
    assert all(len(each.name) <= 15 for each in DAEMONS.values())
    run = {each.name for row in ROWS.values() for each in daemons_of(row)}
    assert run == {each.name for each in DAEMONS.values()}


def test_a_host_says_that_it_works_only_where_all_its_daemons_run():
    program = IMAGES["image-ruby"].program.text(again=True)
    assert "for name in cron sshd dbus-daemon chronyd python3 nginx puma; do" in program
    assert IMAGES["image-ruby"].expects not in program
