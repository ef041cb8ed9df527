"""Who could have made a piece of evidence up. Root is trusted, and so is what root lets run as a service of the system. A
container and an unprivileged user are not: each of them shows what it likes of itself. See SECURITY.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.code import CodeSeen, NotRead
from imds_probe.facts.containers import Container, Containers, of_user, short
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.findings import Finding, State
from imds_probe.rules.phrases import container_names

ROOT: tuple[str, ...] = ()
UNKNOWN = "a process that is not known"  # or of which it is not known whose it is


def of_containers(containers: Iterable[Container]) -> tuple[str, ...]:
    """Those who control the containers."""
    return _alone(_of_container(each) for each in containers)


def of_software(entries: Sequence[Software], facts: Facts) -> tuple[str, ...]:
    """Those who control all places that the software was found in; none where root's word stands behind one of them."""
    found: list[str] = []
    for entry in entries:
        if entry.on_host:
            users = entry.sdk.users if isinstance(entry, SdkSoftware) else ()
            if not users or any(user.owner_uid is None for user in users):
                return ROOT
            found += [of_user(user.owner_uid) for user in users if user.owner_uid is not None]
        else:
            known = [each for identity in entry.container_ids if (each := facts[Containers].by_identity(identity))]
            found += [_of_container(each) for each in known] or container_names([entry], facts[Containers])
    return _alone(found)


def of_code(code: Iterable[CodeSeen | NotRead], facts: Facts) -> tuple[str, ...]:
    """Those who could have written all of the code, or chosen what runs there; none where root alone could write some."""
    found: list[str] = []
    for each in code:
        runner = each.runner_uid if isinstance(each, CodeSeen) else None
        if users := [of_user(uid) for uid in (each.owner_uid, runner, each.starter_uid) if uid is not None]:
            found += users
        elif each.on_host or not each.container_ids:
            return ROOT
        else:
            inside = [(facts[Containers].by_identity(identity), identity) for identity in each.container_ids]
            found += [_of_container(known) if known else f"container {short(identity)}" for known, identity in inside]
    return _alone(found)


def of_callers(group: Iterable[CallerSeen], facts: Facts) -> tuple[str, ...]:
    """Those who made the calls; none where a service of the system or a program of root's is among them."""
    found = []
    for caller in group:
        container = facts[Containers].by_identity(caller.container_id)
        if container is not None:
            found.append(_of_container(container))
        elif caller.container is not None:
            found.append(f"container {caller.container}")
        elif caller.uid and (caller.unit is None or caller.unit.startswith(f"{of_user(caller.uid)}: ")):
            found.append(of_user(caller.uid))
        elif caller.uid is None and caller.unit is None:
            found.append(UNKNOWN)
        else:
            return ROOT
    return _alone(found)


def _of_container(container: Container) -> str:
    return of_user(container.owner_uid) if container.owner_uid is not None else f"container {container.title}"


def _alone(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))


def forgers_of(findings: Sequence[Finding], state: State) -> tuple[str, ...]:
    """Those who could have made up all that decides for this state; none where root stands behind some of it."""
    decisive = [finding for finding in findings if finding.implies == state]
    if not all(finding.forgeable_by for finding in decisive):
        return ()
    return tuple(dict.fromkeys(name for finding in decisive for name in finding.forgeable_by))
