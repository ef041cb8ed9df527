"""AWS/EC2 MetadataNoToken of this instance, beside what the watch saw: whether somebody calls whom it does not see. Once tokens are
required, MetadataNoTokenRejected: whether somebody is refused whom it does not see.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from imds_probe.collect.callers import Called
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.collect.instance import Identity, instance_of
from imds_probe.collect.tokens_seen import TokensSeen
from imds_probe.facts.callers import REJECTED, SERVED, MetricCompared
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.instance import Instance
from imds_probe.imds.client import RequestCounter
from imds_probe.timestamp import rfc3339
from imds_probe.watch.history_format import FILE, HOUR_S

WITHIN_S = 8.0
POINTS_MAX = 1440  # of one answer: GetMetricStatistics in CloudWatch's API reference
SETTLED_S = 1800.0  # CloudWatch's numbers of the last minutes are still to come
LEAST_HOURS = 3  # of which the first and the last are for what falls between two hours


def _collect(context: Context) -> Collected:
    instance = instance_of(context)
    assert instance is not None  # noqa: S101 - see _says_something
    tokens = context.get(TokensSeen)
    begun = (tokens.begun if tokens else 0.0) if switched_already(context.get(Imds)) else None
    found = look(context.option(CallersOptions), instance, context.request.environ, context.counter, begun)
    return Collected(nothing=found) if isinstance(found, str) else Collected((found,))


def _says_something(context: Context) -> bool:
    """Beside what a daemon has watched."""
    return (
        context.option(CallersOptions).compare is not None
        and context.get(Called) is not None
        and context.get(Imds) is not None
        and instance_of(context) is not None
    )


def look(
    options: CallersOptions,
    instance: Instance,
    environ: Mapping[str, str],
    counter: RequestCounter,
    begun: float | None = None,
) -> MetricCompared | str:
    """The comparison, or in a sentence why there is none. `begun` is when tokens began to be required, in seconds since the epoch,
    None where they are not. Raises HistoryError.
    """
    now = time.time()
    metric = SERVED if begun is None else REJECTED
    if options.compare is None or instance.instance_id is None:
        return "the comparison with CloudWatch was not asked for"
    path = options.state / FILE
    if not path.exists():
        return "the daemon has no history to compare with CloudWatch"
    from imds_probe.watch.history import History  # noqa: PLC0415

    with History(path, read_only=True) as history:
        since = max(now - min(options.window_s, POINTS_MAX * HOUR_S), begun or 0.0)
        seen = history.v1_by_hour(since, now - SETTLED_S, refused=begun is not None)
    blocks = [block for block in _blocks(seen) if len(block) >= LEAST_HOURS]
    if not blocks:
        return f"the watch covers fewer than {LEAST_HOURS} hours in a row"
    # botocore takes longer to load than many a run: only where there is something to compare.
    from imds_probe.aws.calls import CallError, call  # noqa: PLC0415
    from imds_probe.aws.clients import Aws  # noqa: PLC0415

    first, last = blocks[0][0], blocks[-1][-1]
    try:
        client = Aws(options.compare, environ, is_ec2=True, region=instance.region, counter=counter).client(
            "cloudwatch"
        )
        answer: Any = call(
            lambda: client.get_metric_statistics(
                Namespace="AWS/EC2",
                MetricName=metric,
                Dimensions=[{"Name": "InstanceId", "Value": instance.instance_id}],
                StartTime=_utc(first),
                EndTime=_utc(last + 1),
                Period=HOUR_S,
                Statistics=["Sum"],
            ),
            deadline=time.monotonic() + WITHIN_S,
            renew=lambda: None,
        )
    except CallError as error:
        return str(error)
    counted = {int(point["Timestamp"].timestamp() // HOUR_S): round(point["Sum"]) for point in answer["Datapoints"]}
    return compared(blocks, seen, counted, metric)


def compared(
    blocks: list[list[int]], seen: Mapping[int, int], counted: Mapping[int, int], metric: str = SERVED
) -> MetricCompared:
    """What CloudWatch counted in the inner hours of each block, beside what was seen in all of it: a call at the edge of an
    hour may be put into the one beside it, which must not look like one that was not seen.
    """
    inner = [hour for block in blocks for hour in block[1:-1]]
    both = [(counted.get(hour, 0), seen[hour]) for hour in inner]
    beside = sum(seen[block[at]] for block in blocks for at in (0, -1))
    total = sum(count for count, _ in both)
    known = sum(count for _, count in both)
    return MetricCompared(
        hours=len(inner),
        counted=total,
        seen=min(known + beside, total) if total > known else known,
        since=rfc3339(inner[0] * HOUR_S),
        until=rfc3339((inner[-1] + 1) * HOUR_S),
        name=metric,
    )


def _blocks(hours: Mapping[int, int]) -> list[list[int]]:
    """Hours that follow on, together."""
    blocks: list[list[int]] = []
    for hour in sorted(hours):
        if blocks and blocks[-1][-1] == hour - 1:
            blocks[-1].append(hour)
        else:
            blocks.append([hour])
    return blocks


def _utc(hour: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(hour * HOUR_S, datetime.UTC)


COLLECTOR = Collector(
    id="metadata-no-token",
    collect=_collect,
    gives=(MetricCompared,),
    without="the callers that the watch does not see",
    needs=(Called, Identity, Imds, TokensSeen),
    applies=_says_something,
    aside=True,
)
