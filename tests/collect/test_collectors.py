"""What holds for every collector, join and question of the list."""

from __future__ import annotations

import dataclasses
import tracemalloc
from graphlib import TopologicalSorter

import pytest
from contexts import context

from imds_probe.collect.collector import Collected
from imds_probe.collect.collectors import COLLECTORS, JOINS, QUESTIONS, SECTIONS
from imds_probe.facts.section import Section
from imds_probe.report import FIRST
from imds_probe.simulator import scenarios

PACKAGES = 3000


def test_names_are_their_own():
    ids = [each.id for each in (*COLLECTORS, *QUESTIONS)]
    assert len(set(ids)) == len(ids)
    assert all(each == each.lower() and " " not in each for each in ids)
    flags = [option.flag for each in COLLECTORS for option in each.options]
    assert len(set(flags)) == len(flags)


def test_each_says_what_stays_unknown_without_it_and_what_it_may_take():
    for each in (*COLLECTORS, *QUESTIONS):
        assert each.without.strip(" .") == each.without != "", each.id
        assert each.memory_mib > 0
        assert each.time_s is None or each.time_s > 0


def test_what_is_needed_is_given_and_nobody_waits_for_himself():
    givers = {
        kind: [each.id for each in COLLECTORS if kind in each.gives] for each in COLLECTORS for kind in each.gives
    }
    needs = {each.id: {giver for kind in each.needs for giver in givers[kind]} for each in COLLECTORS}
    order = list(TopologicalSorter(needs).static_order())
    assert set(order) == {each.id for each in COLLECTORS}


def test_sections_are_given_by_one_each():
    for kind in SECTIONS:
        giving = [each.id for each in COLLECTORS if kind in each.gives] + [
            each.gives for each in JOINS if each.gives is kind
        ]
        assert len(giving) == 1, kind


def test_keys_of_the_report_are_each_of_one_section():
    keys = []
    for kind in SECTIONS:
        assert issubclass(kind, Section)
        assert dataclasses.is_dataclass(kind)
        with pytest.raises(dataclasses.FrozenInstanceError):
            object.__new__(kind).changed = True
        keys += [kind.report_key] if kind.report_key else [field.name for field in dataclasses.fields(kind)]
        absent = kind.absent()
        assert absent is None or isinstance(absent, kind)
        assert kind.report_key or absent is not None, f"{kind}: what stands in the report where nobody looked?"
    assert len(set(keys)) == len(keys)
    assert set(FIRST) <= set(keys)


def test_options_become_fields_of_what_collectors_are_given():
    for each in COLLECTORS:
        for option in each.options:
            assert option.field in {field.name for field in dataclasses.fields(option.options)}
            assert option.options() == option.options()  # defaults, and no secrets of their own
            assert option.flag.startswith("--")
            assert option.keywords["help"]


@pytest.mark.parametrize("collector", [each for each in COLLECTORS if not each.needs], ids=lambda each: each.id)
def test_it_keeps_to_its_memory_on_a_host_with_many_packages(collector, tmp_path):
    names = {"cloud-init": "23.1-1"} | {f"library-{number}": f"1.{number}-1" for number in range(PACKAGES)}
    scenarios.write_host(tmp_path, names, "i-0123456789abcdef0")
    given = context(tmp_path)
    if not collector.applies(given):
        return
    tracemalloc.start()
    try:
        found = collector.collect(given)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Collected)
    assert {type(each) for each in found.given} <= set(collector.gives)
    assert peak < collector.memory_mib * 1024 * 1024
