from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from code_seen import watched
from contexts import context
from watched_calls import CALLER

from imds_probe.collect.callers import Called
from imds_probe.collect.switched import JOIN
from imds_probe.collect.tokens_seen import TokensSeen
from imds_probe.facts.callers import REJECTED, SERVED, MetricCompared
from imds_probe.facts.switched import Switched, WatchedSince

TOKENS = TokensSeen(7200.0, 3600.0004, 3600.0, kept=True)
METRIC = MetricCompared(3, 7, 5, "1970-01-01T00:00:00Z", "1970-01-01T03:00:00Z", REJECTED)


def joined(*found: object) -> Switched | None:
    made = JOIN.join(context(Path("/"), *found))
    assert made is None or isinstance(made, Switched)
    return made


def test_it_is_put_together():
    since = WatchedSince(1800.0)
    assert joined(TOKENS, Called(watched(CALLER), since), METRIC) == Switched(
        since="1970-01-01T02:00:00Z",
        age_s=3600.0,
        optional_last="1970-01-01T01:00:00Z",
        kept=True,
        watched=since,
        metric=METRIC,
    )


def test_what_nobody_found_is_not_there():
    assert joined() is None
    assert joined(Called(watched(CALLER), None), METRIC) is None
    alone = joined(TOKENS, replace(METRIC, name=SERVED))
    assert alone is not None
    assert (alone.watched, alone.metric) == (None, None)
