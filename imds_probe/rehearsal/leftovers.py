"""What a rehearsal left behind whose process was killed: rules that match nothing any more, and a control group."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.net.namespaces import NamespaceError
from imds_probe.net.nfnetlink import Nfnetlink
from imds_probe.rehearsal import group
from imds_probe.rehearsal.rules import remove


@dataclass(frozen=True)
class Leftovers:
    """In words. `running` are the process ids of rehearsals whose things were not touched."""

    removed: tuple[str, ...]
    failed: tuple[str, ...]
    running: tuple[int, ...]


def undo(below: Path | None = None, proc: Path = Path("/proc"), ways: Iterable[Path] = ()) -> Leftovers:
    """Remove what is left of rehearsals whose owner is gone: tables of this network namespace and of those that `ways` lead to, and
    control groups, all of them or those in one group. Raises ProbeError where it is not to be seen what there is.
    """
    removed, failed, running = [], [], set()
    alive: set[str] = set()
    for family, name, netns in [*_tables(None), *(table for way in ways for table in _elsewhere(way))]:
        pid = _owner(proc, name)
        if pid is not None:
            running.add(pid)
            alive.add(name)
            continue
        what = f"table {'ip' if family == 2 else 'ip6'} {name}" + (f" in {netns}" if netns else "")
        try:
            with Nfnetlink(netns) as netlink:
                remove(netlink, family, name)
            removed.append(what)
        except NamespaceError:  # gone, with what was in it
            continue
        except OSError as error:
            # Of a table that is held, the owner lives, where process ids are others.
            alive.add(name)
            failed.append(f"{what}: {'its owner is running' if error.errno == errno.EPERM else error.strerror}")
    for directory in group.left_behind(below, proc):
        pid = _owner(proc, directory.name)
        if pid is not None:
            running.add(pid)
        elif directory.name not in alive:
            (removed if group.removed(directory) else failed).append(f"control group {directory}")
    return Leftovers(tuple(removed), tuple(failed), tuple(sorted(running)))


def _tables(netns: Path | None) -> list[tuple[int, str, Path | None]]:
    try:
        with Nfnetlink(netns) as netlink:
            return [(family, name, netns) for family, name in netlink.tables() if group.NAME.fullmatch(name)]
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise ProbeError("packet rules cannot be listed: no permission", "Run as root (CAP_NET_ADMIN).") from None
        return []  # a kernel without nf_tables


def _elsewhere(netns: Path) -> list[tuple[int, str, Path | None]]:
    """Of another network namespace; nothing where it is gone, or closed to whoever asks: no rehearsal of theirs was in it."""
    try:
        return _tables(netns)
    except ProbeError:
        return []


def _owner(proc: Path, name: str) -> int | None:
    """The process that a name tells of, None where it is gone."""
    match = group.NAME.fullmatch(name)
    if match is None:
        return None
    began = start_ticks(proc, int(match[1]))
    return int(match[1]) if began is not None and began == int(match[2]) else None
