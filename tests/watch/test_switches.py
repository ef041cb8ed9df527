from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from soon import SOON_S

from imds_probe.system.alone import LOCK, alone
from imds_probe.watch import switches
from imds_probe.watch.boots import ThisBoot
from imds_probe.watch.switches import (
    FILE,
    PERIODS_MAX,
    STOPPED_MAX_S,
    LaterFormat,
    Look,
    Period,
    Record,
    decoded,
    encoded,
    note,
    noted,
    read,
)

NOW, HOUR = 1_700_000_000.0, 3600.0
BOOT, NEXT = "0f7a6d0c", "1a2b3c4d"


def look(at_h: float, tokens: str = "required", boot: str = BOOT, up_h: float | None = None, **changes: object) -> Look:
    """A look so many hours after NOW, in a boot that began at NOW unless told otherwise."""
    up_s = (at_h if up_h is None else up_h) * HOUR
    return Look("i-1", tokens, NOW + at_h * HOUR, ThisBoot(boot, up_s))._replace(**changes)


def after(*looks: Look) -> Record:
    record = Record()
    for each in looks:
        record = decoded(encoded(noted(record, each)))
    return record


def lasted_h(record: Record) -> float:
    return record.periods[-1].lasted_s / HOUR


def since_h(record: Record) -> float:
    return (record.periods[-1].first - NOW) / HOUR


def test_it_begins_with_the_first_look_and_not_before():
    record = after(look(5))
    assert (since_h(record), lasted_h(record)) == (5, 0)
    record = after(look(1, "optional"), look(5), look(20))
    assert (since_h(record), lasted_h(record)) == (5, 15)
    assert record.periods[0].last == NOW + HOUR  # between these two it was made


def test_a_rollback_ends_it_and_a_second_switch_begins_anew():
    record = after(look(1), look(2), look(3, "optional"), look(4), look(6))
    assert [each.tokens for each in record.periods] == ["required", "optional", "required"]
    assert (since_h(record), lasted_h(record)) == (4, 2)


def test_it_goes_on_over_a_boot():
    record = after(look(0), look(3), look(5, boot=NEXT, up_h=1), look(9, boot=NEXT, up_h=5))
    assert (since_h(record), lasted_h(record)) == (0, 9)


@pytest.mark.parametrize("set_h", [-1000, -2, 2, 100_000])
def test_a_clock_that_is_set_within_a_boot_makes_it_neither_longer_nor_shorter(set_h):
    record = after(look(1), look(3 + set_h, up_h=3), look(4 + set_h, up_h=4))
    assert (since_h(record), lasted_h(record)) == (1 + set_h, 3)
    back = noted(record, look(5))
    assert (since_h(back), lasted_h(back)) == (1, 4)


def test_a_clock_that_is_wrong_after_a_boot_counts_no_more_once_it_is_set_right():
    wrong = after(look(0), look(3), look(10_000, boot=NEXT, up_h=1))
    right = noted(wrong, look(6, boot=NEXT, up_h=3))
    assert (since_h(right), lasted_h(right)) == (0, 6)


def test_a_clock_that_goes_backwards_over_a_boot_makes_it_no_shorter_than_the_boot():
    record = after(look(0), look(3), look(-500, boot=NEXT, up_h=2))
    assert lasted_h(record) == 5


def test_without_the_name_of_the_boot_the_wall_clock_counts_forwards():
    unknown = [look(at, boot=BOOT)._replace(boot=None) for at in (0, 2, 1, 4)]
    assert lasted_h(after(*unknown)) == 5
    assert lasted_h(after(look(0), unknown[1], look(3))) == 3


def test_another_instance_begins_anew_as_an_image_takes_the_record_along():
    record = after(look(0), look(9), look(9.5, instance_id="i-2"))
    assert (record.instance_id, lasted_h(record), len(record.periods)) == ("i-2", 0, 1)


def test_the_oldest_make_room():
    record = after(*(look(at, "optional" if at % 2 else "required") for at in range(PERIODS_MAX + 5)))
    assert len(record.periods) == PERIODS_MAX


