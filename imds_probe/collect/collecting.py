"""Letting collectors work, each on a thread of its own and on record: one's failure is never another's."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from imds_probe.collect.collector import Collected, Collector, Question
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError, said
from imds_probe.facts.collector_run import OUT_OF_TIME, CollectorRun, CollectorStatus
from imds_probe.facts.section import S, Section, plain
from imds_probe.system.background import Background
from imds_probe.system.bug import TellBug, in_short, untold

HANGING_S = 0.5  # past the deadline, which what works keeps by itself
HANGS = "the collector did not end within its time limit: something that it reads from hangs"


@dataclass(frozen=True)
class _Ended:
    collector: Collector | Question
    result: Collected | BaseException
    took_s: float


class Collecting:
    """The collectors of one run: `progress` is told the id of each as it begins.

    `deadline` is a time.monotonic: what has not begun by then is skipped and said. `bug` is told of errors that nobody expected.
    They are outcomes as well.
    """

    def __init__(self, deadline: float, progress: Callable[[str], None], bug: TellBug = untold) -> None:
        self.deadline = deadline
        self._progress, self._bug = progress, bug
        self._runs: dict[str, CollectorRun] = {}
        self._working: dict[str, tuple[Collector | Question, float]] = {}
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()

    @property
    def working(self) -> tuple[Collector | Question, ...]:
        """Those that have begun and not ended."""
        return tuple(collector for collector, _ in self._working.values())

    def runs(self, order: tuple[str, ...]) -> tuple[CollectorRun, ...]:
        """The record, in this order of ids."""
        return tuple(self._runs[each] for each in order if each in self._runs)

    def begin(self, collector: Collector | Question, collect: Callable[[], Collected]) -> None:
        """Let it work, or put on record that there is no time left for it."""
        if time.monotonic() >= self.deadline:
            self._keep(collector, "skipped", 0.0, OUT_OF_TIME)
            return
        self._progress(collector.id)
        began = time.monotonic()
        self._working[collector.id] = collector, began

        def work() -> None:
            result: Collected | BaseException
            try:
                result = collect()
            except BaseException as error:  # noqa: BLE001 - carried over to who waits, not swallowed
                result = error
            self._ended.put(_Ended(collector, result, time.monotonic() - began))

        try:
            Background(collector.id, work)
        except RuntimeError as error:  # the host has no room for another thread
            self._ended.put(_Ended(collector, ProbeError(f"no thread could be started: {error}"), 0.0))

    def failed(self, collector_id: str, without: str, error: Exception, took_s: float = 0.0) -> None:
        """Put on record that something failed by an error that nobody expected; `without` is what stays unknown."""
        if not isinstance(error, MemoryError):
            self._bug(collector_id, error)
        self._runs[collector_id] = CollectorRun(
            collector_id, "failed", round(took_s * 1000, 3), in_short(error), without, bug=True
        )

    def ended(self) -> Collected:
        """Wait until one ends or hangs, and put it on record: what it came back with, nothing where it failed."""
        if not self._working:
            return Collected()
        try:
            ended = self._ended.get(timeout=max(0.0, min(map(self._limit_s, self._working.values()))))
        except queue.Empty:
            for collector, began in list(self._working.values()):
                if self._limit_s((collector, began)) <= 0:
                    del self._working[collector.id]
                    self._keep(collector, "failed", time.monotonic() - began, HANGS)
            return Collected()
        if self._working.pop(ended.collector.id, None) is None:
            return Collected()  # it was waited for no longer
        return self._judged(ended)

    def _limit_s(self, work: tuple[Collector | Question, float]) -> float:
        """For how long it is still waited for."""
        collector, began = work
        left_s = self.deadline + HANGING_S - time.monotonic()
        return left_s if collector.time_s is None else min(left_s, began + collector.time_s - time.monotonic())

    def _judged(self, ended: _Ended) -> Collected:
        result = ended.result
        if isinstance(result, (ProbeError, OSError)):
            self._keep(ended.collector, "failed", ended.took_s, said(result))
            return Collected()
        try:
            if isinstance(result, BaseException):
                raise result
            found = checked(ended.collector, result)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one collector's
            self.failed(ended.collector.id, ended.collector.without, error, ended.took_s)
            return Collected()
        status: CollectorStatus = "partial" if found.partial else "nothing" if found.nothing else "ok"
        self._keep(ended.collector, status, ended.took_s, found.partial or found.nothing)
        return found

    def _keep(self, collector: Collector | Question, status: CollectorStatus, took_s: float, reason: str) -> None:
        means = collector.without if status in ("failed", "skipped", "partial") else ""
        self._runs[collector.id] = CollectorRun(collector.id, status, round(took_s * 1000, 3), reason, means)


def checked(collector: Collector | Question, result: object) -> Collected:
    """What a collector came back with, if it is what the collector declares and the report has room for.

    Raises TypeError, and msgspec.ValidationError for a section with a value that its type does not allow.
    """
    if not isinstance(result, Collected) or not isinstance(result.given, tuple):
        raise TypeError(f"{collector.id} came back with {type(result).__name__}, which is not Collected")
    kinds = collector.gives if isinstance(collector, Collector) else (Section,)
    for each in result.given:
        if not isinstance(each, kinds):
            raise TypeError(f"{collector.id} came back with {type(each).__name__}, which it does not give")
        if isinstance(each, Section):
            checked_section(each, type(each))
    return replace(result, nothing=_sentence(result.nothing), partial=_sentence(result.partial))


def checked_section(section: object, kind: type[S]) -> S:
    """The same, if it is a section of this kind with values that the report's schema allows.

    Raises TypeError or msgspec.ValidationError.
    """
    if not isinstance(section, kind):
        raise TypeError(f"{type(section).__name__} stands where {kind.__name__} belongs")
    msgspec.convert(plain(section), kind)
    return section


def _sentence(said: object) -> str:
    if not isinstance(said, str):
        raise TypeError(f"{type(said).__name__} is no sentence")
    return said
