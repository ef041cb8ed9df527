"""What collectors are given, for tests that let a single one work."""

from __future__ import annotations

import atexit
import functools
import time
from collections.abc import Iterable
from pathlib import Path

from soon import SOON_S

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.collector import Collector
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.context import Context, RunRequest
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment
from imds_probe.reading.reader import Reader

CATALOG = Catalog.load()


@functools.cache
def reader(reply_s: float = SOON_S) -> Reader:
    """The one reader of all tests that need one, until they end. What does not answer within `reply_s` is taken to hang: on a busy
    machine, who looks at a disk that is alive may be kept from that for longer than a run waits.
    """
    made = Reader(READING, memory_mib=READING_MIB, reply_s=reply_s)
    atexit.register(made.close)
    return made


def context(
    root: Path, *found: object, environ: dict[str, str] | None = None, left_s: float = 60.0, **request: object
) -> Context:
    """The context of a run on the system below `root`, in which this was found before."""
    asked = RunRequest(environ=environ or {}, root=root, **request)
    made = Context(
        asked, from_environment(asked.environ), CATALOG, RequestCounter(), time.monotonic() + left_s, reader=reader()
    )
    made.keep(found)
    return made


def collected(given: Context, collectors: Iterable[Collector]) -> dict[str, CollectorRun]:
    """Let these work, one after the other, whatever they need: their records by id; what they find is in the context."""
    collecting = Collecting(given.deadline, lambda _: None)
    ids = []
    for each in collectors:
        ids.append(each.id)
        collecting.begin(each, lambda each=each: each.collect(given))
        given.keep(collecting.ended().given)
    return {run.id: run for run in collecting.runs(tuple(ids))}
