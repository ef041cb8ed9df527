"""What a collector is: one kind of fact, with all that a run has to know to get it.

Collectors observe and never judge. They are declared as values, and listed by hand in collectors.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.facts.facts import Facts
from imds_probe.facts.section import Section
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class Collected:
    """What a collector comes back with: at most one value of each type that it gives.

    `nothing` says in a sentence why there is nothing, `partial` what is missing; both are empty where that is not so.
    """

    given: tuple[object, ...] = ()
    nothing: str = ""
    partial: str = ""


@dataclass(frozen=True)
class Option:
    """An option of `imds-probe run` that a collector takes. `keywords` are those of argparse's add_argument.

    Its value becomes the field `field` of an `options` that the collector finds in its context: read by `parse`, which
    raises ValueError, and then held against the run's root by `check`, which raises UsageError. Where the option is given,
    the run may take `time_limit_s` unless told otherwise.
    """

    flag: str
    options: type
    field: str
    keywords: dict[str, Any]
    parse: Callable[[str], Any] | None = None
    check: Callable[[Any, Path], Any] = lambda value, _: value
    time_limit_s: float | None = None


@dataclass(frozen=True)
class Collector:
    """One kind of fact.

    `gives` are the types of what it finds: sections of the report, or what other collectors build on. It starts when all
    that give what it `needs` have ended, well or not, and only where it `applies`; otherwise it is not in the report.
    One that mostly waits (`aside`) is no reason for others to wait, too; of the rest, one works at a time.
    It may take `time_s` seconds, or all that is left of the run, and its findings `memory_mib`; so may the parser, which works
    on the tasks that it `reads` with. `of_image`: it has something to say of an image as well, where nothing runs and no service
    answers, and looks at files below the run's root alone. `confirms`: it tells in a moment what an earlier verdict stood on, and
    looks also where a run only confirms one.
    `without` says what stays unknown where it fails, `of_host` what it needs of the host. `loads` are modules that it imports
    itself as it needs them: where others are waited for, that is the time for it.
    """

    id: str
    collect: Callable[[Context], Collected]
    gives: tuple[type, ...]
    without: str
    needs: tuple[type, ...] = ()
    applies: Callable[[Context], bool] = lambda _: True
    options: tuple[Option, ...] = ()
    aside: bool = False
    time_s: float | None = None
    memory_mib: int = 16
    loads: tuple[str, ...] = ()
    reads: tuple[Task[Any, Any], ...] = ()
    of_image: bool = False
    confirms: bool = False
    of_host: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Join:
    """What several collectors found, put together to a section of the report. Pure: it looks at nothing else.

    `without` says what stays unknown where it fails.
    """

    gives: type[Section]
    join: Callable[[Context], Section | None]
    without: str

    @property
    def id(self) -> str:
        """What the report's record of collectors calls it, where it failed."""
        return f"{self.gives.report_key or self.gives.__name__.lower()}-joined"


@dataclass(frozen=True)
class Question:
    """Something that is only asked about what was found wanting: between observing and judging.

    `subjects` are those that it is asked about, nothing where it need not be asked; `ask` gives sections in the place of
    those that there are. `without` says what stays unknown where it fails.
    """

    id: str
    subjects: Callable[[Facts, Catalog], Sequence[Any]]
    ask: Callable[[Context, Facts, Sequence[Any]], Collected]
    without: str
    time_s: float | None = None
    memory_mib: int = 16
