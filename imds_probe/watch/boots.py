"""How much of each boot was watched. A boot starts what nothing starts later, so its part counts by itself.

The file lies beside the history, and outlives what the history forgets. If it is damaged, no earlier boot counts as watched.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.callers import BOOT_S, BootWatched
from imds_probe.inventory.containers.processes import TICKS_A_SECOND, start_ticks
from imds_probe.system.small_file import read_head
from imds_probe.system.state_directory import check_directory, check_file
from imds_probe.timestamp import rfc3339
from imds_probe.watch.history_format import HOUR_S, TIME_MAX
from imds_probe.watch.sealed import replace as replace_file
from imds_probe.watch.sealed import sealed, whole

FILE = "boots.json"
BOOTS_MAX, SHOWN_MAX = 100, 20
SETTLED_BEFORE_S = 2 * 86_400.0  # before its calls are forgotten: a daemon that stands still for a day misses nothing
SIZE_MAX_BYTES = 64 * 1024
WRITTEN_WITHIN_S = 20.0  # of what is watched without an event
GAP_S = 1.0  # between two parts that follow on there may be a moment
_BOOT_ID = re.compile(r"[0-9a-f-]{1,40}")
_COUNTERS = re.compile(r"([A-Za-z0-9]{1,20}): (.*)")


class ThisBoot(NamedTuple):
    """The boot that we are in: the kernel's name of it, and for how many seconds there has been a first process."""

    boot_id: str
    up_s: float


@dataclass(frozen=True)
class Boot:
    """One boot as it is kept. Times are in seconds: `booted` since the epoch, by the clock as it was; the rest as in
    BootWatched. `only_then` is how many of the calls were of callers who did not go on calling: noted before the history forgets
    the calls, None before that.
    """

    boot_id: str
    booted: float
    began_s: float
    from_start: bool
    watched_s: float = 0.0
    imdsv1: int = 0
    only_then: int | None = None


