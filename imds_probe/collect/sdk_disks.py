"""Searching disks for SDKs that nothing uses: where applications are mostly put, or everywhere, within one budget."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from imds_probe.collect.own_software import RUNTIME
from imds_probe.collect.sdk_search import Search
from imds_probe.collect.sdk_systems import System
from imds_probe.inventory.code.following.loads import below
from imds_probe.system import pressure, rootfs
from imds_probe.system.mounts import Mount, mounts
from imds_probe.system.walk import Budget

# Where applications are put: the Filesystem Hierarchy Standard, and what images and installers are seen to use.
HOST_STARTS = (
    *("/opt", "/srv", "/app", "/usr/local", "/home", "/root", "/var/www", "/var/lib", "/usr/lib", "/usr/lib64"),
    *("/usr/share", "/usr/bin", "/usr/sbin", "/usr/libexec", "/data"),
)
# Other systems' roots, which are looked at as such where they run.
_STATE = "/var/lib"
STORES = frozenset(
    f"{_STATE}/{name}"
    for name in ("docker", "containerd", "containers", "kubelet", "lxc", "machines", "snapd", "rancher")
)
DISK_TIME_S = 3.0
DISK_ENTRIES = 250_000
DEEP_ENTRIES = 100_000_000
_NOWHERE = ("/proc", "/sys", "/dev", "/run", RUNTIME)  # mounts there are the kernel's, or of what runs


def search_disks(
    searches: Sequence[Search],
    *,
    root: Path,
    proc: Path,
    deep: Collection[str] | None,
    written: Sequence[Path],
    state: Path | None,
    deadline: float,
) -> None:
    """The host's disk, then each image's once, within one budget; what is found is added to what processes use. `deep`,
    `written` and `state` are those of SearchOptions.
    """
    seconds = deadline - time.monotonic()
    allowed_s = seconds if deep is not None else min(DISK_TIME_S, seconds / 3)
    entries = DEEP_ENTRIES if deep is not None else DISK_ENTRIES
    budget = Budget(time.monotonic() + allowed_s, entries, lambda: pressure.need(written))
    searched: set[str] = set()
    for search in searches:
        system = search.system
        if system.image in searched or (system.label is None and not is_host(system, root)):
            continue
        searched.add(system.image)
        if not budget.take(0):
            search.left_out.append(f"the disk was not searched for SDKs: {budget.cut_short}")
            continue
        there = _mounts(system, proc)
        starts: tuple[str, ...] = ("/",) if system.label is not None else HOST_STARTS
        if deep is not None:
            given = tuple(deep) if system.label is None else ()
            starts = ("/", *_local(there), *given)
            search.left_out += _passed_over(there, given)
            search.left_out += _stores(root, given) if system.label is None else ()
        own = {RUNTIME, *(_below(root, state) if system.label is None else ())}
        search.search(starts, budget, {each.point for each in there} | STORES | own, deadline)


def is_host(system: System, root: Path) -> bool:
    """Whether it is the host itself, and not a directory there that processes were chrooted to."""
    return system.label is None and system.root == root


def _below(root: Path, state: Path | None) -> set[str]:
    """Where this run leaves something for the next: it changes each time, and has nothing of anybody else."""
    return {f"/{state.relative_to(root)}"} if state is not None and state.is_relative_to(root) else set()


def _mounts(system: System, proc: Path) -> tuple[Mount, ...]:
    """What is mounted in a system, but for its root."""
    # Process 1 sees the host's mounts, whatever the probe's own unit does.
    eyes: Sequence[int | str] = (1, "self") if system.label is None else system.pids[:1]
    found = next((there for pid in eyes if (there := mounts(proc, pid))), ())
    return tuple(each for each in found if each.point != "/")


def _local(there: Sequence[Mount]) -> tuple[str, ...]:
    """Where file systems of this machine are mounted that may have software of the system's own."""
    points = dict.fromkeys(each.point for each in there if each.is_local)
    return tuple(point for point in points if not below(f"{point}/", (*_NOWHERE, *STORES)))


def _passed_over(there: Sequence[Mount], given: Collection[str]) -> Iterator[str]:
    """The file systems that even a search of everything leaves alone, a sentence each: what is `given` is searched."""
    for point, kind in {each.point: each.kind for each in there if each.is_elsewhere}.items():
        if not below(f"{point}/", (*_NOWHERE, *STORES, *given)):
            yield f"{point} was not searched for SDKs: its files are not on this machine ({kind})"


def _stores(root: Path, given: Collection[str]) -> Iterator[str]:
    """The same of directories that hold other systems. They are listed and not touched: each may lie on a share of its own."""
    there = {f"{_STATE}/{name}" for name in rootfs.names(root, _STATE)}
    for store in sorted(STORES & there):
        if not below(f"{store}/", given):
            yield f"{store} was not searched for SDKs: it has the roots of other systems, which are inspected where they run"
