"""Units of systemd, by the files of a system."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctors import here, host, results

from imds_probe.doctor import units
from imds_probe.doctor.units import BOOT, DAEMON, ONCE, TIMER
from imds_probe.errors import CommandMissing
from imds_probe.system.process import Completed

UNITS = {f"usr/lib/systemd/system/{name}": "" for name in (ONCE, TIMER, DAEMON, BOOT)}
WANTED = {
    TIMER: f"etc/systemd/system/timers.target.wants/{TIMER}",
    DAEMON: f"etc/systemd/system/multi-user.target.wants/{DAEMON}",
}


def enabled(*names):
    return {WANTED[name]: Path(f"/usr/lib/systemd/system/{name}") for name in names}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((TIMER,), ""),
        ((DAEMON,), ""),
        ((TIMER, DAEMON), "are both enabled"),
        ((), "neither the timer nor the daemon is enabled"),
    ],
)
def test_one_of_them_reports(tmp_path, names, words):
    found = results(units.units(host(tmp_path, UNITS | enabled(*names))))
    assert [each.found for each in found[:4]] == [
        f"{ONCE}: installed",
        f"{TIMER}: installed, {'enabled' if TIMER in names else 'not enabled'}",
        f"{DAEMON}: installed, {'enabled' if DAEMON in names else 'not enabled'}",
        f"{BOOT}: installed, not enabled",
    ]
    assert [words in each.found for each in found[4:]] == ([True] if words else [])


def test_twice_is_told_with_its_cost_and_the_command(tmp_path):
    *_, twice = results(units.units(host(tmp_path, UNITS | enabled(TIMER, DAEMON))))
    assert (twice.state, twice.costs) == ("limited", ("this host is assessed and reported twice",))
    assert twice.remedy == "Stop the timer, as the daemon assesses by itself: systemctl disable --now imds-probe.timer."


def test_the_timer_of_this_version_makes_way(tmp_path):
    timer = (Path(__file__).parents[2] / "systemd" / TIMER).read_text()
    files = UNITS | {f"usr/lib/systemd/system/{TIMER}": timer} | enabled(TIMER, DAEMON)
    assert {each.state for each in results(units.units(host(tmp_path, files)))} == {"ok"}


def test_side_by_side_is_what_systemd_says(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "_active", lambda _: frozenset({TIMER, DAEMON}))
    *_, twice = results(units.units(host(tmp_path, UNITS | enabled(DAEMON))))
    assert twice.found == f"{TIMER} and {DAEMON} are both active"


def test_none_is_installed(tmp_path):
    (found,) = results(units.units(host(tmp_path)))
    assert (found.state, found.found.startswith("no unit of imds-probe is installed")) == ("ok", True)


# As systemctl of systemd 252 prints it.
SHOWN = b"""Id=imds-probe.service
ActiveState=inactive

Id=imds-probe.timer
ActiveState=active

Id=imds-probe-daemon.service
ActiveState=failed

Id=imds-probe-boot.service
ActiveState=inactive
"""


def test_what_systemd_says_of_them(monkeypatch):
    monkeypatch.setattr(units.Path, "is_dir", lambda _: True)
    monkeypatch.setattr(units.process, "run", lambda argv, **_: Completed(tuple(argv), 0, SHOWN, b""))
    assert units._active(here()) == {TIMER}

    def missing(argv, **_):
        raise CommandMissing("systemctl is not installed")

    monkeypatch.setattr(units.process, "run", missing)
    assert units._active(here()) is None


def test_a_daemon_that_is_enabled_and_does_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "_active", lambda _: frozenset())
    *_, last = results(units.units(host(tmp_path, UNITS | enabled(DAEMON))))
    assert last.found == f"{DAEMON} is enabled and does not run"


def test_a_timer_that_is_enabled_and_does_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "_active", lambda _: frozenset())
    *_, last = results(units.units(host(tmp_path / "timer", UNITS | enabled(TIMER))))
    assert (last.state, last.found) == ("limited", f"{TIMER} is enabled and does not run")
    monkeypatch.setattr(units, "_active", lambda _: frozenset({DAEMON}))
    monkeypatch.setattr(units, "_makes_way", lambda _: True)  # it does not start beside the daemon
    assert {each.state for each in results(units.units(host(tmp_path / "both", UNITS | enabled(TIMER, DAEMON))))} == {
        "ok"
    }


def test_what_is_masked_is_not_enabled(tmp_path):
    masks = {f"etc/systemd/system/{name}": Path("/dev/null") for name in (TIMER, DAEMON)}
    found = results(units.units(host(tmp_path, UNITS | enabled(TIMER) | masks)))
    assert f"{TIMER}: masked, so that nothing starts it" in [each.found for each in found]
    assert (found[-1].state, found[-1].found) == ("limited", "neither the timer nor the daemon is enabled")
    assert found[-1].remedy.endswith(f"systemctl unmask {DAEMON} && systemctl enable --now {DAEMON}")
    own = {f"etc/systemd/system/{TIMER}": "[Timer]\n", f"run/systemd/system/{TIMER}": Path("/dev/null")}
    found = results(units.units(host(tmp_path / "own", UNITS | enabled(TIMER) | own)))
    assert f"{TIMER}: installed, enabled" in [each.found for each in found]
