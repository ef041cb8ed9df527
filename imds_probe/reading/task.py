"""What is worked on with strangers' bytes, declared as values: what goes in, what comes out, and the function between."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from imds_probe.dataclass import dataclass

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Task(Generic[A, R]):
    """`work` runs in the parser, where files are reached by rootfs and small_file alone, and all modules were imported
    before. It yields what it finds as soon as that is sure: what came before its end, whatever that is, is kept.

    It is named as "module:function", so that who asks need not import what parsers alone use. It takes a value of the type
    `A` and says so by its annotation. `result` is the type R. Both are types that msgspec knows: dataclasses of plain values.
    Texts and bytes in them are as long as they like: what a task gives is bounded as a whole.
    """

    id: str
    result: Any
    work: str | Callable[[A], Iterator[R]]


def module_of(work: str) -> str:
    """The module that a function is in which is named as a task's."""
    return work.partition(":")[0]


def function_of(work: str | Callable[[A], Iterator[R]]) -> Callable[[A], Iterator[R]]:
    """What works on a task. Raises ImportError and AttributeError where there is none of its name."""
    if not isinstance(work, str):
        return work
    function: Callable[[A], Iterator[R]] = getattr(importlib.import_module(module_of(work)), work.partition(":")[2])
    return function


def argument_of(function: Callable[[A], Iterator[R]]) -> Any:
    """The type A, as the function says it."""
    return next(iter(typing.get_type_hints(function).values()))


@dataclass(frozen=True)
class Answer(Generic[R]):
    """What came of a task: all that it found, or what it had found when it ended early; then `failed` says why, as a
    clause, and `traceback` is not empty where a bug is why. `given_up` is the file that it was at, which is not read again in
    this run: asked once more, the task passes it over.
    """

    found: tuple[R, ...]
    failed: str = ""
    traceback: str = ""
    given_up: str = ""
