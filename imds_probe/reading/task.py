"""What is worked on with strangers' bytes, declared as values: what goes in, what comes out, and the function between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from imds_probe.dataclass import dataclass

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Task(Generic[A, R]):
    """`work` runs in the parser, where files are reached by rootfs and small_file alone, and all modules were imported
    before. It yields what it finds as soon as that is sure: what came before its end, whatever that is, is kept.

    `arguments` and `result` are types that msgspec knows: dataclasses of plain values. Texts and bytes in them are as long
    as they like: what a task gives is bounded as a whole.
    """

    id: str
    arguments: Any  # the type A, which may be a union
    result: Any  # the type R
    work: Callable[[A], Iterator[R]]


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
