"""Which containers are meant by what schedules of the host run in a container that runs: docker exec and its like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from imds_probe.collect.code_search import Search
from imds_probe.collect.code_tasks import Due
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.static_pods import STATIC
from imds_probe.reading.reader import share_of

ANY_MAX = 200  # containers that are looked at for a command of which only running tells in which one it runs
_ID = re.compile(r"[0-9a-f]{4,64}")
_OF_PODS = (
    "pod",
    "pods",
    "po",
    "deploy",
    "deployment",
    "deployments",
    "ds",
    "daemonset",
    "sts",
    "statefulset",
    "rs",
    "replicaset",
    "replicationcontroller",
    "job",
    "cronjob",
    STATIC,
)


def look_ahead(searches: Sequence[Search], deadline: float, most_s: float, user_data: bytes, *, image: bool) -> None:
    """Read what will run in each system. The host comes first: what its schedules run in containers is read with these."""
    for search in searches:
        if search.system.container is None:
            search.look_ahead(share_of(deadline, most_s), user_data, image=image)
    asking = [(search, due) for search in searches for due in search.asked]
    inside = [search for search in searches if search.system.container is not None]
    meant = [_meant(due, inside) for _, due in asking]
    for search in inside:
        of_it = [due for (_, due), where in zip(asking, meant, strict=True) if search in where[:ANY_MAX]]
        search.look_ahead(share_of(deadline, most_s), asked=of_it)
    for (search, due), where in zip(asking, meant, strict=True):
        if len(where) > ANY_MAX:
            search.leave_open(due)
        is_read = _is_elsewhere(due, where) or _is_started_again(due, where)
        if not is_read and not any(_knows(each, due) for each in where):
            search.leave_open(due)
    for search in inside:
        for due in search.asked:  # by what has the engine's socket: whose containers these are is not known
            search.leave_open(due)


def _is_elsewhere(due: Due, where: Sequence[Search]) -> bool:
    """Whether it is a pod's that does not run here: it may be another host's."""
    return due.asked is not None and due.asked.by == "pod" and due.asked.name is not None and not where


def _is_started_again(due: Due, where: Sequence[Search]) -> bool:
    """Whether it is nothing but a start of containers that run, which is read with these."""
    return due.asked is not None and not due.asked.words and due.asked.name is not None and bool(where)


def _knows(search: Search, due: Due) -> bool:
    """Whether it came to something there, if only to what is not known."""
    found = search.found.due
    return any(due.started_by in by for by in (*found.roots.values(), *found.started_by.values())) or any(
        due.started_by in by
        for other in search.elsewhere.values()
        for by in (*other.due.roots.values(), *other.due.started_by.values())
    )


def _meant(due: Due, inside: Iterable[Search]) -> list[Search]:
    """The containers that it may run in: a user's own before those of root, and no other user's."""
    asked = due.asked
    if asked is None:
        return []
    fits = [each for each in inside if each.system.container is not None and is_meant(asked, each.system.container)]
    own = [each for each in fits if each.system.container and each.system.container.owner_uid == due.starter_uid]
    others = [each for each in fits if each.system.container and each.system.container.owner_uid is None]
    return own or others or ([] if due.starter_uid is not None else fits)


def is_meant(asked: InContainer, container: DiscoveredContainer) -> bool:
    """Whether a container is called so; each may be, where only running tells the name."""
    name = asked.name
    if container.sandbox:
        return False
    if name is None:
        return asked.by != "pod" or container.pod is not None
    if asked.by == "pod":
        kind, sign, called = name.partition("/")
        pod = called if sign and kind.partition(".")[0] in _OF_PODS else name
        there = container.pod or ""
        fits = there == pod or (bool(sign) and kind not in _OF_PODS[:3] and there.startswith(f"{pod}-"))
        return fits and asked.inner in ("", container.name)
    if asked.by == "service" and container.service is not None:
        return container.service == name
    names = {container.name, container.called}
    if asked.by == "service":
        return any(_is_of_service(each, name) for each in names if each)
    return name in names or (_ID.fullmatch(name) is not None and container.id.startswith(name))


def _is_of_service(container: str, service: str) -> bool:
    """By the name that Compose gives: project_service_1, or one that is set."""
    if container == service:
        return True
    parts = re.split(r"[-_](?=\d{1,5}$)", container, maxsplit=1)
    before = parts[0] if len(parts) > 1 else ""
    return before.endswith((f"-{service}", f"_{service}"))
