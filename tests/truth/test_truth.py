"""One case of each kind, with clients that `make test` has at hand; `make truth` has them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from truth import __main__ as truth
from truth import experiment, outcome, virtual
from truth.cases import CASES, ZOO_CASES, by_id

WITHIN_S = 240
# The first test waits for all that is run.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, outcome.Outcome]:
    kept = tmp_path_factory.mktemp("kept")
    found = truth.run(ZOO_CASES, kept, 2, time.monotonic() + WITHIN_S)
    return {each["case"]: each for each in found}


@pytest.mark.parametrize(
    ("case", "right", "broke"),
    [
        ("zoo-curl-v2@host", "ready", {"1": False}),
        ("zoo-botocore-1.12@host", "not-ready", {"1": True, "3": True}),
        ("zoo-botocore-new@container-limit1", "needs-hop-limit", {"1": True, "2": False, "3": False}),
    ],
)
def test_a_case_of_each_kind_comes_out_true(outcomes, case, right, broke):
    found = outcomes[case]
    assert "not_run" not in found, found
    assert found["worked"] == [True]
    assert found["right"] == right
    assert {limit: each["broke"] for limit, each in found["switched"].items()} == broke, found
    assert outcome.classes(found) == {"plain": f"true {right}", "watch": f"true {right}"}, found
    assert not found["disagree"]


@pytest.mark.parametrize(
    ("case", "right", "broke"),
    [
        ("zoo-module-v1@rc.local", "not-ready", {"1": True, "3": True}),
        # The next instance breaks by it, and this one does not.
        ("zoo-curl-v1@per-instance", "ready", {"1": False}),
    ],
)
def test_what_is_started_some_time_breaks_where_it_is_started_again(outcomes, case, right, broke):
    found = outcomes[case]
    assert "not_run" not in found, found
    assert found["worked"] == [True]
    assert found["right"] == right
    assert {limit: each["broke"] for limit, each in found["switched"].items()} == broke, found
    assert {each["fresh"] for each in found["switched"].values()} == {"broke"}
    assert {each["running"] for each in found["switched"].values()} == {"does not run"}


def test_the_switch_that_is_printed_cures_what_needs_a_higher_hop_limit(outcomes):
    found = outcomes["zoo-botocore-new@container-limit1"]
    assert found["plain"]["limit"] == found["watch"]["limit"] == 2
    assert found["switched"]["1"]["imdsv1_refused"] > 0
    assert all("ASIAEXAMPLE" in line for line in found["switched"]["2"]["printed"])
    assert (found["switched"]["2"]["running"], found["switched"]["2"]["fresh"]) == ("works", "works")


def test_a_client_that_cannot_be_had_is_named_and_not_run(outcomes):
    assert outcomes["zoo-missing@host"] == {"case": "zoo-missing@host", "not_run": "there is no no-such-layer"}


def test_a_client_that_does_not_work_to_begin_with_is_named_with_what_it_says(outcomes):
    said = outcomes["zoo-broken@host"]["not_run"]
    assert said.startswith("the client does not work to begin with: asked:")


def test_what_is_kept_is_not_run_again(tmp_path, monkeypatch):
    case = by_id()["zoo-curl-v2@host"]
    kept = {"case": case.id, "kept": True}
    truth._place(tmp_path, case).write_text(json.dumps(kept))
    monkeypatch.setattr(truth, "_experiment", lambda case: pytest.fail("it was run"))
    assert truth.run([case], tmp_path, 1, time.monotonic() + WITHIN_S) == [kept]


def test_what_there_is_no_time_for_is_named(tmp_path):
    (found,) = truth.run([by_id()["zoo-curl-v2@host"]], tmp_path, 1, time.monotonic() - 1)
    assert found["not_run"] == "there was no time"
    assert list(tmp_path.iterdir()) == []


def test_every_case_has_a_name_of_its_own_and_is_expected():
    expected = json.loads((truth.HERE / "expected.json").read_text())
    assert set(expected) == {case.id for case in CASES} | set(virtual.IDS)
    assert len(by_id()) == len(CASES) + len(ZOO_CASES)


def test_a_case_is_started_where_nothing_of_it_reaches_the_machine():
    argv = experiment.isolated("x")
    assert {"--mount", "--net", "--pid", "--kill-child"} < set(argv[: argv.index("--")])


def test_a_case_is_refused_where_it_could_reach_the_machine():
    """Here it cannot: of what it would mount, only a mount namespace of its own would know."""
    argv = ["unshare", "--mount", "--net", sys.executable, "-m", "truth.experiment", "zoo-curl-v2@host"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "python -m truth CASE" in done.stderr
