from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from imds_probe.reading.here import HERE
from imds_probe.reading.task import Answer, Task


@dataclass(frozen=True)
class Asked:
    upto: int


@dataclass(frozen=True)
class Number:
    value: int


def _numbers(asked: Asked) -> Iterator[Number]:
    for value in range(asked.upto):
        yield Number(value)
    if asked.upto > 2:
        raise ValueError("no more than 2")


NUMBERS: Task[Asked, Number] = Task("numbers", Number, _numbers)


def test_a_task_is_worked_on_as_by_a_reader_and_what_goes_wrong_is_raised() -> None:
    assert HERE.ask(NUMBERS, Asked(2), [], 0.0) == Answer((Number(0), Number(1)))
    with pytest.raises(ValueError, match="no more than 2"):
        HERE.ask(NUMBERS, Asked(3), [], 0.0, modules=("yaml",))