def first_hours(booted: float) -> range:
    """The hours of the epoch that the beginning of a boot falls into, as the history counts."""
    return range(int(booted // HOUR_S), int((booted + BOOT_S) // HOUR_S) + 1)


def this_boot(proc: Path = Path("/proc")) -> ThisBoot | None:
    """None where /proc does not say."""
    try:
        boot_id = read_head(proc / "sys/kernel/random/boot_id", 64).decode("ascii", "replace").strip()
    except OSError:
        return None
    # In a system container, the first process began later than the kernel.
    began = start_ticks(proc, 1) or 0
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME) - began / TICKS_A_SECOND
    return ThisBoot(boot_id, max(0.0, up_s)) if _BOOT_ID.fullmatch(boot_id) else None


def nothing_was_connected(proc: Path = Path("/proc")) -> bool:
    """Whether nobody on this host has opened a TCP connection since it was booted, and nothing was forwarded for anybody, by
    the kernel's own counters: ActiveOpens and forwarded packets of the first process's network namespace.
    """
    try:
        if (proc / "thread-self/ns/net").stat().st_ino != (proc / "1/ns/net").stat().st_ino:
            return False  # the counters of a container say nothing of the host
        counters = _counters(read_head(proc / "thread-self/net/snmp", 16384).decode("ascii", "replace"))
    except OSError:
        return False
    later = "0"
    with contextlib.suppress(OSError):  # without IPv6 there is none
        lines = read_head(proc / "thread-self/net/snmp6", 16384).decode("ascii", "replace").splitlines()
        later = next((line.split()[-1] for line in lines if line.startswith("Ip6OutForwDatagrams")), "0")
    return (counters.get("Tcp ActiveOpens"), counters.get("Ip ForwDatagrams"), later) == ("0", "0", "0")


def _counters(text: str) -> dict[str, str]:
    """By kind and name. Each kind has a line of names and a line of numbers: proc_pid_net(5)."""
    found: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not (match := _COUNTERS.fullmatch(line)):
            continue
        kind, words = match[1], match[2].split()
        if kind in names:
            found |= {f"{kind} {name}": value for name, value in zip(names[kind], words, strict=False)}
        else:
            names[kind] = words
    return found


def read(directory: Path) -> tuple[Boot, ...]:
    """The boots that are on record, the oldest first. Raises ProbeError or OSError where the file cannot be read, and
    ValueError where it is not what was written.
    """
    path = directory / FILE
    check_directory(directory)
    if not check_file(path):
        return ()
    return decoded(read_head(path, SIZE_MAX_BYTES + 1))


def decoded(content: bytes) -> tuple[Boot, ...]:
    """Raises ValueError for what is not whole or cannot be."""
    if (payload := whole(content, SIZE_MAX_BYTES)) is None:
        raise ValueError("not what was written")
    try:
        boots = msgspec.json.decode(payload, type=tuple[Boot, ...])
    except msgspec.MsgspecError as error:  # no ValueError in every version
        raise ValueError(str(error)) from None
    if len(boots) > BOOTS_MAX or not all(map(_is_possible, boots)):
        raise ValueError("not possible")
    return boots


def _is_possible(boot: Boot) -> bool:
    times = 0 <= boot.booted <= TIME_MAX and 0 <= boot.began_s <= TIME_MAX and 0 <= boot.watched_s <= BOOT_S
    counts = boot.imdsv1 >= 0 and (boot.only_then is None or boot.only_then >= 0)
    return times and counts and _BOOT_ID.fullmatch(boot.boot_id) is not None


def encoded(boots: Sequence[Boot]) -> bytes:
    """As `decoded` reads it."""
    return sealed(msgspec.json.encode(boots))


def as_facts(boots: Iterable[Boot], now: float, current: ThisBoot | None, lost_at: float | None) -> list[BootWatched]:
    """Each boot on record and the present one, the oldest first. `lost_at` says when the history was lost last, and with it
    the calls of all boots before: these were not watched, whatever is on record.
    """
    found = []
    for boot in boots:
        is_current = current is not None and current.boot_id == boot.boot_id
        age_s = current.up_s if current is not None and is_current else max(0.0, now - boot.booted)
        kept = lost_at is None or boot.booted > lost_at
        found.append(
            BootWatched(
                boot_id=boot.boot_id,
                booted=rfc3339(boot.booted),
                age_s=round(age_s, 3),
                began_s=round(boot.began_s, 3),
                from_start=boot.from_start and kept,
                watched_s=round(boot.watched_s, 3) if kept else 0.0,
                imdsv1=boot.imdsv1,
            )
        )
    if current is not None and current.boot_id not in {boot.boot_id for boot in boots}:
        up_s = round(current.up_s, 3)
        found.append(BootWatched(current.boot_id, rfc3339(now - current.up_s), up_s, up_s, from_start=False))
    return found[-SHOWN_MAX:]


class BootWatch:
    """Keeps on record how the present boot is watched, from `began` on (of time.monotonic). `from_start`: nobody can have
    called before that. Raises nothing: what cannot be written now is written later, and until then that boot is not watched.
    """

    def __init__(
        self,
        directory: Path,
        say: Callable[[str], None],
        current: ThisBoot | None,
        *,
        from_start: bool,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory, self._say, self._clock, self._steady = directory, say, clock, steady
        self._from_start, self._current = from_start, current
        self._ahead = current.up_s - steady() if current else 0.0
        self._others: tuple[Boot, ...] = ()
        self._boot: Boot | None = None
        self._written: Boot | None = None
        self._unbroken = True
        try:
            self._others = read(directory)
        except (ProbeError, OSError, ValueError) as error:
            say(f"{directory / FILE} cannot be read ({error}): no earlier boot counts as watched")
        for each in self._others:
            if current is not None and each.boot_id == current.boot_id:
                self._boot = self._written = each
                self._unbroken = False  # another daemon began it: there is a gap between that one and us
        self._others = tuple(each for each in self._others if each is not self._boot)

    def kept(self, began: float, ended: float, *, lost: bool, imdsv1: int) -> None:
        """The history has all from `began` to `ended` (of time.monotonic), but for what was `lost`; in it so many calls by
        IMDSv1 that were not the probe's.
        """
        if self._current is None:
            return
        from_s, until_s = max(0.0, began + self._ahead), ended + self._ahead
        if self._boot is None:
            booted = max(0.0, self._clock() - (self._steady() + self._ahead))
            self._boot = Boot(self._current.boot_id, booted, from_s, self._from_start)
        elif from_s >= BOOT_S:
            self._write_where_due()
            return
        boot = self._boot
        self._unbroken = self._unbroken and not lost and from_s <= boot.began_s + boot.watched_s + GAP_S
        if self._unbroken:
            boot = replace(boot, watched_s=max(boot.watched_s, min(until_s, BOOT_S) - boot.began_s))
        self._boot = replace(boot, imdsv1=boot.imdsv1 + (imdsv1 if from_s < BOOT_S else 0))
        self._write_where_due(at_end=until_s >= BOOT_S)

    def settle(self, at_boot: Callable[[range], tuple[int, int]], forgotten_before: float) -> None:
        """Note of each boot whose calls are soon to be forgotten how many were of callers who did not go on calling. `at_boot` is
        History.at_boot, and may raise HistoryError; `forgotten_before` is in seconds since the epoch.
        """

        def settled(boot: Boot) -> Boot:
            hours = first_hours(boot.booted)
            if not boot.imdsv1 or not 0 <= hours.start * HOUR_S - forgotten_before <= SETTLED_BEFORE_S:
                return boot
            in_all, only = at_boot(hours)
            return replace(boot, only_then=only) if in_all >= boot.imdsv1 else boot

        others = tuple(map(settled, self._others))
        boot = settled(self._boot) if self._boot else None
        if (others, boot) != (self._others, self._boot):
            self._others, self._boot, self._written = others, boot, None
            self.end()

    def end(self) -> None:
        """Write what is not written yet."""
        self._write_where_due(at_end=True)

    def _write_where_due(self, *, at_end: bool = False) -> None:
        boot, before = self._boot, self._written
        if boot is None or boot == before:
            return
        more_s = boot.watched_s - before.watched_s if before else 0.0
        if not at_end and before and before.imdsv1 == boot.imdsv1 and more_s < WRITTEN_WITHIN_S:
            return
        with contextlib.suppress(OSError, ProbeError):  # of a disk that takes nothing, the recorder tells
            check_directory(self._directory)
            replace_file(self._directory / FILE, encoded((*self._others, boot)[-BOOTS_MAX:]))
            self._written = boot
