"""What is kept between runs, and what a run is told."""

from __future__ import annotations

import os
import time

import pytest
from doctors import here, host, results
from reports_made import report

from imds_probe.collect.needs import Need
from imds_probe.config.acceptances import AcceptConfig
from imds_probe.doctor import keeping
from imds_probe.errors import UsageError
from imds_probe.facts.acceptances import Acceptance, UnusableAcceptance
from imds_probe.report_document import read
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig
from imds_probe.sinks.spool import Spool
from imds_probe.system.state_directory import Lock
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE

WINDOW_S = 14 * 86400.0


def test_a_configuration_that_is_wrong_comes_with_file_line_and_key(tmp_path):
    found = keeping.configuration(host(tmp_path, wrong=UsageError("a.toml:3: there is no key x", "Remove it.")))
    assert (found.state, found.found, found.remedy) == ("missing", "a.toml:3: there is no key x", "Remove it.")
    assert keeping.configuration(host(tmp_path)).state == "ok"


def test_an_accepted_risk_that_accepts_nothing_comes_with_its_place_and_remedy(tmp_path):
    good = Acceptance("imdsv1-caller", "*", "x", "me", "2027-01-31", "a.toml:1")
    wrong = UnusableAcceptance("a.toml:12", "expires", "is not a day", "Write a day.")
    no_finding = Acceptance("imdsv1-caler", "*", "x", "me", "2027-01-31", "a.toml:20")
    assert keeping.configuration(host(tmp_path, None, AcceptConfig((good,)))).state == "ok"
    first, second = keeping.configuration(host(tmp_path, None, AcceptConfig((good, wrong, no_finding))))
    assert first.found == "a.toml:12: this entry [[accept]] accepts nothing: expires is not a day"
    assert (first.state, first.remedy) == ("limited", "Write a day.")
    assert second.found.startswith("a.toml:20: this entry [[accept]] accepts nothing: finding")
    assert second.found.endswith("imdsv1-caler is not the id of a finding")
    assert second.remedy == "`imds-probe explain` lists all ids."
    many = keeping.configuration(host(tmp_path, None, AcceptConfig((wrong,) * 9)))
    assert len(many) == keeping.ENTRIES_TOLD


def test_switched_off(tmp_path):
    assert keeping.switched_off(host(tmp_path)).state == "ok"
    found = keeping.switched_off(host(tmp_path, {"etc/imds-probe/disabled": ""}))
    assert (found.state, found.costs) == ("missing", ("nothing is observed on this host",))


def test_a_rehearsal_of_the_host(monkeypatch):
    assert keeping.rehearsed(here()).state == "ok"
    monkeypatch.setattr(keeping, "is_host_rehearsed", lambda: True)
    assert keeping.rehearsed(here()).state == "missing"


@pytest.fixture
def kept(tmp_path):
    """A host with a state directory of its own."""
    made = host(tmp_path)
    made.state.mkdir(parents=True, mode=0o700)
    return made


def test_the_state_directory(kept, monkeypatch, tmp_path):
    (found,) = results(keeping.state_directory(kept))
    assert (found.state, "can be written" in found.found) == ("ok", True)
    monkeypatch.setattr(keeping, "ROOM_MIN_BYTES", 2**60)
    (found,) = results(keeping.state_directory(kept))
    assert (found.state, "MiB are free" in found.found) == ("limited", True)
    monkeypatch.setattr(keeping.os, "access", lambda path, mode: False)
    first, _ = results(keeping.state_directory(kept))
    assert (first.state, first.need) == ("limited", Need.RECORDS)
    (found,) = results(keeping.state_directory(host(tmp_path / "other")))
    assert "does not exist yet" in found.found


def test_one_that_others_can_write_to_is_refused_in_a_sentence(kept):
    kept.state.chmod(0o777)
    with pytest.raises(keeping.ProbeError, match="can be written by other users"):
        results(keeping.state_directory(kept))


def test_a_history_as_a_run_reads_it(kept):
    found = keeping.history(kept)
    assert (found.state, found.need) == ("limited", Need.HISTORY)
    now = time.time()
    with History(kept.state / FILE) as history:
        history.record([], now - 7200, now)
    found = keeping.history(kept)
    assert (found.state, found.need) == ("limited", None)
    assert found.found == "the history is whole, and covers 2 h of the last 14 d"
    (kept.state / FILE).write_bytes(b"no database" * 1000)
    found = keeping.history(kept)
    assert (found.state, found.need) == ("missing", Need.HISTORY)
    assert "Restart the daemon" in found.remedy


def test_one_that_covers_its_window(kept):
    now = time.time()
    with History(kept.state / FILE) as history:
        history.record([], now - WINDOW_S - 60, now)
    assert keeping.history(kept).state == "ok"


def test_reports_that_wait_are_counted_by_sink(kept):
    kept = host(kept.root, {}, DeliveryConfig(report=("cloudwatch",), time_limit_s=1.0))
    assert "sinks: cloudwatch" in results(keeping.spool(kept))[0].found
    spool = Spool(kept.state / "spool/cloudwatch", SpoolConfig(), (kept.state, kept.state / "spool"))
    for number in range(3):
        spool.put(report(probe={"run_id": f"{number:032x}"}))
    first = sorted(spool.directory.iterdir())[0]
    first.rename(first.with_suffix(".doubt"))
    (found,) = results(keeping.spool(kept))
    assert found.state == "limited"
    assert found.found == "cloudwatch: 2 reports wait to be sent; 1 may have arrived already"
    sorted(spool.directory.glob("*.waiting"))[0].unlink()
    assert results(keeping.spool(kept))[0].found == "cloudwatch: 1 report waits to be sent; 1 may have arrived already"


def test_who_holds_the_lock_is_named_and_not_disturbed(kept):
    assert keeping.lock(kept).found == "no daemon has run here"
    of_here = here(state=kept.state)
    with Lock(kept.state):
        assert f"process {os.getpid()} watches" in keeping.lock(of_here).found
    assert "no process holds" in keeping.lock(of_here).found


@pytest.mark.parametrize(
    ("age_s", "state", "words"),
    [
        (600.0, "ok", "10 min old"),
        (-60.0, "ok", "0 s old"),
        (86400.0, "limited", "1 d old"),
        (-86400.0, "limited", "1 d ahead"),
        (None, "limited", "does not say when"),
    ],
)
def test_how_old_the_last_report_is(tmp_path, age_s, state, words):
    stored = read(report())
    of_now = host(tmp_path, now=1_800_000_000.0)
    (found,) = keeping.last_report(of_now, stored, None if age_s is None else of_now.now - age_s)
    assert found.state == state
    assert words in found.found


def test_a_report_that_cannot_be_read_is_none_that_is_not_there(tmp_path):
    (found,) = keeping.last_report(host(tmp_path), None, None, ("/x/report.json is not JSON",))
    assert (found.state, found.found) == ("limited", "a kept report cannot be read: /x/report.json is not JSON")
    assert [each.state for each in keeping.last_report(host(tmp_path), None, None)] == ["ok"]


def test_no_name_of_a_directory_is_a_part_of_a_command_unquoted(kept):
    odd = kept.state / "spool/x; rm -rf $HOME #"
    odd.mkdir(parents=True)
    (odd / "a.json.gz").with_suffix(keeping.WAITING).write_text("")
    (found,) = results(keeping.spool(kept))
    assert found.remedy.endswith(f"rm -r '{odd}'")
