"""Hosts on which somebody asked for a token and fell back."""

from __future__ import annotations

from dataclasses import replace

from observed import FACTS, IMDS, changed, container
from rules.test_relays import MESH, behind_relay
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.containers import Reach
from imds_probe.facts.facts import Facts
from imds_probe.rules.caller_cause import cause_of
from imds_probe.rules.callers import RULE
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
WEB = replace(container("web"), reach=(Reach("ipv4", "lost", "", distance=1, needs_hop_limit=2),))
PLAIN = replace(
    CALLER,
    program="/usr/bin/python3.11",
    container="web",
    container_id=WEB.id,
    unit=None,
    token="none",
    origin="process",
    distance=1,
    served=3,
    interface="veth7",
)
LOST = replace(PLAIN, token="lost", token_ttl=1)
ENDED = replace(LOST, container="build", container_id="9" * 64, image="ci/build:7")
RAISED = replace(IMDS, hop_limit=2)
SINCE = "2023-11-14T23:00:00Z"
SHOP = behind_relay(id=WEB.id, name="web", network="own")
MESHED = {"containers": (SHOP,), "obstacles": (replace(MESH, container_id=SHOP.identity),)}


def watched(*by: CallerSeen, **facts) -> Facts:
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    return changed(FACTS, callers=callers, **facts)


def cause(*by: CallerSeen, **facts):
    """That of the first one, beside the others."""
    there = watched(*by, **{"containers": (WEB,), **facts})
    return cause_of(by[:1], there[Callers], there, CATALOG)


def judged(*by: CallerSeen, **facts):
    return RULE.judge(watched(*by, **{"containers": (WEB,), **facts}), CATALOG)


def received(by: CallerSeen, **more) -> CallerSeen:
    more = {"token": "answered", "token_ttl": 2, "last_seen": SINCE, "pid": 99, **more}
    return replace(by, version="v2", path_class="token", path="/latest/api/token", **more)