def test_it_is_kept_beside_the_history_by_whoever_comes_next(tmp_path):
    assert read(tmp_path) == Record()
    note(tmp_path, look(0))
    record, trouble = note(tmp_path, look(2))
    assert trouble == ""
    assert record == read(tmp_path)
    assert lasted_h(record) == 2
    assert {each.name for each in tmp_path.iterdir()} == {FILE, LOCK}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_what_is_damaged_is_begun_anew_and_said(tmp_path):
    note(tmp_path, look(0))
    content = (tmp_path / FILE).read_bytes()
    for damaged in (content[:-5], b"", content.replace(b"required", b"optional")):
        (tmp_path / FILE).write_bytes(damaged)
        record, trouble = note(tmp_path, look(2))
        assert trouble == f"{tmp_path / FILE} was damaged (it is not what was written), and is begun anew"
        assert (since_h(record), read(tmp_path)) == (2, record)


def test_a_later_version_s_record_is_left_alone(tmp_path):
    content = encoded(replace(Record(), format=2))
    (tmp_path / FILE).write_bytes(content)
    record, trouble = note(tmp_path, look(2))
    assert "its format is 2" in trouble
    assert since_h(record) == 2
    assert (tmp_path / FILE).read_bytes() == content
    with pytest.raises(LaterFormat):
        read(tmp_path)


def test_where_it_cannot_be_kept_it_says_so_and_makes_no_directory(tmp_path):
    record, trouble = note(tmp_path / "none", look(2))
    assert (since_h(record), trouble) == (2, f"there is no directory {tmp_path}/none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    _, trouble = note(tmp_path / "open", look(2))
    assert "can be written by other users" in trouble
    assert not any((tmp_path / "open").iterdir())


@pytest.mark.parametrize(
    "periods",
    [
        (Period("required", -1.0, 0.0),),
        (Period("required", 0.0, 1e300),),
        (Period("required", 0.0, 1.0), Period("required", 1.0, 2.0)),
        tuple(Period("optional" if at % 2 else "required", 0.0, 1.0) for at in range(PERIODS_MAX + 1)),
    ],
)
def test_what_cannot_be_is_damage(periods):
    with pytest.raises(ValueError, match="not possible"):
        decoded(encoded(Record(1, "i-1", periods)))


def test_runs_that_end_at_once_keep_both_looks(tmp_path):
    note(tmp_path, look(0))
    threads = [threading.Thread(target=note, args=(tmp_path, look(at))) for at in (1, 2, 3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SOON_S)
    assert read(tmp_path).periods[0].first == NOW
    assert {each.name for each in tmp_path.iterdir()} == {FILE, LOCK}


def test_where_another_process_holds_the_record_it_is_read_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(switches, "alone", lambda directory: alone(directory, waits_s=0.0))
    note(tmp_path, look(0))
    with alone(tmp_path):
        record, trouble = note(tmp_path, look(1))
    assert record.periods[0].first == NOW
    assert trouble == f"{tmp_path / FILE} cannot be used: another process holds {tmp_path / LOCK}"


def test_an_id_that_is_not_known_once_neither_writes_nor_discards(tmp_path):
    note(tmp_path, look(0))
    before = (tmp_path / FILE).read_bytes()
    record, trouble = note(tmp_path, look(1)._replace(instance_id=""))
    assert trouble == "the instance did not say its id"
    assert (record.periods[0].first, record.periods[0].lasted_s) == (NOW, HOUR)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_clock_that_jumps_over_a_boot_makes_the_time_longer_by_a_month_at_most():
    record = noted(Record(), Look("i-1", "required", 1000.0, ThisBoot("a", 60.0)))
    record = noted(record, Look("i-1", "required", 1.8e9, ThisBoot("b", 60.0)))
    assert record.periods[0].lasted_s == 60.0 + STOPPED_MAX_S
    wrong = noted(Record(), Look("i-1", "required", -5.0, None))
    assert decoded(encoded(wrong)) == wrong
