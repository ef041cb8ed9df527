"""What parsers work on tasks with: who asks does not import it, who forks them has it all."""

from __future__ import annotations

import subprocess
import sys
import typing
from collections.abc import Iterator

import pytest

from imds_probe.collect import code
from imds_probe.collect.collectors import COLLECTORS, READING, tasks_of
from imds_probe.reading.task import Task, argument_of, function_of, module_of

TIMEOUT_S = 120


def imported(*modules: str) -> set[str]:
    """All modules that are there once these were imported, by a Python of its own."""
    script = f"import sys, {', '.join(modules)}; print('\\n'.join(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return set(found.stdout.split())


def modules_of(tasks: typing.Iterable[Task[typing.Any, typing.Any]]) -> set[str]:
    return {module_of(task.work) for task in tasks if isinstance(task.work, str)}


@pytest.mark.parametrize("task", READING, ids=lambda task: task.id)
def test_each_task_names_a_function_that_gives_what_the_task_says(task: Task[typing.Any, typing.Any]) -> None:
    function = function_of(task.work)
    assert argument_of(function) is not typing.Any
    assert typing.get_type_hints(function)["return"] == Iterator[task.result]


def test_who_forks_has_what_works_on_them() -> None:
    without_code = tasks_of(each for each in COLLECTORS if each is not code.COLLECTOR)
    assert modules_of(without_code) - imported("imds_probe.collect.readings") == set()
    assert modules_of(READING) - imported("imds_probe.collect.readings", "imds_probe.collect.code_readings") == set()


def test_who_asks_imports_nothing_that_reads_code_or_libraries() -> None:
    there = imported("imds_probe.collect.collectors")
    assert "imds_probe.collect.code" in there
    assert {name for name in there if name.endswith((".code_reading", ".schedule_reading", ".sdk_reading"))} == set()
    assert not there.intersection({"ahocorasick_rs", "distro", "yaml", "imds_probe.inventory.code.words"})
