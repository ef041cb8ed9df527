"""The way of the token response from the service to each container, and the place where it is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import ContainerToken, Reach
from imds_probe.facts.imds import Imds
from imds_probe.render.page.blocks import Lane, Part, Tone, Ways
from imds_probe.render.page.bounds import Bounds, count, cut
from imds_probe.report import JudgedContainer, Report
from imds_probe.rules.hop_need import is_users
from imds_probe.rules.metadata_need import NeedState

HEADING = "The way of a token"
TITLE = "Token responses on their way from the metadata service"
LANES, NAMES = 24, 4
ROUTERS_DRAWN = 4
NAME_WIDTH = 48
_ORDER: tuple[Tone, ...] = ("bad", "care", "unknown", "plain", "good")
_NO_ANSWER: Mapping[ContainerToken, str] = {
    "refused": "the connection is refused",
    "unreachable": "the metadata service cannot be reached",
    "disabled": "the metadata service is turned off",
    "answered-by-proxy": "a proxy answers instead of the metadata service",
    "error": "the token request failed",
}
_CUT_OFF = ("refused", "unreachable", "disabled")
_TONES: Mapping[NeedState, Tone] = {"observed": "bad", "likely": "bad", "unlikely": "plain", "unknown": "care"}
_NEEDS: Mapping[NeedState, tuple[str, str]] = {
    "observed": ("It was seen asking for metadata.", "They were seen asking for metadata."),
    "likely": ("It probably needs metadata.", "They probably need metadata."),
    "unlikely": ("It does not seem to need metadata.", "They do not seem to need metadata."),
    "unknown": ("Whether it needs metadata is not known.", "Whether they need metadata is not known."),
}


@dataclass(frozen=True)
class _Way:
    """What containers of one lane have in common. `routers` are the stops between the host and the container by name; a distance
    of None was not measured.
    """

    token: ContainerToken | None
    distance: int | None
    routers: tuple[str, ...]
    needs: int | None
    need: NeedState
    of_user: bool
    shares_host: bool


def token_ways(report: Report, bounds: Bounds) -> Iterator[Part]:
    """One drawing, where there are containers to draw. Those with the same way share a lane."""
    imds = report.facts.get(Imds)
    if imds is None or not bounds.drawn:
        return
    together: defaultdict[_Way, list[str]] = defaultdict(list)
    for entry in report.containers or ():
        if not entry.container.sandbox:
            together[_way(entry)].append(entry.container.title)
    lanes = [_lane(way, names, imds.hop_limit) for way, names in together.items()]
    lanes.sort(key=lambda lane: (_ORDER.index(lane.tone), -(lane.needs or 0)))
    if lanes:
        left = len(lanes) - LANES
        more = f"{count(left, 'more way')} to containers {'is' if left == 1 else 'are'} not drawn." if left > 0 else ""
        yield Part(HEADING, (Ways(TITLE, imds.hop_limit, tuple(lanes[:LANES]), more),))


def _way(entry: JudgedContainer) -> _Way:
    container, main = entry.container, entry.container.main
    shares_host = container.network == "host"
    distance = 0 if shares_host else main.distance if main else None
    return _Way(
        token=main.token if main else None,
        distance=distance,
        routers=_routers(main, distance),
        needs=container.needs_hop_limit,
        need=entry.need.state,
        of_user=is_users(container),
        shares_host=shares_host,
    )


def _routers(main: Reach | None, distance: int | None) -> tuple[str, ...]:
    """What routes between the host and the container. More than can be drawn are one stop."""
    between = (distance or 1) - 1
    if between < 1 or main is None:
        return ()
    if between > ROUTERS_DRAWN:
        return (f"{between} routers",)
    if len(main.way) == between + 2:  # it begins in the container and ends on the host
        return tuple(hop.place for hop in reversed(main.way[1:-1]))
    return ("router",) * between


def _lane(way: _Way, names: Sequence[str], limit: int | None) -> Lane:
    last = way.distance
    stops = (*(() if last == 0 else ("host", *way.routers)), "")
    between = range(1, len(way.routers) + 1)
    hops = (*(() if last == 0 else (0, *between)), last)
    asked = way.token in ("ok", "lost")
    arrives = _arrives(way, stops, hops, limit)
    tone: Tone = "good" if way.token == "ok" else _TONES[way.need] if asked and not way.of_user else "unknown"
    shown = tuple(cut(name, NAME_WIDTH) for name in names[:NAMES])
    named = ", ".join(shown) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
    return Lane(
        names=shown,
        number=len(names),
        stop_names=stops[:-1],
        hops=hops,
        arrives=arrives,
        asked=asked,
        needs=way.needs,
        tone=tone,
        sentence=_sentence(way, named, limit, stops[arrives - 1] if arrives else "", is_plural=len(names) > 1),
    )


def _arrives(way: _Way, stops: Sequence[str], hops: Sequence[int | None], limit: int | None) -> int | None:
    """How many stops the response reaches: each forwards it with one hop less, and one hop is left where it arrives."""
    if way.token == "ok":
        return len(stops)
    if way.token != "lost" or way.distance is None or limit is None or way.distance < limit:
        return None
    return sum(hop is not None and hop < limit for hop in hops)


def _sentence(way: _Way, named: str, limit: int | None, place: str, *, is_plural: bool) -> str:
    """`place` is the last stop that the response reaches, empty where that is not known."""
    if way.token is None:
        return f"{named}: the way of the token was not tested."
    if way.token in _NO_ANSWER:
        changes = ", so the switch changes nothing there" if way.token in _CUT_OFF else ""
        return f"{named}: {_NO_ANSWER[way.token]}{changes}."
    where = "in the host's network" if way.shares_host else "the distance was not measured"
    if way.distance is not None and not way.shares_host:
        where = f"{count(way.distance, 'hop')} beyond the instance"
    if way.token == "ok":
        at = f" at hop limit {limit}" if limit is not None else ""
        return f"{named}: the token arrives{at} ({where})."
    said = [f"{named}: no token arrives ({where})."]
    if place:
        discards = "The host" if place == "host" else f"The router {place}"
        said.append(f"{discards} discards the response at hop limit {limit}.")
    elif limit is not None:
        said.append(f"The response is lost at hop limit {limit}; the place is not known.")
    if way.of_user:
        said.append("A user made this network, so the verdict does not depend on it.")
    else:
        said += [f"Hop limit {way.needs} suffices."] if way.needs else []
        said.append(_NEEDS[way.need][is_plural])
    return " ".join(said)
