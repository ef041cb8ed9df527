"""What the parser reads of code that lies on the host's disk, which no program was found to load and nothing to start."""

from __future__ import annotations

import time
from collections.abc import Iterator

from imds_probe.collect.code_tasks import Piece
from imds_probe.collect.disk_tasks import Disk
from imds_probe.collect.program_reading import LEARNT_AT_A_TIME, following_in, learnt_since, left_of, spoken_encodable
from imds_probe.escape import encodable
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Load
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.units import spoken
from imds_probe.inventory.code.wholes import SOUGHT, wholes
from imds_probe.system import rootfs
from imds_probe.system.walk import Budget

ENTRIES_MAX = 150_000
WALK_SHARE = 1 / 3  # of the time: the rest is for reading
FILES_MAX = 8_000  # what is known of them has to find room in the parser, and what is remembered in one message
WHOLE_MAX = 1000  # files of one package


def read_disk(disk: Disk) -> Iterator[Piece]:
    """The code that lies in directories, one whole after the other."""
    reading = disk.reading
    following = following_in(reading)
    following.left = left_of(reading, None)
    ground = following.ground
    now = time.monotonic()
    budget = Budget(now + max(0.0, reading.deadline - now) * WALK_SHARE, ENTRIES_MAX)
    paths = list(_paths(disk, following, budget))
    ground.look_up(paths)
    cut_short = bool(budget.cut_short) or len(paths) >= FILES_MAX
    loaded = frozenset(disk.loaded)
    found = wholes(paths, ground.has)
    # Scripts before programs, which take as long as thousands of them.
    for root in sorted(found, key=lambda root: sum(map(ground.size_bytes, found[root]))):
        if ground.limits.spent:
            cut_short = True
            break
        if root in loaded or following.is_left(Load(f"{root}/", root)):
            continue
        said = spoken(root, {path: ground.visit(path) for path in found[root][:WHOLE_MAX]})
        if said is not None and said.speaks != "mentions":
            yield Piece(spoken=(spoken_encodable(said),))
        if len(ground.learnt) >= LEARNT_AT_A_TIME:
            yield from _handed_on(ground)
    if cut_short:
        yield Piece(left_out=unread.NO_TIME)
    yield from _handed_on(ground)
    yield Piece(searched=reading.bytes - ground.limits.bytes)


def _handed_on(ground: Ground) -> Iterator[Piece]:
    yield from learnt_since(ground, 0)
    ground.forget()


def _paths(disk: Disk, following: Following, budget: Budget) -> Iterator[str]:
    loaded, left = frozenset(disk.loaded), FILES_MAX
    for part in rootfs.walk(following.ground.root, disk.starts, SOUGHT, budget, disk.left_out):
        for path in part.paths:
            # A name that is no text cannot be told of, nor remembered.
            if path not in loaded and not following.own(path) and encodable(path) == path:
                left -= 1
                yield path
            if not left:
                return
