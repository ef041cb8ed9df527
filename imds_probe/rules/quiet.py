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
    callers, run = facts.get(Callers), facts.collector("callers")
    if callers is None or not callers.complete or (run is not None and run.status != "ok"):
        return ""
    if callers.unconfirmed or (callers.metric is not None and callers.metric.unseen > 0):
        return ""
    if container.calls_seen or not container.image or not _is_behind_host(container) or _may_be_its(container, callers):
        return ""
    age_s = container.age_s
    if age_s is None or not is_old_enough(age_s, callers) or unwatched_start(age_s, callers):
        return ""
    boot = callers.whole_boot
    of_boot = boot is not None and callers.boot_was_silent and boot.age_s - BOOT_S / 2 <= age_s <= boot.age_s
    if age_s >= callers.window_s and age_s >= callers.silent_s and not of_boot:
        return ""
    return f"it started {in_words(age_s)} ago, and not one call of it was seen in {watched_part(callers)}"


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
