"""Asking the parser for the SDKs of one system: what costs it too much, or does not answer, is passed over, and all else is kept.

What a stranger prepared costs his own processes their turn: of those who share a system, others come first from then on.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.collect.own_software import OwnPackage
from imds_probe.collect.sdk_systems import System
from imds_probe.collect.sdk_tasks import IN_USE, ON_DISK, Disk, Lying, Processes, Used, User, Using
from imds_probe.dataclass import dataclass
from imds_probe.facts.sdk_settings import SdkSettings
from imds_probe.inventory.containers.cgroups import membership_of
from imds_probe.inventory.containers.group_owners import OwnerOf
from imds_probe.inventory.containers.processes import Place, age_s, place_of
from imds_probe.inventory.sdks.known_files import Kept
from imds_probe.inventory.sdks.recogniser import Located, Use
from imds_probe.reading.reader import OUT_OF_TIME, TOO_MUCH, Reader
from imds_probe.system.confined import given_up
from imds_probe.system.small_file import control_groups
from imds_probe.system.walk import TIME_OVER, TOO_MANY_FILES, Budget, in_part

ATTEMPTS_MAX = 50  # each passes one file or process over that those before ended at
SEARCHES_MAX = 5  # of one disk, which begin anew
STUCK_S = 5.0  # at one file; a program of half a gigabyte takes a tenth of it
STUCK_SHARE = 4  # and no more than this part of the time that there is
NOTES_MAX = 20  # sentences of one system
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Seen:
    """What a process is called, what it sets that steers SDKs, and for how many seconds it has run: None where that
    is hidden, or not known. `place` as of place_of.
    """

    user: User | None
    settings: SdkSettings | None
    age_s: float | None = None
    place: Place | None = None


@dataclass
class Search:
    """One system, and what was found there so far. `left` are the processes still to be looked at, `hidden` counts those that
    may not be; `unseen` says why they may use more than was found. `kept`, `before_ns` and `learnt`, of its disk, as of
    KnownFiles; `walked` is what an earlier walk over it has left for this one, `walks` what this one leaves.
    """

    system: System
    proc: Path
    names: Names
    reader: Reader
    owner_of: OwnerOf
    own: OwnPackage | None = None
    left: list[int] = field(default_factory=list)
    seen: dict[int, Seen] = field(default_factory=dict)
    hidden: int = 0
    unseen: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    before_ns: int | None = None
    learnt: dict[str, Kept] = field(default_factory=dict)
    walked: tuple[bytes, ...] = ()
    walks: list[bytes] = field(default_factory=list)
    _used: dict[Located, set[int]] = field(default_factory=dict)
    _using: set[int] = field(default_factory=set)
    _strikes: Counter[int] = field(default_factory=Counter)  # by user

    def __post_init__(self) -> None:
        self.left = list(self.system.pids)

    @property
    def uses(self) -> list[Use]:
        """What is used, and what lies on disk, in the order of paths."""
        ordered = sorted(self._used.items(), key=lambda item: (not item[1], item[0].path, str(item[0].found)))
        return [Use(located, tuple(sorted(pids))) for located, pids in ordered]

    def look(self, deadline: float, *, patient: bool = True) -> None:
        """Look at the processes until `deadline`. Who is not `patient` gives nothing up for taking long."""
        for _ in range(ATTEMPTS_MAX):
            now = time.monotonic()
            if not self.left or now > deadline:
                return
            stuck_s = min(STUCK_S, (deadline - now) / STUCK_SHARE) if patient else math.inf
            processes = Processes(str(self.proc), tuple(self.left))
            using = Using(str(self.system.root), processes, self.names, self.system.image, self.own)
            roots = [self.system.root, self.proc]
            answer = self.reader.ask(IN_USE, using, roots, deadline, seen=self._take, stuck_s=stuck_s)
            if not answer.failed or not self.left or (answer.failed == OUT_OF_TIME and time.monotonic() > deadline):
                return
            if answer.failed == TOO_MUCH:
                _note(self.unseen, answer.failed)
                return
            self._put_last(self.left[0])
            if not answer.given_up:
                self._leave_out(self.left.pop(), f"was not inspected: {answer.failed}")

    def search(self, starts: Sequence[str], budget: Budget, left_out: Collection[str], deadline: float) -> None:
        """Search the disk below these directories, but not what is left out, until `deadline` at the latest. Of `budget`,
        which other disks share, it takes no more than it needs.
        """
        own = ""  # why only this disk was searched in part
        for _ in range(SEARCHES_MAX):
            stuck_s = min(STUCK_S, max(1.0, (budget.deadline - time.monotonic()) / STUCK_SHARE))
            disk = Disk(
                str(self.system.root),
                tuple(starts),
                tuple(sorted(left_out)),
                self.names,
                self.system.image,
                budget.left,
                budget.deadline,
                {**self.kept, **self.learnt},
                self.before_ns,
                self.walked,
            )
            self.walks.clear()

            def take(lying: Lying) -> str:
                nonlocal own
                self._lies(lying)
                if lying.cut_short in (TIME_OVER, TOO_MANY_FILES):
                    budget.cut_short = budget.cut_short or lying.cut_short
                else:
                    own = own or lying.cut_short
                return "" if budget.take(lying.entries) else budget.cut_short

            roots, end = [self.system.root], min(deadline, budget.deadline + STUCK_S)
            answer = self.reader.ask(ON_DISK, disk, roots, end, seen=take, stuck_s=stuck_s, modest=True)
            if answer.given_up and not budget.take(0):
                _note(self.left_out, given_up(answer.given_up))  # no other search passes it over and says so
            if not answer.failed or not budget.take(0):
                break
            if not answer.given_up:
                own = own or answer.failed
                break
        if why := budget.cut_short or own:
            _note(self.left_out, in_part(why))

    def _take(self, used: Used) -> str:
        for sentence in used.troubles:
            _note(self.troubles, sentence)
        for sentence in used.unseen:
            _note(self.unseen, sentence)
        if used.located is not None:
            self._used.setdefault(used.located, set()).add(used.pid)
            self._using.add(used.pid)
        if used.done and used.pid in self.left:
            self.left.remove(used.pid)
            if used.hidden:
                self._leave_out(used.pid, "could not be inspected", alike=True)
            if used.unanswered:
                self._leave_out(used.pid, "does not answer")
            if used.pid in self._using:
                age, place = age_s(self.proc, used.pid), place_of(self.proc, used.pid)
                self.seen[used.pid] = Seen(used.user, used.settings, age, place)
            else:
                self.seen[used.pid] = Seen(used.user, used.settings)
        return ""

    def _leave_out(self, pid: int, why: str, *, alike: bool = False) -> None:
        """Say that a process was not inspected; of those that are `alike` only how many. What a user's own cannot be asked for
        holds no switch up: he can hide all that he runs.
        """
        if self.is_users(pid):
            _note(self.troubles, f"process {pid}, which a user runs, {why}")
        elif alike:
            self.hidden += 1
        else:
            _note(self.unseen, f"process {pid} {why}")

    def is_users(self, pid: int) -> bool:
        """Whether a process runs on an unprivileged user's own account, and in no container of root's."""
        found = membership_of(control_groups(self.proc, pid), self.owner_of)
        return found.owner_uid is not None

    def late(self) -> tuple[int, int]:
        """How many processes were not inspected that root runs, or a service, or a container; and how many that users run."""
        of_users = sum(self.is_users(pid) for pid in self.left)
        return len(self.left) - of_users, of_users

    def _lies(self, lying: Lying) -> None:
        for located in lying.located:
            self._used.setdefault(located, set())
        for sentence in lying.troubles:
            _note(self.troubles, sentence)
        for sentence in lying.unseen:
            _note(self.left_out, sentence)
        self.learnt.update(lying.learnt)
        self.walks += lying.walked

    def _put_last(self, pid: int) -> None:
        """Whoever's process it is has spent his turn."""
        owners = {each: _owner(self.proc, each) for each in self.left}
        self._strikes[owners[pid]] += 1
        self.left.sort(key=lambda each: (each == pid, self._strikes[owners[each]]))


def _note(notes: list[str], sentence: str) -> None:
    if len(notes) < NOTES_MAX and sentence not in notes:
        notes.append(sentence)


def _owner(proc: Path, pid: int) -> int:
    """Whose process it is, -1 where it has ended. What is in /proc itself is the kernel's: it answers."""
    try:
        return os.stat(proc / str(pid)).st_uid
    except OSError:
        return -1
