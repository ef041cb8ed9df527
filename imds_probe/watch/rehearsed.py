"""The record of rehearsals, beside the history: what came of each caller, and what that stood on.

It is written by `imds-probe rehearse` and read by every run. If it is damaged, the next rehearsal sets it aside and begins anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.rehearsals import RehearsalOutcome, RehearsedKind
from imds_probe.facts.shapes import Count, HopLimit, Pid, Seconds
from imds_probe.system.alone import alone
from imds_probe.system.small_file import read_head
from imds_probe.system.state_directory import check_directory, check_file
from imds_probe.timestamp import in_a_name
from imds_probe.watch.history_format import TIME_MAX
from imds_probe.watch.sealed import replace as replace_file
from imds_probe.watch.sealed import sealed, whole

FILE = "rehearsals.json"
FORMAT = 1
KEPT_MAX, CALLERS_MAX, TEXT_MAX = 50, 200, 300
PROCESSES_MAX = 64  # of one caller: of more, the others count as processes that did not ask
SIZE_MAX_BYTES = 4 * 1024 * 1024
ASIDE_MAX = 3
REMEDY = "Rehearse again: `imds-probe rehearse` sets a damaged record aside and begins a new one."


class RecordError(ProbeError):
    """The record cannot be read or written."""


class LaterFormat(ValueError):
    """A later version wrote the record."""


@dataclass(frozen=True)
class KeptCaller:
    """As in RehearsedCaller. The stamps are those of its program and script when it asked: see standing.py. `processes` are those
    that asked, by their numbers and when they began, PROCESSES_MAX at most.
    """

    program: str
    outcome: RehearsalOutcome
    comm: str | None = None
    script: str | None = None
    unit: str | None = None
    container: str | None = None
    container_id: str | None = None
    uid: int | None = None
    on_host: bool = False
    refused: Count = 0
    tokens: Count = 0
    served: Count = 0
    known_by: str = ""
    program_stamp: str = ""
    script_stamp: str = ""
    processes: tuple[tuple[Pid, Count], ...] = ()


@dataclass(frozen=True)
class Kept:
    """One rehearsal. `began` is in seconds since the epoch; the rest is as in facts.rehearsals.Rehearsal."""

    kind: RehearsedKind
    target: str
    began: float
    lasted_s: Seconds
    hop_limit: HopLimit
    callers: tuple[KeptCaller, ...]
    lapsed_s: Seconds = 0.0
    restarted: bool = False
    ended_by: str = ""
    unidentified: Count = 0


@dataclass(frozen=True)
class _Record:
    format: int
    rehearsals: tuple[Kept, ...]


@dataclass(frozen=True)
class _Version:
    format: int


def read(directory: Path) -> tuple[Kept, ...]:
    """Those on record, the oldest first. Raises RecordError where it is damaged, another ProbeError or OSError where it is not ours
    alone or cannot be read.
    """
    path = directory / FILE
    check_directory(directory)
    if not check_file(path):
        return ()
    try:
        return decoded(read_head(path, SIZE_MAX_BYTES + 1))
    except LaterFormat as error:
        raise RecordError(
            f"{path} cannot be read: {error}", "Run that version of imds-probe, or a later one."
        ) from None
    except ValueError as error:
        raise RecordError(f"{path} is damaged: {error}", REMEDY) from None


def decoded(content: bytes) -> tuple[Kept, ...]:
    """Raises ValueError for what is not whole or cannot be, LaterFormat for what a later version wrote."""
    if (payload := whole(content, SIZE_MAX_BYTES)) is None:
        raise ValueError("it is not what was written")
    try:
        found = msgspec.json.decode(payload, type=_Version).format
        if found > FORMAT:
            raise LaterFormat(f"its format is {found}; this version of imds-probe reads formats up to {FORMAT}")
        record = msgspec.json.decode(payload, type=_Record)
    except msgspec.MsgspecError as error:  # no ValueError in every version
        raise ValueError(str(error)) from None
    if found != FORMAT or len(record.rehearsals) > KEPT_MAX or not all(map(_is_possible, record.rehearsals)):
        raise ValueError("it is not possible")
    return record.rehearsals


def _is_possible(kept: Kept) -> bool:
    return 0 <= kept.began <= TIME_MAX and kept.lasted_s <= TIME_MAX and _are_few(kept.callers)


def _are_few(callers: Sequence[KeptCaller]) -> bool:
    return len(callers) <= CALLERS_MAX and all(len(each.processes) <= PROCESSES_MAX for each in callers)


def encoded(rehearsals: Sequence[Kept]) -> bytes:
    """As `decoded` reads it."""
    return sealed(msgspec.json.encode(_Record(FORMAT, tuple(rehearsals))))


def add(directory: Path, kept: Kept, say: Callable[[str], None]) -> None:
    """Put one on record. The oldest make room. Raises ProbeError where it cannot be written."""
    try:
        check_directory(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(directory):
            try:
                before = read(directory)
            except RecordError as error:
                say(f"{error.problem}: it is kept as {_set_aside(directory / FILE)}, and a new record is begun")
                before = ()
            replace_file(directory / FILE, _fitting((*before, kept)))
    except OSError as error:
        raise RecordError(
            f"the rehearsal could not be put on record in {directory}: {error.strerror}",
            "Free space on its disk, make it writable, or name another directory with --state-directory.",
        ) from None


def _fitting(rehearsals: Sequence[Kept]) -> bytes:
    kept = list(rehearsals[-KEPT_MAX:])
    while len(content := encoded(kept)) > SIZE_MAX_BYTES:
        del kept[0]
    return content


def _set_aside(path: Path) -> Path:
    name = f"{path.name}.damaged-{in_a_name(time.time())}"
    names = (path.with_name(f"{name}.{number}" if number else name) for number in range(100))
    aside = next(each for each in names if not os.path.lexists(each))
    path.rename(aside)
    older = sorted(path.parent.glob(f"{path.name}.damaged-*"), key=lambda each: each.lstat().st_ctime_ns)
    for each in older[:-ASIDE_MAX]:
        each.unlink(missing_ok=True)
    return aside
