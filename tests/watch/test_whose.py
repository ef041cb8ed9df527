from __future__ import annotations

import time
from pathlib import Path

import pytest
from watched_state import left_by_daemon

from imds_probe.collect.callers import look
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.errors import ProbeError
from imds_probe.system.machine import DMI
from imds_probe.system.state_directory import UNIT, WANTS, Lock, StateError, daemon_was_here
from imds_probe.watch import boots, rehearsed
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE
from imds_probe.watch.whose import claim, of_another

ONE, OTHER = "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"


def host(tmp_path: Path, instance_id: str) -> Path:
    root = tmp_path / (instance_id or "unnamed")
    (root / DMI).mkdir(parents=True, exist_ok=True)
    (root / DMI / "board_asset_tag").write_text(f"{instance_id}\n")
    return root


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What a daemon on ONE has left, with a rehearsal beside it."""
    made = tmp_path / "state"
    left_by_daemon(made, calls=1)
    (made / rehearsed.FILE).write_bytes(rehearsed.encoded(()))
    claim(made, host(tmp_path, ONE), lambda _: None)
    return made


def test_of_the_same_instance_everything_counts(tmp_path: Path, state: Path) -> None:
    before = sorted(each.name for each in state.iterdir())
    said: list[str] = []
    claim(state, host(tmp_path, ONE), said.append)
    assert of_another(state, host(tmp_path, ONE)) == ""
    assert (said, sorted(each.name for each in state.iterdir())) == ([], before)


def test_one_of_before_this_was_noted_is_this_instances(tmp_path: Path) -> None:
    left_by_daemon(tmp_path / "state", calls=1)
    assert of_another(tmp_path / "state", host(tmp_path, OTHER)) == ""
    claim(tmp_path / "state", host(tmp_path, OTHER), pytest.fail)
    assert (tmp_path / "state" / FILE).exists()


@pytest.mark.parametrize("times", [1, 2])
def test_that_of_another_instance_is_kept_aside_and_a_new_one_begun(tmp_path: Path, state: Path, times: int) -> None:
    said: list[str] = []
    for number in range(times):  # from there, an image may be made again
        claim(state, host(tmp_path, (OTHER, ONE)[number]), said.append)
        assert not [name for name in (FILE, boots.FILE, rehearsed.FILE) if (state / name).exists()]
        with History(state / FILE) as history:
            evidence = history.evidence(time.time(), 3600)
        assert (evidence.imdsv1, evidence.losses) == (0, ())  # nothing of this instance was lost
    assert len(said) == times and ONE in said[0]
    assert (state / f"of-{ONE}" / FILE).exists()


def test_where_the_firmware_names_no_instance_nothing_is_put_aside(tmp_path: Path, state: Path) -> None:
    claim(state, host(tmp_path, ""), pytest.fail)
    assert of_another(state, host(tmp_path, "")) == ""
    assert of_another(state, host(tmp_path, OTHER)) == ONE


def test_until_a_daemon_begins_a_run_counts_nothing_of_it(tmp_path: Path, state: Path) -> None:
    options = CallersOptions(state=state)
    clone = host(tmp_path, OTHER)
    assert look(options, None, host(tmp_path, ONE)) is not None
    assert look(options, None, clone) is None
    unit = clone / WANTS.lstrip("/") / UNIT
    unit.parent.mkdir(parents=True)
    unit.touch()
    with pytest.raises(StateError, match=f"written on another instance, {ONE}"):
        look(options, None, clone)


def test_that_a_daemon_was_here_is_forgotten_unless_one_is_at_work(tmp_path: Path, state: Path) -> None:
    with Lock(state):
        claim(state, host(tmp_path, OTHER), lambda _: None)
        assert daemon_was_here(state)
    left_by_daemon(state, calls=1)
    claim(state, host(tmp_path, ONE), lambda _: None)
    assert not daemon_was_here(state)
    assert look(CallersOptions(state=state), None, host(tmp_path, ONE)) is None


def test_a_note_that_others_could_write_is_an_error(tmp_path: Path, state: Path) -> None:
    (state / "instance").chmod(0o666)
    with pytest.raises(ProbeError, match="can be written by other users"):
        claim(state, host(tmp_path, OTHER), pytest.fail)
