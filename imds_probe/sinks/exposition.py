"""A report as gauges in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from imds_probe.escape import terminal
from imds_probe.sinks.extract import accepted, blockers, containers_lost, hop_limit_needed, instance, switched
from imds_probe.sinks.sink import Report, started_at
from imds_probe.timestamp import end_of
from imds_probe.verdict import ORDER

PREFIX = "imds_probe_"
# Each gauge with its text, in the order of the file, and the label that tells its samples apart. The first two and the last
# one are made in `collect`, the others of single values.
LABELLED = {
    "verdict": ("state", "1 for the verdict of the last run"),
    "blockers": ("finding", "Findings that have to change before the switch"),
}
GAUGES = {
    "hop_limit": "The hop limit that was measured",
    "hop_limit_needed": "The hop limit of the command to switch; left out where it has to be tried",
    "accepted_risks": "Findings that the verdict leaves out, as their risk is accepted",
    "accepted_until_timestamp_seconds": "When the first accepted risk counts again, since the epoch",
    "tokens_required": "1 where IMDSv1 is turned off",
    "switched_hours": "Hours since a run first saw that IMDSv1 is turned off",
    "clean_hours": "Hours since the last refused call that was not repeated with a token, at most the hours that were watched",
    "refused_callers": "Callers that were refused since IMDSv1 was turned off, and did not ask again with a token",
    "imdsv1_calls": "Calls by IMDSv1 within the window that was watched",
    "watch_coverage_ratio": "How much of the window was watched without a loss",
    "containers_token_lost": "Running containers that the token does not reach",
    "last_run_timestamp_seconds": "When the run began, since the epoch",
}
INFO = "1, with the version, the schema and the instance of the report"
INFO_LABELS = ("version", "schema", "instance_id", "region")
LABEL_MAX = 256  # characters; what is longer is no name


def exposition(report: Report) -> bytes:
    """The text of the file. What a report does not know has no sample."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(report))
    return generate_latest(registry)


class _Gauges(Collector):
    """Made from values alone: prometheus-client's own Gauge keeps files where PROMETHEUS_MULTIPROC_DIR is set."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[GaugeMetricFamily]:
        report, verdict = self._report, self._report["verdict"]
        yield _labelled("verdict", {state: state == verdict["state"] for state in ORDER})
        yield _labelled("blockers", blockers(report))
        values = _values(report)
        for name, text in GAUGES.items():
            value = values[name]
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}{name}", text, value=float(value))
        known = instance(report)
        labels = (
            report["probe"]["version"],
            report["schema"],
            known.get("instance_id") or "",
            known.get("region") or "",
        )
        info = GaugeMetricFamily(f"{PREFIX}info", INFO, labels=INFO_LABELS)
        info.add_metric([terminal(value[:LABEL_MAX]) for value in labels], 1.0)
        yield info


def _labelled(name: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    label, text = LABELLED[name]
    family = GaugeMetricFamily(f"{PREFIX}{name}", text, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric([key], float(value))
    return family


def _values(report: Report) -> Mapping[str, float | None]:
    imds, callers, lost = report["imds"] or {}, report["callers"] or {}, containers_lost(report)
    risks = accepted(report)
    since = switched(report) or {}
    return {
        "hop_limit": imds.get("hop_limit"),
        "hop_limit_needed": hop_limit_needed(report),
        "accepted_risks": len(risks),
        "accepted_until_timestamp_seconds": end_of(risks[0]["expires"]) if risks else None,
        "tokens_required": {"required": 1.0, "optional": 0.0}.get(imds.get("tokens", "unknown")),
        "switched_hours": since.get("hours"),
        "clean_hours": since.get("clean_hours"),
        "refused_callers": since.get("refused_callers") if since.get("watched_hours") is not None else None,
        "imdsv1_calls": callers.get("imdsv1"),
        "watch_coverage_ratio": callers.get("coverage"),
        "containers_token_lost": None if lost is None else len(lost),
        "last_run_timestamp_seconds": started_at(report),
    }
