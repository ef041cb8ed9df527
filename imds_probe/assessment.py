"""The main job: collect, judge, decide, report."""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from imds_probe import __version__
from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement
from imds_probe.collect.callers import CallersOptions
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.context import RunRequest
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import Installed
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment as endpoints_from
from imds_probe.observation import observe
from imds_probe.report import JudgedContainer, JudgedSoftware, ProbeInfo, Report
from imds_probe.rules import RULES
from imds_probe.rules.judging import judge, select
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.verdict import decide


def assess(request: RunRequest, progress: Callable[[str], None] = lambda _: None) -> Report:
    """One assessment. Raises UsageError for a request that makes no sense; other trouble is in the report."""
    started = time.monotonic()
    started_at = datetime.datetime.now(datetime.UTC)
    selected = select(RULES, request.only, request.skip)
    endpoints = endpoints_from(request.environ)
    catalog = Catalog.load(request.catalogs)
    counter = RequestCounter()
    collecting = Collecting(started + request.option(CallersOptions).watch_s + request.timeout_s, progress)

    facts = observe(request, endpoints, catalog, counter, collecting)
    probe = ProbeInfo(
        version=__version__,
        run_id=secrets.token_hex(16),
        started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_ms=round((time.monotonic() - started) * 1000, 3),
        privileged=facts.privileged,
        imdsv1_requests_made=counter.imdsv1,
        imdsv2_requests_made=counter.imdsv2,
    )
    return report_on(facts, catalog, selected, probe)


def report_on(facts: Facts, catalog: Catalog, selected: Collection[str], probe: ProbeInfo) -> Report:
    """Judge facts by the selected rules. Pure, so the same facts can be judged again with a newer catalog."""
    findings, runs = judge(RULES, selected, facts, catalog)
    facts = replace(facts, lacking=())  # rules have said what they missed
    containers = facts[Containers].containers
    return Report(
        probe=probe,
        facts=facts,
        containers=None
        if containers is None
        else tuple(JudgedContainer(container, metadata_need(container)) for container in containers),
        software=tuple(
            JudgedSoftware(entry, requirement(entry, facts, catalog)) for entry in facts[Installed].software
        ),
        rules=runs,
        findings=findings,
        verdict=decide(facts, findings, runs),
    )
