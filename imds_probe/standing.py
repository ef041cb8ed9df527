"""What a verdict stood on, in parts that can be looked at again in a moment: to tell later whether it still holds.

Pure. A report's digest is made of these parts, so reports with the same digest stood on the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.containers import NO_CONTAINERS, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.section import plain
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.facts.standing import Standing
from imds_probe.timestamp import LAST_S, end_of, rfc3339, seconds_of

Part = Literal["options", "hop limit", "packages", "containers", "schedules", "calls", "acceptances"]
MANAGERS = ("dpkg", "rpm", "apk", "snap")
NOT_KNOWN = "unknown"
# The daemon writes how much it has watched every two minutes; after this long, it no longer watches.
WATCHES_WITHIN_S = 600.0


@dataclass(frozen=True)
class Change:
    """Something that is no longer as the report has it: `what` is a clause, and may have text of others in it."""

    part: Part
    what: str


def digest(facts: Facts) -> str:
    """Of all parts: "sha256:" and 64 digits. It is no signature: who can write a report can write its digest."""
    parts = {"options": _options(facts), "hop limit": _hop_limit(facts), "packages": _packages(facts)}
    parts |= {"containers": dict.fromkeys(_containers(facts), ""), "schedules": _schedules(facts)}
    text = json.dumps(plain(parts), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def valid_until(began: str, facts: Facts, *, last_day: str | None) -> str | None:
    """Until when a verdict counts on what was observed from `began` (RFC 3339) on; None where nothing tells what it stood on, as
    of an image, or a time makes no sense. All times are UTC. `last_day` is the last one on which an accepted risk is accepted.
    """
    standing = facts.get(Standing)
    if standing is None:
        return None
    seconds = standing.valid_s if _was_watched(facts) else _unwatched_s(standing)
    try:
        until = seconds_of(began) + seconds
        if last_day is not None:
            until = min(until, end_of(last_day))
        return rfc3339(min(until, LAST_S))
    except ValueError:  # a stored report may be of the 99th of a month
        return None


def watch_ended(was: Facts, now: Facts, began: str, at: str) -> str:
    """Why a verdict counts no longer although its time is not over, a clause; empty where it does. A watch that covered its window
    gave it more time, and has to go on for that. `began` is when the report did, `at` the present time (both RFC 3339, UTC).
    """
    standing, later = was.get(Standing), now.get(Callers)
    if standing is None or not _was_watched(was):
        return ""  # its time is that of a host without a watch
    present = seconds_of(at)
    try:
        until = seconds_of(began) + _unwatched_s(standing)
    except ValueError:
        return "the report does not say when it began"
    if present <= until:
        return ""
    without = f"without a watch the verdict counted until {rfc3339(until)}"
    if later is None or later.watched_until is None:
        return f"callers are no longer watched, and {without}"
    if seconds_of(later.watched_until) + WATCHES_WITHIN_S < present:
        return f"callers were last watched at {later.watched_until}, and {without}"
    return "" if later.complete else f"the watch no longer covers its window, and {without}"


def _was_watched(facts: Facts) -> bool:
    callers = facts.get(Callers)
    return callers is not None and callers.complete


def _unwatched_s(standing: Standing) -> float:
    return min(standing.valid_s, standing.valid_unwatched_s)


def changes(was: Facts, now: Facts, since: str) -> tuple[Change, ...]:
    """What has changed since a report that began at `since`. `now` are facts of a run that confirms: nothing was measured in
    containers, and no code was read. What ended, and what could not be told in the report, takes nothing from a verdict.
    """
    return (
        *_option_changes(_options(was), _options(now)),
        *_hop_limit_changes(_hop_limit(was), _hop_limit(now)),
        *_package_changes(_packages(was), _packages(now)),
        *_container_changes(was, now),
        *_schedule_changes(_schedules(was), _schedules(now)),
        *_call_changes(was, now, since),
    )


def _options(facts: Facts) -> dict[str, str]:
    imds = facts.get(Imds)
    if imds is None:
        return {}
    tags = NOT_KNOWN if imds.instance_tags is None else "enabled" if imds.instance_tags else "disabled"
    return {"endpoint": imds.endpoint, "tokens": imds.tokens, "tags": tags}


def _option_changes(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    """Whether tokens are required is asked by a request without one, which a run need not make."""
    words = {
        "endpoint": "the metadata service is {}, and was {}",
        "tokens": "tokens are {}, and were {}",
        "tags": "instance tags in metadata are {}, and were {}",
    }
    for name, said in words.items():
        before, after = was.get(name, NOT_KNOWN), now.get(name, NOT_KNOWN)
        if before != after and (name == "endpoint" or NOT_KNOWN not in (before, after)):
            yield Change("options", said.format(after, before))


def _hop_limit(facts: Facts) -> int | None:
    imds = facts.get(Imds)
    return imds.hop_limit if imds is not None else None


def _hop_limit_changes(was: int | None, now: int | None) -> Iterator[Change]:
    if was is not None and now is None:
        yield Change("hop limit", f"the hop limit could not be measured, and was {was}")
    elif was is not None and now != was:
        yield Change("hop limit", f"the hop limit is {now}, and was {was}")


def _packages(facts: Facts) -> dict[str, str]:
    """Those of the host that the catalog knows, with their versions: several may be installed of one."""
    found: dict[str, list[str]] = {}
    for each in facts[Installed].software:
        if each.on_host and each.manager in MANAGERS and not isinstance(each, SdkSoftware):
            found.setdefault(each.package, []).append(each.version or NOT_KNOWN)
    return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}


def _package_changes(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        if before is None:
            yield Change("packages", f"{name} {after} was installed")
        elif after is None:
            yield Change("packages", f"{name} {before} was removed")
        elif before != after:
            yield Change("packages", f"{name} is {after}, and was {before}")


def _containers(facts: Facts) -> dict[str, str]:
    """What people call each, by its identity. Pause containers call nobody, and other namespaces are no containers."""
    seen = facts[Containers].seen
    return {each.identity: each.title for each in seen if not each.sandbox and each.runtime not in NO_CONTAINERS}


def _container_changes(was: Facts, now: Facts) -> Iterator[Change]:
    before = _containers(was)
    for identity, title in _containers(now).items():
        if identity not in before:
            yield Change("containers", f"the container {title} was started")
    known = was[Containers].containers_unseen
    for why in now[Containers].containers_unseen:
        if why not in known:
            yield Change("containers", f"not all containers could be seen: {why}")


def _schedules(facts: Facts) -> dict[str, str] | None:
    standing = facts.get(Standing)
    if standing is None or standing.schedules is None:
        return None
    return {each.what: f"{each.count} {each.digest}" for each in standing.schedules}


def _schedule_changes(was: Mapping[str, str] | None, now: Mapping[str, str] | None) -> Iterator[Change]:
    if was is None:
        return
    if now is None:
        yield Change("schedules", "the schedules of this host could not be read")
        return
    for what in sorted({*was, *now}):
        if was.get(what) != now.get(what):
            yield Change("schedules", f"{what}: a schedule, or a program or script that one names, changed")


def _call_changes(was: Facts, now: Facts, since: str) -> Iterator[Change]:
    """Calls by IMDSv1 that the report does not know, and that may lose something."""
    earlier, later = was.get(Callers), now.get(Callers)
    if earlier is not None and later is None and was[Standing].history is not False:
        yield Change("calls", "the record of callers that the watch keeps is gone")
    if later is None:
        return
    known = {_key(each) for each in _losing(earlier)} if earlier is not None else set()
    said = set[str]()
    for each in _losing(later):
        if _key(each) not in known and each.last_seen >= since:
            said.add(f"{each.program} called by IMDSv1, last at {each.last_seen}")
    yield from (Change("calls", what) for what in sorted(said))


def called_again(was: Facts, now: Facts, since: str) -> Callers | None:
    """Who called, without the calls by IMDSv1 of whom the report does not know; None where nobody whom it knows has called by
    IMDSv1 since, or may lose something.
    """
    earlier, later = was.get(Callers), now.get(Callers)
    if earlier is None or later is None:
        return None
    known = {_key(each) for each in _losing(earlier)}
    if not any(_key(each) in known and each.last_seen >= since for each in _losing(later)):
        return None
    return replace(later, by=tuple(each for each in later.by if not _loses(each) or _key(each) in known))


def _losing(callers: Callers) -> list[CallerSeen]:
    return [each for each in callers.by if _loses(each)]


def _loses(caller: CallerSeen) -> bool:
    """Whether these are calls by IMDSv1 that the switch may break."""
    return caller.version == "v1" and not caller.probe and not caller.is_harmless


def _key(caller: CallerSeen) -> tuple[object, ...]:
    """Who called, and the kind of thing that was asked for: who looked whether anything answers may ask for credentials later."""
    return caller.identity, caller.path_class
