from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contexts import collected, context
from observed import ENDPOINT, IMDS, INSTANCE, PLATFORM

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.context import Context
from imds_probe.collect.instance import Identity
from imds_probe.collect.tokens_seen import COLLECTOR, NEVER, TokensSeen, seen
from imds_probe.facts.switched import SwitchedBefore
from imds_probe.watch.switches import FILE, Period, Record, read


def run(state: Path, tokens: str, *, instance=INSTANCE, root: Path = Path("/")) -> tuple[TokensSeen | None, str, str]:
    """What a run finds and says that saw tokens so."""
    given: Context = context(
        root, PLATFORM, replace(IMDS, tokens=tokens), Identity(instance), options=(CallersOptions(state),)
    )
    (made,) = collected(given, [COLLECTOR]).values()
    return given.get(TokensSeen), made.status, made.reason


def test_the_first_run_that_sees_it_is_when_it_began(tmp_path):
    found, status, said = run(tmp_path, "optional")
    assert (found, status, said) == (None, "nothing", NEVER)
    found, status, _ = run(tmp_path, "required")
    assert status == "ok"
    assert found is not None
    assert found.since is not None
    assert found.optional_last is not None
    assert (found.kept, found.begun, found.earlier) == (True, found.optional_last, ())
    again, _, _ = run(tmp_path, "required")
    assert again is not None
    assert (again.since, again.optional_last) == (found.since, found.optional_last)
    undone, _, _ = run(tmp_path, "optional")
    assert undone is not None
    assert undone.since is None
    assert len(undone.earlier) == 1
    second, _, _ = run(tmp_path, "required")
    assert second is not None
    assert second.since is not None
    assert second.since >= found.since
    assert len(second.earlier) == 1


def test_where_tokens_are_not_known_nothing_is_noted(tmp_path):
    run(tmp_path, "required")
    before = (tmp_path / FILE).read_bytes()
    assert not COLLECTOR.applies(context(Path("/"), replace(IMDS, tokens="unknown")))
    found, _, said = run(tmp_path, "unknown")
    assert (found, said) == (None, "it is not known whether tokens are required")
    assert (tmp_path / FILE).read_bytes() == before


def test_the_record_of_the_instance_that_an_image_was_made_of_is_not_this_ones(tmp_path):
    run(tmp_path, "optional")
    found, _, _ = run(tmp_path, "required", instance=replace(INSTANCE, instance_id="i-00000000000000001"))
    assert found is not None
    assert found.optional_last is None


@pytest.mark.parametrize("damaged", [b"", b"nonsense"])
def test_a_damaged_record_is_said_and_counts_from_now(tmp_path, damaged):
    (tmp_path / FILE).write_bytes(damaged)
    found, status, said = run(tmp_path, "required")
    assert (status, said) == (
        "partial",
        f"{tmp_path / FILE} was damaged (it is not what was written), and is begun anew",
    )
    assert found is not None
    assert found.kept
    assert read(tmp_path).periods


def test_without_a_state_directory_it_counts_from_this_run_alone(tmp_path):
    found, status, said = run(tmp_path / "none", "required")
    assert (status, said) == ("partial", f"there is no directory {tmp_path}/none")
    assert found is not None
    assert not found.kept
    assert found.age_s == 0


def test_a_state_directory_that_leads_out_of_another_root_is_not_written_to(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "root/var/lib").mkdir(parents=True)
    (tmp_path / "root/var/lib/imds-probe").symlink_to(tmp_path / "outside")
    found, status, _ = run(tmp_path / "root/var/lib/imds-probe", "required", root=tmp_path / "root")
    assert status == "partial"
    assert found is not None
    assert not found.kept
    assert not any((tmp_path / "outside").iterdir())


def test_what_another_endpoint_says_is_not_noted_of_this_instance(tmp_path):
    elsewhere = replace(IMDS, tokens="required", endpoints=(replace(ENDPOINT, address="127.0.0.1"),))
    given = context(Path("/"), PLATFORM, elsewhere, Identity(INSTANCE), options=(CallersOptions(tmp_path),))
    (made,) = collected(given, [COLLECTOR]).values()
    found = given.get(TokensSeen)
    assert found is not None
    assert (found.kept, found.age_s) == (False, 0)
    assert made.reason == "the environment names another endpoint than this instance's own"
    assert not any(tmp_path.iterdir())


def test_somebody_may_have_been_refused_from_the_last_look_before_on():
    assert TokensSeen(200.0).begun == 200.0
    assert TokensSeen(200.0, optional_last=100.0).begun == 100.0
    assert TokensSeen(200.0, optional_last=9e9).begun == 200.0  # by a clock that was wrong


def test_earlier_times_are_the_required_ones():
    periods = (Period("required", 0.0, 60.0), Period("optional", 90.0, 120.0), Period("required", 180.0, 240.0, 60.0))
    assert seen(Record(1, "i-1", periods), kept=True) == TokensSeen(
        180.0, 60.0, 120.0, True, (SwitchedBefore("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"),)
    )
    assert seen(Record(1, "i-1", periods[1:2]), kept=True) is None
