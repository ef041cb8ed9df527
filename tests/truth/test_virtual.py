"""What needs no machine; `make truth` boots them."""

from __future__ import annotations

import time

import pytest
import virtual_machine
from truth import outcome, virtual


@pytest.fixture
def boots(monkeypatch) -> list[str]:
    """What was run of cases that are said to have come out as expected."""
    ran: list[str] = []

    def boot(name, work):
        ran.append(name)
        said = {"verdict": "ready", "limit": 1, "unknown": []}
        return {
            name: {"limit": 1, "plain": said, "watch": said, "switched": {1: {"broke": True}}, "right": "not-ready"}
        }

    monkeypatch.setattr(virtual_machine, "not_to_be_had", lambda: "")
    monkeypatch.setattr(virtual, "_boot", boot)
    return ran


def test_without_a_machine_each_case_is_named_and_not_run(monkeypatch):
    monkeypatch.setattr(virtual_machine, "not_to_be_had", lambda: "/dev/kvm does not open")
    found = list(virtual.outcomes())
    assert found == [{"case": name, "not_run": "/dev/kvm does not open"} for name in virtual.IDS]
    assert outcome.classes(found[0]) == {"plain": "not run", "watch": "not run"}


def test_what_there_is_no_time_for_is_named(boots):
    found = list(virtual.outcomes(["boot-*"], deadline=time.monotonic() - 1))
    assert {each["not_run"] for each in found} == {"there was no time"}
    assert boots == []


def test_a_machine_that_fails_leaves_the_others(boots, monkeypatch):
    def no_labs(kernel, work):
        raise virtual_machine.MachineError("it did not answer in time")

    monkeypatch.setattr(virtual, "_labs", no_labs)
    found = {each["case"]: each for each in virtual.outcomes()}
    assert {found[name]["not_run"] for name in virtual.LABS} == {"it did not answer in time"}
    assert [outcome.classes(found[name])["watch"] for name in virtual.BOOTS] == ["FALSE ready"] * len(virtual.BOOTS)


def test_what_is_kept_is_not_run_again(boots, tmp_path):
    first = list(virtual.outcomes(["boot-script*"], tmp_path))
    again = list(virtual.outcomes(["boot-script*"], tmp_path))
    assert boots == ["boot-script@kernel-5.10"]
    assert outcome.expectations(first)["boot-script@kernel-5.10"]["right"] == "not-ready"
    assert [each["case"] for each in first] == [each["case"] for each in again]
