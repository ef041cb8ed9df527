"""Since when this instance requires tokens, as runs saw it: each notes what it saw, beside the history.

Nothing is concluded for the time before the first run that saw it, nor from the clock of a host that somebody may set: a time
goes on by the clock that counts from the boot, over a boot by what the wall clock says, and never backwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.system.alone import alone
from imds_probe.system.small_file import read_head
from imds_probe.system.state_directory import check_directory, check_file
from imds_probe.watch.boots import ThisBoot
from imds_probe.watch.history_format import TIME_MAX
from imds_probe.watch.sealed import replace as replace_file
from imds_probe.watch.sealed import sealed, whole

FILE = "switches.json"
FORMAT = 1
PERIODS_MAX, TEXT_MAX = 20, 64
SIZE_MAX_BYTES = 64 * 1024
# A host is stopped for longer now and then, but a clock that jumps over a boot would make the time as long as it jumps.
STOPPED_MAX_S = 30 * 86400.0
SET_S = 60.0  # a clock that is off by more was set
Tokens = Literal["optional", "required"]


class LaterFormat(ValueError):
    """A later version wrote the record."""


@dataclass(frozen=True)
class Period:
    """A time in which every run saw the same. `first` and `last` are when, in seconds since the epoch, and `lasted_s` is how long
    that was. `boot_id` and `up_s` are the boot of the last run, and how long the host was up by then: `began_up_s` where the time
    began in that boot, else None. Then it had lasted `earlier_s` by the last run of the boot before, at `earlier_last`.
    """

    tokens: Tokens
    first: float
    last: float
    lasted_s: float = 0.0
    boot_id: str = ""
    up_s: float = 0.0
    began_up_s: float | None = None
    earlier_s: float = 0.0
    earlier_last: float = 0.0


@dataclass(frozen=True)
class Record:
    """Of one instance, the oldest period first: an image that was made of another one has that one's record."""

    format: int = FORMAT
    instance_id: str = ""
    periods: tuple[Period, ...] = ()


class Look(NamedTuple):
    """What one run saw, and when: in seconds since the epoch, and in which boot, None where that is not known."""

    instance_id: str
    tokens: Tokens
    now: float
    boot: ThisBoot | None


@dataclass(frozen=True)
class _Version:
    format: int


def noted(record: Record, look: Look) -> Record:
    """The record with one more look."""
    look = look._replace(now=min(max(0.0, look.now), TIME_MAX))  # a clock may say anything
    if not look.instance_id:  # no other instance's record is lost for that
        look = look._replace(instance_id=record.instance_id)
    periods = record.periods if record.instance_id == look.instance_id else ()
    if not periods or periods[-1].tokens != look.tokens:
        return Record(FORMAT, look.instance_id, (*periods, _begun(look))[-PERIODS_MAX:])
    period = _gone_on(periods[-1], look)
    if abs(look.now - period.lasted_s - period.first) > SET_S:
        period = replace(period, first=max(0.0, look.now - period.lasted_s))
    return Record(FORMAT, look.instance_id, (*periods[:-1], period))


def _begun(look: Look) -> Period:
    if look.boot is None:
        return Period(look.tokens, look.now, look.now)
    boot_id, up_s = look.boot
    return Period(look.tokens, look.now, look.now, 0.0, boot_id, up_s, began_up_s=up_s)


def _gone_on(before: Period, look: Look) -> Period:
    """The same time up to this look. What the wall clock says of a boot counts as it says it last: it may have been set right."""
    if look.boot is None or not before.boot_id:
        lasted_s = before.lasted_s + min(max(0.0, look.now - before.last), STOPPED_MAX_S)
        return replace(before, last=look.now, lasted_s=lasted_s, boot_id="", began_up_s=None)
    boot_id, up_s = look.boot
    if boot_id != before.boot_id:
        before = replace(before, began_up_s=None, earlier_s=before.lasted_s, earlier_last=before.last)
    if before.began_up_s is not None:
        lasted_s = up_s - before.began_up_s
    else:  # a host has been up for so long, whatever its clock says
        stopped_s = look.now - before.earlier_last - up_s
        lasted_s = before.earlier_s + up_s + min(max(0.0, stopped_s), STOPPED_MAX_S)
    return replace(before, last=look.now, lasted_s=max(0.0, lasted_s), boot_id=boot_id, up_s=up_s)


def read(directory: Path) -> Record:
    """The record, an empty one where there is none. Raises ProbeError or OSError where the file cannot be read, ValueError where it
    is not what was written, and LaterFormat.
    """
    path = directory / FILE
    check_directory(directory)
    if not check_file(path):
        return Record()
    return decoded(read_head(path, SIZE_MAX_BYTES + 1))


def decoded(content: bytes) -> Record:
    """Raises ValueError for what is not whole or cannot be, LaterFormat for what a later version wrote."""
    if (payload := whole(content, SIZE_MAX_BYTES)) is None:
        raise ValueError("it is not what was written")
    try:
        if (found := msgspec.json.decode(payload, type=_Version).format) > FORMAT:
            raise LaterFormat(f"its format is {found}; this version of imds-probe reads formats up to {FORMAT}")
        record = msgspec.json.decode(payload, type=Record)
    except msgspec.MsgspecError as error:  # no ValueError in every version
        raise ValueError(str(error)) from None
    possible = found == FORMAT and len(record.instance_id) <= TEXT_MAX and _are_possible(record.periods)
    if not possible:
        raise ValueError("it is not possible")
    return record


def _are_possible(periods: Sequence[Period]) -> bool:
    times = [
        time
        for each in periods
        for time in (
            *(each.first, each.last, each.lasted_s, each.up_s, each.began_up_s or 0.0),
            *(each.earlier_s, each.earlier_last),
        )
    ]
    alternate = all(one.tokens != other.tokens for one, other in itertools.pairwise(periods))
    few = len(periods) <= PERIODS_MAX and all(len(each.boot_id) <= TEXT_MAX for each in periods)
    return few and alternate and all(0 <= time <= TIME_MAX for time in times)


def encoded(record: Record) -> bytes:
    """As `decoded` reads it."""
    return sealed(msgspec.json.encode(record))


def note(directory: Path, look: Look) -> tuple[Record, str]:
    """Put a look on record, where there is a state directory: no run makes one, as it would stay behind when the package goes.
    The record with it, and in a clause why that could not be kept; empty where it is. What is damaged is begun anew.
    """
    before, trouble = Record(), ""
    try:
        check_directory(directory)  # also whether it answers
        try:
            before = read(directory)  # what another run holds can be read: it is replaced as a whole
        except LaterFormat:
            raise
        except ValueError as error:
            trouble = f"{directory / FILE} was damaged ({error}), and is begun anew"
        if not look.instance_id:
            return noted(before, look), "the instance did not say its id"
        with alone(directory):
            if not trouble:
                before = read(directory)
            record = noted(before, look)
            replace_file(directory / FILE, encoded(record))
            return record, trouble
    except FileNotFoundError:
        return noted(before, look), f"there is no directory {directory}"
    except (OSError, ProbeError, ValueError) as error:
        said = (
            error.problem if isinstance(error, ProbeError) else error.strerror if isinstance(error, OSError) else None
        )
        return noted(before, look), f"{directory / FILE} cannot be used: {said or error}"
