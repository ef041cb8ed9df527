"""The metrics of a report, for CloudWatch in any form: counts that sum over a fleet, and few of them.

By default no metric knows the instance, so that their number, which is what CloudWatch charges for, does not grow with
the fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.sinks.dimensions import INSTANCE_ID, dimension
from imds_probe.sinks.extract import accepted, blockers, hop_limit_needed, switched
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


@dataclass(frozen=True)
class Declared:
    """A metric by its name. `unit` is CloudWatch's (Count, Seconds, None). `by`: the dimension that tells its values apart, besides
    those of the settings. `meaning` is a sentence for the reference page.
    """

    name: str
    unit: str
    meaning: str
    by: str | None = None


METRICS = (
    Declared("Heartbeat", "Count", "1 for each report."),
    Declared(
        "Hosts",
        "Count",
        "1 for the verdict of the report and 0 for the others. The sum over a fleet counts its hosts.",
        by=VERDICT,
    ),
    Declared(
        "Blockers", "Count", "How many blockers of this kind the report has. Left out where it has none.", by=FINDING
    ),
    Declared(
        "AcceptedRisks",
        "Count",
        "How many findings the verdict leaves out because somebody has accepted their risk. Left out where there are none.",
    ),
    Declared(
        "IMDSv1Calls",
        "Count",
        "Calls by IMDSv1 in the window that was watched, without the probe's own. Left out where nobody watched.",
    ),
    Declared(
        "RefusedCallers",
        "Count",
        "Callers that were refused since IMDSv1 was turned off, and did not ask again with a token. Left out where IMDSv1 is "
        "on, or nobody watched.",
    ),
    Declared(
        "CleanHours",
        "None",
        "Hours since the last refused call that was not repeated with a token, at most the hours that were watched. Left out "
        "like `RefusedCallers`.",
    ),
    Declared(
        "HopLimitNeeded",
        "None",
        "The hop limit of the command to switch. Left out where there is no such command, or the limit has to be tried.",
    ),
    Declared(
        "ReportAge",
        "Seconds",
        "The time from the run until the report was sent. It is long where a report had to wait.",
    ),
)
_UNITS = {each.name: each.unit for each in METRICS}


def metrics_of(report: Report, config: MetricsConfig, now: float) -> tuple[Metric, ...]:
    """All metrics of a report that it has a value for, as METRICS declares them; `now` is in seconds since the epoch."""
    return tuple(
        Metric(name, value, _UNITS[name], {**common, **own})
        for common in _dimension_sets(report, config)
        for name, value, own in _values(report, now)
    )


def _dimension_sets(report: Report, config: MetricsConfig) -> list[dict[str, str]]:
    static = dict(config.static_dimensions)
    sets = [static]
    if config.dimensions:
        sets.append(static | {name: dimension(report, name) for name in config.dimensions})
    if config.per_instance:
        sets.append(static | {INSTANCE_ID: dimension(report, INSTANCE_ID)})
    return sets


def _values(report: Report, now: float) -> Iterator[tuple[str, float, dict[str, str]]]:
    yield "Heartbeat", 1, {}
    verdict = report["verdict"]
    for state in ORDER:
        yield "Hosts", int(verdict["state"] == state), {VERDICT: state}
    for finding, count in sorted(blockers(report).items()):
        yield "Blockers", count, {FINDING: finding}
    if risks := accepted(report):
        yield "AcceptedRisks", len(risks), {}
    if report["callers"] is not None:
        yield "IMDSv1Calls", report["callers"]["imdsv1"], {}
    if (since := switched(report)) and since["clean_hours"] is not None:
        yield "RefusedCallers", since["refused_callers"], {}
        yield "CleanHours", since["clean_hours"], {}
    if (needed := hop_limit_needed(report)) is not None:
        yield "HopLimitNeeded", needed, {}
    yield "ReportAge", max(0.0, round(now - started_at(report), 3)), {}
