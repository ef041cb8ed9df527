"""When rules are looked for again, and what comes of a look."""

from __future__ import annotations

import pytest
from soon import wait_for

from imds_probe.rehearsal import rule_watch
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.host import Nobody
from imds_probe.rehearsal.rule_watch import RuleWatch
from imds_probe.rehearsal.unopened import Unread


class Looks:
    """One after the other; the last for good."""

    def __init__(self, *results: str | Exception) -> None:
        self._results, self.count = list(results), 0

    def __call__(self) -> str:
        self.count += 1
        result = self._results.pop(0) if len(self._results) > 1 else self._results[0]
        if isinstance(result, Exception):
            raise result
        return result


def come_to(watch: RuleWatch, looks: Looks, count: int) -> str:
    """What is said once there were so many looks."""

    def said() -> list[str]:
        found = watch.look(at_once=True)
        return [found] if found or looks.count > count else []

    return wait_for(said)[0]


def test_looks_have_a_pause_between_them_but_where_somebody_is_new(monkeypatch):
    looks = Looks("")
    watch = RuleWatch(looks)
    assert [watch.look() for _ in range(3)] == [""] * 3 and looks.count == 0
    come_to(watch, looks, 2)
    monkeypatch.setattr(rule_watch, "EVERY_S", 0.0)
    before = looks.count
    wait_for(lambda: watch.look() == "" and looks.count > before + 1)


def test_a_rule_is_said_when_it_comes_up():
    looks = Looks("", "", "the rule")
    assert come_to(RuleWatch(looks), looks, 9) == "the rule"


def test_rules_that_were_not_listed_once_end_nothing_and_twice_do():
    looks = Looks(Unread("late"), "", Unread("late"), "the rule")
    assert come_to(RuleWatch(looks), looks, 9) == "the rule"
    with pytest.raises(Unread):
        come_to(RuleWatch(looks := Looks(Unread("late"))), looks, 9)
    assert looks.count == rule_watch.UNREAD_MAX


def test_rules_for_the_host_itself_are_looked_for_where_no_container_is_led(monkeypatch):
    monkeypatch.setattr(rule_watch, "EVERY_S", 0.0)
    nobody = Nobody("", Looks("", CannotRehearse("the rule")))
    with pytest.raises(CannotRehearse, match="the rule"):
        wait_for(lambda: nobody.look(()))
