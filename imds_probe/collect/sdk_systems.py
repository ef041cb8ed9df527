"""The systems in which SDKs are looked for: the host, containers, and directories that processes were chrooted to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.collect.container_tasks import IDENTITY
from imds_probe.collect.sdk_tasks import ROOTS, Processes, Rooted
from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import Software
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.processes import still_there
from imds_probe.inventory.packages.contents import Identity
from imds_probe.reading.reader import Reader, share_of
from imds_probe.system import rootfs
from imds_probe.system.door import Identity as FileIdentity
from imds_probe.system.own_processes import this_process

LOOK_UP_S = 5.0  # of roots; takes a millisecond


@dataclass
class System:
    """The host, a container, or a directory that a process was chrooted to. `label` and `id` are a container's title and
    identity; `image` is the same for containers of one image.
    """

    root: Path
    pids: Sequence[int]
    label: str | None = None
    id: str | None = None
    image: str = ""
    os: OsRelease | None = None
    container: DiscoveredContainer | None = None

    def __post_init__(self) -> None:
        self.image = self.image or str(self.root)

    @property
    def said(self) -> str:
        """To be put before a sentence about it; empty for the host."""
        return f"{self.label}: " if self.label else ""


def systems(
    root: Path,
    proc: Path,
    pids: Collection[int],
    containers: Sequence[DiscoveredContainer],
    *,
    installed: Sequence[Software],
    images: Mapping[str, Identity],
    reader: Reader,
    deadline: float,
    unseen: list[str],
) -> Iterator[System]:
    """The host first. `images` are those of containers by their identity, as far as they are known. `unseen` is told why
    processes may count as the host's that are not.
    """
    own = _identity(root)
    by_root: dict[object, list[int]] = defaultdict(list)
    # The probe and its own libraries are nobody's concern.
    ours = this_process(proc)
    asked = Processes(str(proc), tuple(pid for pid in pids if pid != ours))
    answer = reader.ask(ROOTS, asked, [proc], share_of(deadline, LOOK_UP_S))
    if answer.failed:
        unseen.append(f"the root directories of processes could not be read: {answer.failed}")
    emptied: dict[object, bool] = {}
    roots: dict[int, FileIdentity | None] = {}
    for each in answer.found:
        if each.root not in emptied:
            emptied[each.root] = each.root != own and _was_left(root, proc, each)
        roots[each.pid] = own if each.outside or emptied[each.root] else each.root
    for pid in asked.pids:
        by_root[roots.get(pid) or own].append(pid)  # whether it ended or hides is found out when it is looked at
    yield System(root, by_root.pop(own, []))
    for others in by_root.values():
        yield System(proc / str(others[0]) / "root", others)
    releases = {container_id: entry.os for entry in installed for container_id in entry.container_ids}
    for container in sorted(containers, key=lambda each: each.owner_uid is not None):  # root's before time runs out
        if container.sandbox:
            continue
        there = still_there(proc, container.pids, container.started)
        if container.pid not in there:
            continue
        inside = proc / str(container.pid) / "root"
        image = images.get(container.identity)
        if image is None:
            image = next(iter(reader.ask(IDENTITY, str(inside), [inside], share_of(deadline, LOOK_UP_S)).found), ())
        yield System(
            inside,
            [pid for pid in there if pid != ours],
            container.title,
            container.identity,
            # Without any database, nothing tells images apart; and a user's may look as he likes.
            repr((container.owner_uid, image or container.identity)),
            releases.get(container.identity),
            container,
        )


def _was_left(root: Path, proc: Path, process: Rooted) -> bool:
    """Whether a process runs a file of this root and has gone since to one of a mount namespace of its own, where there is
    nothing of it: as slirp4netns and pasta do.
    """
    try:
        if not process.program or rootfs.status(proc / str(process.pid) / "root", process.program) is not None:
            return False
        with rootfs.program(proc, process.pid) as file:
            runs = file.status()
        there = rootfs.status(root, process.program)
    except (OSError, rootfs.FileUnreadable):
        return False  # it has ended, or hides
    return there is not None and (there.st_dev, there.st_ino) == (runs.st_dev, runs.st_ino)


def _identity(root: Path) -> FileIdentity | None:
    try:
        found = rootfs.status(root, "/")
    except rootfs.FileUnreadable:
        return None
    return None if found is None else (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)


def is_there(proc: Path, container: DiscoveredContainer | None) -> bool:
    """Whether what was read by a container's process was the container's: its number may have been another's since."""
    return container is None or container.pid in still_there(proc, container.pids, container.started)
