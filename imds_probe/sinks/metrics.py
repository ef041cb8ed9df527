"""The metrics of a report, for CloudWatch in any form: counts that sum over a fleet, and few of them.

By default no metric knows the instance, so that their number, which is what CloudWatch charges for, does not grow with
the fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.sinks.dimensions import INSTANCE_ID, dimension
from imds_probe.sinks.extract import accepted, blockers, switched
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.sink import Report, started_at
from imds_probe.verdict import ORDER

VERDICT, FINDING = "Verdict", "Finding"


@dataclass(frozen=True)
class Metric:
    """One value. `unit` is CloudWatch's (Count, Seconds, None). `dimensions` are in order."""

    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]


def metrics_of(report: Report, config: MetricsConfig, now: float) -> tuple[Metric, ...]:
    """All metrics of a report; `now` is in seconds since the epoch.

    Heartbeat   1 for each report
    Hosts       by Verdict: 1 for the report's own, 0 for the others, so that their sum over a fleet is a number of hosts
    Blockers    by Finding: how many of each the report has
    AcceptedRisks  how many findings the verdict leaves out, as somebody has accepted their risk; left out where there is none
    IMDSv1Calls that were seen in the window that was watched, without the probe's own; left out where nobody watched
    RefusedCallers  who were refused since tokens are required, and did not ask again with a token; left out where tokens are
                optional, or nobody watched
    CleanHours  for how long nobody was refused like that; left out like RefusedCallers
    HopLimitNeeded  in the command to switch, where there is one
    ReportAge   seconds from the run to now: more than some where reports had to wait
    """
    return tuple(
        Metric(name, value, unit, {**common, **own})
        for common in _dimension_sets(report, config)
        for name, value, unit, own in _values(report, now)
    )


def _dimension_sets(report: Report, config: MetricsConfig) -> list[dict[str, str]]:
    static = dict(config.static_dimensions)
    sets = [static]
    if config.dimensions:
        sets.append(static | {name: dimension(report, name) for name in config.dimensions})
    if config.per_instance:
        sets.append(static | {INSTANCE_ID: dimension(report, INSTANCE_ID)})
    return sets


def _values(report: Report, now: float) -> Iterator[tuple[str, float, str, dict[str, str]]]:
    yield "Heartbeat", 1, "Count", {}
    verdict = report["verdict"]
    for state in ORDER:
        yield "Hosts", int(verdict["state"] == state), "Count", {VERDICT: state}
    for finding, count in sorted(blockers(report).items()):
        yield "Blockers", count, "Count", {FINDING: finding}
    if risks := accepted(report):
        yield "AcceptedRisks", len(risks), "Count", {}
    if report["callers"] is not None:
        yield "IMDSv1Calls", report["callers"]["imdsv1"], "Count", {}
    if (since := switched(report)) and since["clean_hours"] is not None:
        yield "RefusedCallers", since["refused_callers"], "Count", {}
        yield "CleanHours", since["clean_hours"], "None", {}
    if verdict["switch"] and verdict["switch"]["http_put_response_hop_limit"] is not None:
        yield "HopLimitNeeded", verdict["switch"]["http_put_response_hop_limit"], "None", {}
    yield "ReportAge", max(0.0, round(now - started_at(report), 3)), "Seconds", {}
