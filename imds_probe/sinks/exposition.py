"""A report as gauges in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from imds_probe.escape import terminal
from imds_probe.sinks.extract import accepted, blockers, containers_lost, ends_at, instance, switched
from imds_probe.sinks.sink import Report, started_at
from imds_probe.verdict import ORDER

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
        yield _labelled(
            "verdict", "1 for the verdict of the last run", "state", {s: s == verdict["state"] for s in ORDER}
        )
        yield _labelled("blockers", "What has to change before the switch", "finding", blockers(report))
        for name, text, value in _values(report):
            if value is not None:
                yield GaugeMetricFamily(f"imds_probe_{name}", text, value=float(value))
        known = instance(report)
        labels = {
            "version": report["probe"]["version"],
            "schema": report["schema"],
            "instance_id": known.get("instance_id") or "",
            "region": known.get("region") or "",
        }
        info = GaugeMetricFamily("imds_probe_info", "1, with what made the report and where", labels=tuple(labels))
        info.add_metric([terminal(value[:LABEL_MAX]) for value in labels.values()], 1.0)
        yield info


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"imds_probe_{name}", text, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric([key], float(value))
    return family


def _values(report: Report) -> Iterator[tuple[str, str, float | None]]:
    imds, callers, lost = report["imds"] or {}, report["callers"] or {}, containers_lost(report)
    switch = report["verdict"]["switch"] or {}
    yield "hop_limit", "The hop limit that was measured", imds.get("hop_limit")
    yield "hop_limit_needed", "The hop limit of the command to switch", switch.get("http_put_response_hop_limit")
    risks = accepted(report)
    yield "accepted_risks", "Findings that the verdict leaves out, as their risk is accepted", len(risks)
    until = ends_at(risks[0]["expires"]) if risks else None
    yield "accepted_until_timestamp_seconds", "When the first accepted risk counts again, since the epoch", until
    required = {"required": 1.0, "optional": 0.0}.get(imds.get("tokens", "unknown"))
    yield "tokens_required", "1 where IMDSv1 is refused already", required
    since = switched(report) or {}
    yield "switched_hours", "Since a run first saw that tokens are required", since.get("hours")
    yield (
        "clean_hours",
        "For how long no caller was refused without asking again with a token",
        since.get("clean_hours"),
    )
    yield (
        "refused_callers",
        "Callers that were refused since tokens are required, and did not ask again with a token",
        since.get("refused_callers") if since.get("watched_hours") is not None else None,
    )
    yield "imdsv1_calls", "Calls by IMDSv1 within the window that was watched", callers.get("imdsv1")
    yield "watch_coverage_ratio", "How much of the window was watched without a loss", callers.get("coverage")
    yield (
        "containers_token_lost",
        "Running containers that the token does not reach",
        None if lost is None else len(lost),
    )
    yield "last_run_timestamp_seconds", "When the run began, since the epoch", started_at(report)
