"""The main job: collect, judge, decide, report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from imds_probe import __version__, standing
from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement
from imds_probe.collect import code
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.collectors import COLLECTORS, READING_LOADS, READING_MIB, tasks_of
from imds_probe.collect.context import RunRequest
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import Installed
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment as endpoints_from
from imds_probe.observation import observe
from imds_probe.reading.fork_server import ForkServer
from imds_probe.reading.reader import Reader
from imds_probe.reading.remote_files import REPLY_S
from imds_probe.report import JudgedContainer, JudgedSoftware, ProbeInfo, Report
from imds_probe.rules import RULES
from imds_probe.rules.judging import judge, select
from imds_probe.rules.metadata_need import metadata_need, unknown_need
from imds_probe.rules.requirement import requirement
from imds_probe.system import rootfs
from imds_probe.system.bug import TellBug, in_short, untold
from imds_probe.system.own_memory import read_by
from imds_probe.system.usage import usage
from imds_probe.timestamp import rfc3339
from imds_probe.verdict import Verdict, decide

REPLY_SHARE = 0.125  # of a run's time, for one place that does not answer


def reader_of(
    timeout_s: float,
    watch_s: float = 0.0,
    bug: TellBug = untold,
    server: ForkServer | None = None,
    *,
    reads_code: bool = True,
) -> Reader:
    """Who reads for one assessment that may take so long besides the time that it watches, and begins. Made while the process
    has one thread, unless the `server` was.
    """
    reply_s, end = min(REPLY_S, timeout_s * REPLY_SHARE), time.monotonic() + timeout_s + watch_s
    reader = Reader(
        tasks_of(each for each in COLLECTORS if reads_code or each is not code.COLLECTOR),
        modules=READING_LOADS,
        server=server,
        bug=bug,
        memory_mib=READING_MIB,
        reply_s=reply_s,
        deadline=end,
    )
    reader.begin()
    return reader


def assess(
    request: RunRequest,
    reading: Reader,
    progress: Callable[[str], None] = lambda _: None,
    bug: TellBug = untold,
) -> Report:
    """One assessment. Raises UsageError for a request that makes no sense; other trouble is in the report. `bug` is told of
    errors that nobody expected, too. `reading` is at its end afterwards.
    """
    started = time.monotonic()
    started_at = rfc3339(time.time())
    selected = select(RULES, request.only, request.skip)
    endpoints = endpoints_from(request.environ)
    counter = RequestCounter()
    collecting = Collecting(started + request.option(CallersOptions).watch_s + request.timeout_s, progress, bug)

    with reading as reader, read_by(reader.looker), rootfs.read_by(reader.places):
        catalog = Catalog.load(request.catalogs)  # while the readers begin
        facts = observe(request, endpoints, catalog, counter, collecting, reader=reader)
        reader.leave()
        probe = ProbeInfo(
            version=__version__,
            run_id=secrets.token_hex(16),
            started_at=started_at,
            duration_ms=round((time.monotonic() - started) * 1000, 3),
            privileged=facts.privileged,
            imdsv1_requests_made=counter.imdsv1,
            imdsv2_requests_made=counter.imdsv2,
        )
        report = report_on(facts, catalog, selected, probe, bug)  # while they end
    spent = usage()
    return replace(
        report,
        probe=replace(
            probe,
            cpu_ms=spent.cpu_ms,
            bytes_read=spent.bytes_read,
            disk_bytes_read=spent.disk_bytes_read,
            peak_memory_bytes=spent.peak_memory_bytes and spent.peak_memory_bytes + reading.peak_memory_bytes,
        ),
    )


def look_again(
    request: RunRequest, reading: Reader, progress: Callable[[str], None] = lambda _: None, bug: TellBug = untold
) -> Facts:
    """What tells whether an earlier verdict still holds: a `request` that `confirms`. Otherwise as `assess`."""
    endpoints = endpoints_from(request.environ)
    collecting = Collecting(time.monotonic() + request.timeout_s, progress, bug)
    with reading as reader, read_by(reader.looker), rootfs.read_by(reader.places):
        catalog = Catalog.load(request.catalogs)
        facts = observe(request, endpoints, catalog, RequestCounter(), collecting, reader=reader)
        reader.leave()
    return facts


def report_on(
    facts: Facts, catalog: Catalog, selected: Collection[str], probe: ProbeInfo, bug: TellBug = untold
) -> Report:
    """Judge facts by the selected rules. Pure, so the same facts can be judged again with a newer catalog. Errors that nobody
    expected make the verdict unknown at best, and `bug` is told of them.
    """
    findings, runs = judge(RULES, selected, facts, catalog, bug)
    facts = replace(facts, lacking=())  # rules have said what they missed
    guard = _Guard(bug)
    containers = facts[Containers].containers
    judged = None
    if containers is not None:
        judged = tuple(
            JudgedContainer(each, guard.made(metadata_need, each, facts, catalog, otherwise=unknown_need))
            for each in containers
        )
    software = tuple(
        JudgedSoftware(each, guard.made(requirement, each, facts, catalog, otherwise=_requirement_on_bug))
        for each in facts[Installed].software
    )
    verdict = guard.made(decide, facts, findings, runs, catalog, otherwise=_verdict_on_bug)
    verdict = guard.counted(verdict)
    verdict = guard.made(_dated, verdict, facts, probe.started_at, otherwise=lambda _: verdict)
    return Report(probe, facts, judged, software, runs, findings, verdict)


def _dated(verdict: Verdict, facts: Facts, began: str) -> Verdict:
    """The verdict, with until when it counts and what it stood on."""
    last_day = min((each.expires for each in verdict.accepted), default=None)
    until = standing.valid_until(began, facts, last_day=last_day)
    return replace(verdict, valid_until=until, digest=standing.digest(facts)) if until else verdict


T = TypeVar("T")


class _Guard:
    """Makes parts of the report, or what stands for one that an error kept from being made; such an error counts."""

    def __init__(self, bug: TellBug) -> None:
        self._bug = bug
        self._failed: dict[str, str] = {}

    def made(self, function: Callable[..., T], *arguments: object, otherwise: Callable[[str], T]) -> T:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - the rest of the report does not depend on it
            name = function.__name__.replace("_", " ")
            if name not in self._failed:  # once, not for each container
                self._bug(name, error)
            self._failed[name] = in_short(error)
            return otherwise(self._failed[name])

    def counted(self, verdict: Verdict) -> Verdict:
        """The verdict, which is unknown at best where something failed."""
        if not self._failed or verdict.state not in ("ready", "needs-hop-limit"):
            return verdict
        return _verdict_on_bug("; ".join(f"{name} failed: {why}" for name, why in self._failed.items()))


def _requirement_on_bug(why: str) -> Requirement:
    return Requirement(None, "unknown", why, None)


def _verdict_on_bug(why: str) -> Verdict:
    return Verdict("unknown", "low", (), (why,), None, None)
