"""Tasks worked on by this process itself: for tools and tests, which read nothing that strangers made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from imds_probe.reading.task import Answer, Task, function_of

A = TypeVar("A")
R = TypeVar("R")


class Asks(Protocol):
    """See reader.Reader.ask."""

    def ask(
        self,
        task: Task[A, R],
        arguments: A,
        roots: Sequence[Path],
        deadline: float,
        *,
        modules: Collection[str] = (),
    ) -> Answer[R]:
        """What the task finds."""


class Here:
    """Whatever goes wrong is raised. `roots`, the deadline and modules are no matter here."""

    def ask(
        self,
        task: Task[A, R],
        arguments: A,
        roots: Sequence[Path],
        deadline: float,
        *,
        modules: Collection[str] = (),
    ) -> Answer[R]:
        """See reader.Reader.ask."""
        del roots, deadline, modules
        return Answer(tuple(function_of(task.work)(arguments)))


HERE = Here()
