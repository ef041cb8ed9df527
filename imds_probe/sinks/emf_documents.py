"""A report as documents in CloudWatch's Embedded Metric Format.

Specification: "Embedded metric format" in the CloudWatch user guide. A document has metrics and dimensions as members of its
root, so each has one value in it; a set of dimensions may be empty; 100 metrics and 30 dimensions are the most.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.sinks.dimensions import UNKNOWN
from imds_probe.sinks.extract import accepted, instance, switched
from imds_probe.sinks.metrics import Metric, metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.sink import Report, SinkError, check_age, started_at

METRICS_MAX, DIMENSIONS_MAX = 100, 30
REASONS_MAX, TEXT_MAX = 10, 300  # a document has to fit into 256 KB, and better into a datagram
METADATA = "_aws"


def documents(report: Report, config: MetricsConfig, now: float, metadata: Mapping[str, str]) -> list[bytes]:
    """The documents, each one line of ASCII without its end. `now` is in seconds since the epoch; `metadata` goes into each
    one's _aws: where it goes in CloudWatch Logs.

    Raises SinkError for a time that CloudWatch does not take, or dimensions that EMF cannot have.
    """
    check_age(report, now)
    about = _properties(report)
    return [
        _line(
            {
                **about,
                **made.members,
                METADATA: made.directives(config.namespace, int(started_at(report) * 1000), metadata),
            }
        )
        for made in grouped(metrics_of(report, config, now))
    ]


@dataclass
class Document:
    """Metrics that can be told apart by the names of their dimensions alone."""

    members: dict[str, float | str] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)  # unit by name
    sets: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)  # sets of dimensions by name of metric

    def add(self, metric: Metric) -> bool:
        """Take the metric, unless a member would need two values or there are too many."""
        dimensions = dict(metric.dimensions)
        wanted: dict[str, float | str] = {**dimensions, metric.name: metric.value}
        if metric.name in dimensions or METADATA in wanted:
            return False
        if any(self.members.get(name, value) != value for name, value in wanted.items()):
            return False
        metrics = self.metrics | {metric.name: metric.unit}
        members = self.members | wanted
        if len(metrics) > METRICS_MAX or len(members) - len(metrics) > DIMENSIONS_MAX:
            return False
        self.members, self.metrics = members, metrics
        self.sets.setdefault(metric.name, []).append(tuple(dimensions))
        return True

    def directives(self, namespace: str, at_ms: int, metadata: Mapping[str, str]) -> dict[str, Any]:
        """The member _aws: metrics with the same sets of dimensions share a directive."""
        together: dict[tuple[tuple[str, ...], ...], list[dict[str, str]]] = {}
        for name, unit in self.metrics.items():
            together.setdefault(tuple(self.sets[name]), []).append({"Name": name, "Unit": unit})
        return {
            "Timestamp": at_ms,
            **metadata,
            "CloudWatchMetrics": [
                {"Namespace": namespace, "Dimensions": [list(each) for each in sets], "Metrics": metrics}
                for sets, metrics in together.items()
            ],
        }


def grouped(metrics: Iterable[Metric]) -> list[Document]:
    """Each metric in the first document that can take it. So there are as many as one metric has values: Hosts has one for
    each verdict.
    """
    made: list[Document] = []
    for metric in metrics:
        if any(document.add(metric) for document in made):
            continue
        made.append(Document())
        if not made[-1].add(metric):
            raise SinkError(
                f"{metric.name} cannot be told apart by {', '.join(metric.dimensions)} in EMF",
                "Give metrics.static_dimensions other names: fewer than 30, none that of a metric or _aws.",
                outcome="refused",
            )
    return made


def _properties(report: Report) -> dict[str, Any]:
    """What Logs Insights shows beside the metrics; it becomes no metric and no dimension."""
    known, verdict = instance(report), report["verdict"]
    return {
        "verdict": verdict["state"],
        "confidence": verdict["confidence"],
        "switched": (switched(report) or {}).get("state"),
        "reasons": [reason[:TEXT_MAX] for reason in verdict["reasons"][:REASONS_MAX]],
        "accepted": [
            f"{each['id']} of {each['subject']} until {each['expires']}"[:TEXT_MAX]
            for each in accepted(report)[:REASONS_MAX]
        ],
        "instance_id": (known.get("instance_id") or UNKNOWN)[:TEXT_MAX],
        "region": (known.get("region") or UNKNOWN)[:TEXT_MAX],
        "run_id": report["probe"]["run_id"],
    }


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
