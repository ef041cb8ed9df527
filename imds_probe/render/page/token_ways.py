"""The way of the token response from the service to each container, and the place where it is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import ContainerToken, Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.render.page.blocks import Lane, Part, Tone, Ways
from imds_probe.render.page.bounds import Bounds, count, cut
from imds_probe.report import JudgedContainer, Report
from imds_probe.rules.hop_need import is_users, limit_at
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
_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}
RELAY = "relay"
_CUT_OFF = ("refused", "unreachable", "disabled")
_TONES: Mapping[NeedState, Tone] = {"observed": "bad", "likely": "bad", "unlikely": "plain", "unknown": "care"}
_NEEDS: Mapping[NeedState, tuple[str, str]] = {
    "observed": ("It was seen asking for metadata.", "They were seen asking for metadata."),
    "likely": ("It probably needs metadata.", "They probably need metadata."),
    "unlikely": ("Nothing shows that it needs metadata.", "Nothing shows that they need metadata."),
    "unknown": ("It is not known whether it needs metadata.", "It is not known whether they need metadata."),
}


@dataclass(frozen=True)
class _Routers:
    """A stop between the host and a container: so many routers, the first of them `hop` hops beyond the instance. `name` is empty
    where it is not known.
    """

    name: str
    hop: int
    number: int = 1

    @property
    def title(self) -> str:
        return self.name or (f"{self.number} routers" if self.number > 1 else "router")


@dataclass(frozen=True)
class _Way:
    """What containers of one lane have in common. `routers` are the stops between the host and the container; a distance of None
    was not measured. `needs` is the hop limit that the verdict counts with.
    """

    token: ContainerToken | None
    distance: int | None
    routers: tuple[_Routers, ...]
    needs: int | None
    need: NeedState
    of_user: bool
    shares_host: bool
    relayed: bool = False
    explained: bool = True
    disagrees: bool = False


def token_ways(report: Report, bounds: Bounds) -> Iterator[Part]:
    """One drawing, where there are containers to draw. Those with the same way share a lane."""
    imds = report.facts.get(Imds)
    if imds is None or not bounds.drawn:
        return
    together: defaultdict[_Way, list[str]] = defaultdict(list)
    for entry in report.containers or ():
        if not entry.container.sandbox:
            for way, name in _ways(entry, report.facts, imds.hop_limit):
                together[way].append(name)
    lanes = [_lane(way, names, imds.hop_limit) for way, names in together.items()]
    lanes.sort(key=lambda lane: (_ORDER.index(lane.tone), -(lane.needs or 0)))
    if lanes:
        left = len(lanes) - LANES
        more = f"{count(left, 'more way')} to containers {'is' if left == 1 else 'are'} not drawn." if left > 0 else ""
        to_host = any(each.token_outcome == "ok" for each in imds.endpoints)
        yield Part(HEADING, (Ways(TITLE, imds.hop_limit, tuple(lanes[:LANES]), more, to_host),))


def _ways(entry: JudgedContainer, facts: Facts, limit: int | None) -> Iterator[tuple[_Way, str]]:
    """The ways to a container, each once with its name. What has no way at one address is drawn for the others alone."""
    container = entry.container
    reaches: list[Reach | None] = [each for each in container.reach if each.token not in _CUT_OFF]
    families: defaultdict[_Way, list[str]] = defaultdict(list)
    for reach in reaches or [container.main]:
        way = _way(entry, reach, facts, limit)
        families[way] += [_FAMILIES[reach.family]] if reach is not None else []
    for way, over in families.items():
        addresses = " and ".join(dict.fromkeys(over))
        yield way, f"{cut(container.title, NAME_WIDTH)} over {addresses}" if len(families) > 1 else container.title


def _way(entry: JudgedContainer, reach: Reach | None, facts: Facts, limit: int | None) -> _Way:
    container = entry.container
    shares_host, of_user = container.network == "host", is_users(container)
    if reach is None:
        return _Way(None, 0 if shares_host else None, (), None, entry.need.state, of_user, shares_host)
    relayed = reach.relayed and not shares_host
    distance = 0 if shares_host else None if relayed else reach.distance
    return _Way(
        token=reach.token,
        distance=distance,
        routers=_routers(reach, distance, limit),
        needs=None if of_user else limit_at(reach, container, facts),
        need=entry.need.state,
        of_user=of_user,
        shares_host=shares_host,
        relayed=relayed,
        explained=reach.explained,
        disagrees=reach.disagrees and reach.token == "ok",
    )


def _routers(reach: Reach, distance: int | None, limit: int | None) -> tuple[_Routers, ...]:
    """What routes between the host and the container. More than can be drawn are one stop, and the one that discards the response
    is a stop of its own.
    """
    between = (distance or 1) - 1
    if between < 1:
        return ()
    names = [""] * between
    if len(reach.way) == between + 2:  # it begins in the container and ends on the host
        names = [hop.place for hop in reversed(reach.way[1:-1])]
    single = [_Routers(name, hop) for hop, name in enumerate(names, 1)]
    if between <= ROUTERS_DRAWN:
        return tuple(single)
    end = (limit or 1) - 1
    if reach.token != "lost" or not 1 <= end <= between:
        return (_Routers("", 1, between),)
    return (*_together(single[: end - 1]), single[end - 1], *_together(single[end:]))


def _together(routers: Sequence[_Routers]) -> Sequence[_Routers]:
    return routers if len(routers) < 2 else (_Routers("", routers[0].hop, len(routers)),)


def _lane(way: _Way, names: Sequence[str], limit: int | None) -> Lane:
    last = way.distance
    before: tuple[tuple[str, int | None], ...] = ()
    if last != 0:
        relay: tuple[tuple[str, int | None], ...] = ((RELAY, None),) if way.relayed else ()
        before = (("host", 0), *((each.title, each.hop) for each in way.routers), *relay)
    hops = (*(hop for _, hop in before), last)
    asked = way.token in ("ok", "lost")
    arrives = _arrives(way, hops, limit)
    tone: Tone = "good" if way.token == "ok" else _TONES[way.need] if asked and not way.of_user else "unknown"
    shown = tuple(cut(name, NAME_WIDTH + len(" over IPv4")) for name in names[:NAMES])
    named = ", ".join(shown) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
    return Lane(
        names=shown,
        number=len(names),
        stop_names=tuple(name for name, _ in before),
        hops=hops,
        arrives=arrives,
        asked=asked,
        needs=way.needs,
        tone=tone,
        sentence=_sentence(way, named, limit, _who_discards(way, arrives), is_plural=len(names) > 1),
        shares_host=way.shares_host,
    )


def _arrives(way: _Way, hops: Sequence[int | None], limit: int | None) -> int | None:
    """How many stops the response reaches: each forwards it with one hop less, and one hop is left where it arrives."""
    if way.token == "ok":
        return len(hops)
    if way.token != "lost" or way.distance is None or limit is None or way.distance < limit:
        return None
    return sum(hop is not None and hop < limit for hop in hops)


def _who_discards(way: _Way, arrives: int | None) -> str:
    """The last stop that a lost response reaches, empty where that is not known."""
    if not arrives or way.token == "ok":
        return ""
    if arrives == 1:
        return "The host"
    router = way.routers[arrives - 2]
    return f"The router {router.name}" if router.name else f"The router {count(router.hop, 'hop')} beyond the instance"


def _sentence(way: _Way, named: str, limit: int | None, who: str, *, is_plural: bool) -> str:
    """`who` discards the response, empty where that is not known."""
    if way.token is None:
        return f"{named}: the way of the token was not tested."
    if way.token in _NO_ANSWER:
        changes = ", so the switch changes nothing there" if way.token in _CUT_OFF else ""
        return f"{named}: {_NO_ANSWER[way.token]}{changes}."
    if way.token == "ok":
        return " ".join(_arrived(way, named, limit))
    said = [f"{named}: no token arrives ({_where(way)})."]
    if who:
        said.append(f"{who} discards the response at hop limit {limit}.")
    elif limit is not None:
        said.append(f"The response is lost at hop limit {limit}; the place is not known.")
    if way.of_user:
        said.append("A user made this network, so the verdict does not depend on it.")
    else:
        said += _cure(way, limit)
        said.append(_NEEDS[way.need][is_plural])
    return " ".join(said)


def _where(way: _Way) -> str:
    if way.shares_host:
        return "in the host's network"
    if way.relayed:
        return "a relay takes the connection"
    if way.distance is None:
        return "the distance was not measured"
    return f"{count(way.distance, 'hop')} beyond the instance" if way.distance else "as near as the host itself"


def _arrived(way: _Way, named: str, limit: int | None) -> Iterator[str]:
    at = f" at hop limit {limit}" if limit is not None else ""
    if way.relayed:
        yield f"{named}: a relay brings the token{at}."
        yield "The distance of the container then does not matter."
        return
    yield f"{named}: the token arrives{at} ({_where(way)})."
    if way.disagrees and not way.shares_host:
        yield "By this distance it would be lost, so the distance may be wrong."


def _cure(way: _Way, limit: int | None) -> Iterator[str]:
    """The hop limit that the verdict counts with, where it is another than the present one."""
    if not way.explained:
        yield "Nothing explains this distance, so the hop limit that suffices is not known."
    elif way.needs and way.needs > (limit or 0):
        measured = way.distance is not None
        yield f"Hop limit {way.needs} suffices." if measured else f"Try hop limit {way.needs}."
