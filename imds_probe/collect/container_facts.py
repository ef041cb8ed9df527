"""Containers as the report has them: measured, with the SDKs that run in them and the calls that were seen of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from imds_probe.collect.callers import Called
from imds_probe.collect.collector import Join
from imds_probe.collect.containers import SeenContainers
from imds_probe.collect.context import Context
from imds_probe.collect.sdks import SdksFound
from imds_probe.facts.containers import Containers


def _join(context: Context) -> Containers | None:
    seen, sdks, called = context.get(SeenContainers), context.get(SdksFound), context.get(Called)
    if seen is None:
        return None
    calls = Counter[str | None]()
    for caller in called.callers.by if called else ():
        calls[caller.container_id] += caller.count
    inside = sdks.in_containers if sdks else {}
    containers = tuple(
        replace(each, sdks=inside.get(each.identity, ()), calls_seen=calls[each.identity]) for each in seen.containers
    )
    return Containers(containers, seen.unseen)


JOIN = Join(gives=Containers, join=_join, without="the containers of this host")
