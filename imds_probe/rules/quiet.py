"""Containers that ran while a whole window was watched, and called the metadata service in no version."""

from __future__ import annotations

from imds_probe.duration import SECONDS, in_words
from imds_probe.facts.callers import BOOT_S, Callers
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.rules.caller_phrases import watched_part

# What asks once a day has asked by then, and so has what renews credentials, which the service hands out for hours.
LONG_ENOUGH_S = 1.0 * SECONDS["d"]


def never_called(container: Container, facts: Facts) -> str:
    """What shows that a container does without the service, a clause; empty where nothing does.

    The host sees all packets of a network behind its own, so calls of the container would have been seen. There must be none that
    may be its own, nor one of another container of its image.
    """
    callers = _quiet_of(container, facts)
    if callers is None:
        return ""
    age_s = container.age_s
    if age_s is None or not is_old_enough(age_s, callers) or not _was_start_watched(age_s, callers):
        return ""
    return f"it started {in_words(age_s)} ago, and not one call of it was seen in {watched_part(callers)}"


def why_left_open(container: Container, facts: Facts) -> str:
    """Why a whole window without a call of a container does not show that it does without the service, a clause; empty where it
    does, and where there is no such window.
    """
    callers, age_s = _quiet_of(container, facts), container.age_s
    if callers is None or age_s is None:
        return ""
    if not is_old_enough(age_s, callers):
        return f"not one call of it was seen, but it started only {in_words(age_s)} ago"
    if not _was_start_watched(age_s, callers):
        return "not one call of it was seen, but nobody watched its start: restart it under the watch"
    return ""


def _was_start_watched(age_s: float, callers: Callers) -> bool:
    if unwatched_start(age_s, callers):
        return False
    boot = callers.whole_boot
    of_boot = boot is not None and callers.boot_was_silent and boot.age_s - BOOT_S / 2 <= age_s <= boot.age_s
    return age_s < callers.window_s or age_s < callers.silent_s or of_boot


def _quiet_of(container: Container, facts: Facts) -> Callers | None:
    """The evidence, where a whole window was watched and nothing in it may be a call of this container; None elsewhere."""
    callers, run = facts.get(Callers), facts.collector("callers")
    if callers is None or not callers.complete or (run is not None and run.status != "ok"):
        return None
    if callers.unconfirmed or (callers.metric is not None and callers.metric.unseen > 0):
        return None
    if container.calls_seen or not container.image or not _is_behind_host(container) or _may_be_its(container, callers):
        return None
    return callers


def is_old_enough(age_s: float, callers: Callers) -> bool:
    """Whether what has run for so long has asked for what it needs."""
    return age_s >= min(LONG_ENOUGH_S, callers.window_s / 2)


def unwatched_start(oldest_s: float, callers: Callers) -> bool:
    """Whether processes that are so old were started by a boot before somebody watched it, and may have asked then."""
    if not callers.boots:
        return False
    boot = callers.boots[-1]
    return not boot.from_start and boot.age_s - oldest_s < boot.began_s


def _is_behind_host(container: Container) -> bool:
    """Whether its connections pass the host, where they are captured: links and routes show as many routers as were measured."""
    seen = (
        each.confirmed and each.token in ("ok", "lost") and each.distance and each.routers == each.distance
        for each in container.reach
    )
    return container.network == "own" and bool(container.reach) and all(seen)


def _may_be_its(container: Container, callers: Callers) -> bool:
    """Whether calls were seen that may be its own, in its network or by nobody who is known, or those of its like."""
    if None in callers.unplaced or container.netns in callers.unplaced or container.image in callers.images:
        return True
    return any(container.identity == each.container_id or container.image == each.image for each in callers.earlier)
