"""What a system's schedules were found to come to, and what that stood on: for as long as all of that is the same, nothing is
followed anew.

Commands and variables can be secrets: of them a digest alone is kept.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Sequence

from imds_probe.collect.code_tasks import Due
from imds_probe.collect.schedules_kept import DueKept, EntryKept, Listed, SchedulesKept, SourceKept
from imds_probe.escape import encodable
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.schedules.keys import key_of
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.system.unchanged import Identity, identity_of, is_of_root, is_settled

PATHS_MAX, OF_ONE_MAX = 12_000, 2000  # together they have to find room in one message with all else that is remembered
ENTRIES_MAX, INDEXES_MAX, TEXT_MAX = 4000, 200_000, 1024 * 1024
UNKNOWN: Identity = (-1, -1, -1, -1, -1)  # that of no file
TOGETHER = 32  # schedules whose paths are looked up at once


def listed(scheduled: Scheduled) -> Listed:
    """What is kept of one."""
    return Listed(
        key_of(scheduled),
        scheduled.place.path,
        scheduled.kind,
        scheduled.how_often,
        scheduled.every_s,
        scheduled.owner_uid,
        scheduled.user,
    )


class ScheduleMemory:
    """That of one system: `kept` by an earlier run, and what this one learns. Nothing is, where `ground` remembers nothing."""

    def __init__(self, kept: SchedulesKept | None, ground: Ground) -> None:
        self._ground = ground
        self._kept = kept or SchedulesKept()
        self._stale = self._changed() if kept is not None else frozenset[int]()
        self._numbers: dict[str, int] = {}
        self._said: list[Identity | None] = []
        self._kept_sources: list[str] = []
        self._kept_entries: dict[str, None] = {}
        self._sources: dict[str, SourceKept] = {}
        self._entries: dict[str, EntryKept] = {}
        self._indexes = self._text = 0
        self._pending: dict[str, tuple[Sequence[str], Sequence[DueKept]]] = {}
        self._is_new = False

    def source(self, what: str) -> SourceKept | None:
        """All schedules of a kind, where they are as they were and so is whatever they start."""
        known = self._kept.sources.get(what)
        if known is None or not self._stale.isdisjoint(known.by):
            return None
        return known if all(self.has(each.key) for each in known.listed) else None

    def entry(self, key: str) -> Sequence[Due] | None:
        """What one of them comes to."""
        known = self._kept.entries.get(key)
        if known is None or not self._stale.isdisjoint(known.by):
            return None
        return [each.due() for each in known.dues]

    def has(self, key: str) -> bool:
        """Whether that is known."""
        known = self._kept.entries.get(key)
        return known is not None and self._stale.isdisjoint(known.by)

    def keep(self, source: str, keys: Iterable[str]) -> None:
        """All schedules of a kind still are what they were."""
        self._kept_sources.append(source)
        self._kept_entries.update(dict.fromkeys(keys))

    def keep_entry(self, key: str) -> None:
        """One schedule is."""
        self._kept_entries[key] = None

    def learn_source(self, what: str, found: Sequence[Listed], troubles: Sequence[str], paths: Collection[str]) -> None:
        """A later run may have these."""
        self._is_new = True
        by = self._numbered(sorted(paths))
        if by is not None:
            self._sources[what] = SourceKept(by, tuple(found), tuple(troubles))

    def learn_entry(self, key: str, dues: Sequence[Due], paths: Collection[str]) -> None:
        """The same of one schedule."""
        self._is_new = True
        self._pending[key] = sorted(paths), tuple(map(DueKept.of, dues))
        if len(self._pending) >= TOGETHER:
            self._add_pending()

    def learnt(self) -> SchedulesKept | None:
        """All that a later run may have; None where that is what there was before."""
        if self._ground.before_ns is None or not (self._is_new or self._stale):
            return None
        self._add_pending()
        for what in self._kept_sources:
            source = self._kept.sources[what]
            if (by := self._numbered(self._paths(source.by))) is not None:
                self._sources[what] = SourceKept(by, source.listed, source.troubles)
        for key in self._kept_entries:
            self._add_entry(key, self._paths(self._kept.entries[key].by), self._kept.entries[key].dues)
        return SchedulesKept(tuple(self._numbers), tuple(self._said), self._sources, self._entries)

    def _add_pending(self) -> None:
        """Several at once, as one message asks for many statuses. What has changed since it was read is not settled."""
        self._ground.look_up([path for paths, _ in self._pending.values() for path in paths])
        for key, (paths, dues) in self._pending.items():
            self._add_entry(key, paths, dues)
        self._pending.clear()

    def _paths(self, numbers: Iterable[int]) -> list[str]:
        return [self._kept.paths[number] for number in numbers]

    def _add_entry(self, key: str, paths: Sequence[str], dues: Sequence[DueKept]) -> None:
        if key in self._entries or len(self._entries) >= ENTRIES_MAX:
            return
        if (by := self._numbered(paths)) is not None:
            self._entries[key] = EntryKept(by, dues)

    def _numbered(self, paths: Sequence[str]) -> tuple[int, ...] | None:
        """These paths by their numbers; None where one of them may change without a trace, or they are too many."""
        if self._ground.before_ns is None or len(paths) > OF_ONE_MAX or self._indexes + len(paths) > INDEXES_MAX:
            return None
        new = [path for path in paths if path not in self._numbers]
        said = dict(zip(new, self._identities(new), strict=True))
        if any(path != encodable(path) for path in said):
            return None
        room = len(self._numbers) + len(said) <= PATHS_MAX and self._text + sum(map(len, said)) <= TEXT_MAX
        if not room or UNKNOWN in said.values():
            return None
        for path, identity in said.items():
            self._numbers[path] = len(self._numbers)
            self._said.append(identity)
            self._text += len(path)
        self._indexes += len(paths)
        return tuple(self._numbers[path] for path in paths)

    def _changed(self) -> frozenset[int]:
        now = self._identities(self._kept.paths)
        return frozenset(
            number for number, (was, is_) in enumerate(zip(self._kept.identities, now, strict=True)) if was != is_
        )

    def _identities(self, paths: Sequence[str]) -> list[Identity | None]:
        """By what these are known again, None for nothing; UNKNOWN for what others can write, or what was just changed: see
        Ground.digest.
        """
        before_ns = self._ground.before_ns
        found: list[Identity | None] = []
        for status in self._ground.statuses(paths):
            if status is None:
                found.append(None)
            elif (
                before_ns is not None
                and (stat.S_ISDIR(status.st_mode) or is_of_root(status))
                and is_settled(status, before_ns)
            ):
                found.append(identity_of(status))
            else:
                found.append(UNKNOWN)
        return found
