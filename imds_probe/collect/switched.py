"""The time since tokens are required, of what three collectors find: since when, who was refused, and CloudWatch's own count."""

from __future__ import annotations

from imds_probe.collect.callers import Called
from imds_probe.collect.collector import Join
from imds_probe.collect.context import Context
from imds_probe.collect.tokens_seen import TokensSeen
from imds_probe.facts.callers import REJECTED, MetricCompared
from imds_probe.facts.switched import Switched
from imds_probe.timestamp import rfc3339


def _join(context: Context) -> Switched | None:
    tokens, called, metric = context.get(TokensSeen), context.get(Called), context.get(MetricCompared)
    if tokens is None:
        return None
    return Switched(
        since=None if tokens.since is None else rfc3339(tokens.since),
        age_s=round(tokens.age_s, 3),
        optional_last=None if tokens.optional_last is None else rfc3339(tokens.optional_last),
        kept=tokens.kept,
        watched=called.since if called is not None else None,
        metric=metric if metric is not None and metric.name == REJECTED else None,
        earlier=tokens.earlier,
    )


JOIN = Join(gives=Switched, join=_join, without="the time since IMDSv1 was turned off")
