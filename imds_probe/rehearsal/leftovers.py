"""What a rehearsal left behind whose process was killed: rules that match nothing any more, a control group, and classes that it
gave to others.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.net.namespaces import NamespaceError
from imds_probe.net.nfnetlink import Nfnetlink
from imds_probe.rehearsal import classes, group, iptables
from imds_probe.rehearsal.rules import remove


@dataclass(frozen=True)
class Leftovers:
    """In words. `running` are the process ids of rehearsals whose things were not touched."""

    removed: tuple[str, ...]
    failed: tuple[str, ...]
    running: tuple[int, ...]


@dataclass(frozen=True)
class _Rules:
    """Packet rules of the rehearsal of this name. `remove` raises OSError where the kernel refuses, NamespaceError where they are
    gone with their network.
    """

    name: str
    what: str
    remove: Callable[[], None]


def undo(below: Path | None = None, proc: Path = Path("/proc"), ways: Iterable[Path] = ()) -> Leftovers:
    """Remove what is left of rehearsals whose owner is gone: packet rules of this network namespace and of those that `ways` lead
    to, and control groups and classes, all of them or those in one group. Raises ProbeError where nobody may see what there is.
    """
    removed, failed, running = [], [], set()
    alive: set[str] = set()
    for rules in [*_rules(None), *(each for way in ways for each in _elsewhere(way))]:
        pid = _owner(proc, rules.name)
        if pid is not None:
            running.add(pid)
            alive.add(rules.name)
            continue
        try:
            rules.remove()
            removed.append(rules.what)
        except NamespaceError:  # gone, with what was in it
            continue
        except OSError as error:
            # Of a table that is held, the owner lives, where process ids are others.
            alive.add(rules.name)
            failed.append(f"{rules.what}: {'its owner is running' if error.errno == errno.EPERM else error.strerror}")
    for directory in group.left_behind(below, proc):
        pid = _owner(proc, directory.name)
        if pid is not None:
            running.add(pid)
        elif directory.name not in alive:
            (removed if group.removed(directory) else failed).append(f"control group {directory}")
    for directory in classes.left_set(below, proc):
        what = f"class of the control group {directory}"
        try:
            (removed if classes.unset(directory, proc) else failed).append(what)
        except classes.StillHeld as held:
            if held.pid is not None:
                running.add(held.pid)
            else:
                failed.append(f"{what}: its owner is running")
    return Leftovers(tuple(removed), tuple(failed), tuple(sorted(running)))


def _rules(netns: Path | None) -> list[_Rules]:
    where = f" in {netns}" if netns else ""
    found = [
        _Rules(
            name, f"table {'ip' if family == 2 else 'ip6'} {name}{where}", partial(_remove_table, netns, family, name)
        )
        for family, name in _tables(netns)
    ]
    for of, chain in iptables.chains(netns):
        name = iptables.rehearsal_of(chain)
        if name is not None:
            what = f"chain {chain} of {iptables.TOOLS[of]}{where}"
            found.append(_Rules(name, what, partial(iptables.remove, of, chain, netns)))
    return found


def _tables(netns: Path | None) -> list[tuple[int, str]]:
    try:
        with Nfnetlink(netns) as netlink:
            return [(family, name) for family, name in netlink.tables() if group.NAME.fullmatch(name)]
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise ProbeError("packet rules cannot be listed: no permission", "Run as root (CAP_NET_ADMIN).") from None
        return []  # a kernel without nf_tables


def _remove_table(netns: Path | None, family: int, name: str) -> None:
    with Nfnetlink(netns) as netlink:
        remove(netlink, family, name)


def _elsewhere(netns: Path) -> list[_Rules]:
    """Of another network namespace; nothing where it is gone, or closed to whoever asks: no rehearsal of theirs was in it."""
    try:
        return _rules(netns)
    except ProbeError:
        return []


def _owner(proc: Path, name: str) -> int | None:
    """The process that a name tells of, None where it is gone."""
    match = group.NAME.fullmatch(name)
    if match is None:
        return None
    began = start_ticks(proc, int(match[1]))
    return int(match[1]) if began is not None and began == int(match[2]) else None
