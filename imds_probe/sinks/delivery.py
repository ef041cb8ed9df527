"""Handing one report to the sinks. Nothing here changes the verdict, and nothing is lost while the spool can be written."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from imds_probe.config import Settings
from imds_probe.errors import ProbeError
from imds_probe.sinks import declared
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig
from imds_probe.sinks.sink import Report, Sink, SinkError
from imds_probe.sinks.spool import DOUBT, REFUSED, WAITING, Spool, SpoolError
from imds_probe.system.bug import TellBug, untold
from imds_probe.system.state_directory import SPOOL


def make_sinks(
    names: Sequence[str], settings: Settings, environ: Mapping[str, str], bug: TellBug = untold
) -> list[Sink]:
    """The sinks of these names; only what they need is imported. `bug` is told of those that cannot be made by a bug."""
    made = []
    for name in dict.fromkeys(names):
        try:
            made.append(declared(name).make(settings, environ))
        except ProbeError:
            raise
        except Exception as error:  # noqa: BLE001 - the other sinks get the report
            bug(f"the sink {name}", error)
    return made


def deliver(
    report: Report,
    sinks: Sequence[Sink],
    settings: Settings,
    state: Path,
    say: Callable[[str], None],
    *,
    bug: TellBug = untold,
) -> None:
    """Send a report, and what waits from before, the oldest first, until the time limit of DeliveryConfig is over. Each sink
    gets its share of that time. `say` gets a line about each trouble, `bug` is told of errors that nobody expected.
    """
    end = time.monotonic() + settings.of(DeliveryConfig).time_limit_s
    for index, sink in enumerate(sinks):
        now = time.monotonic()
        deadline = now + max(0.0, end - now) / (len(sinks) - index)
        about = functools.partial(_about, sink.name, say)
        try:
            if sink.keeps_each:
                _by_spool(report, sink, Place(state, sink.name, settings.of(SpoolConfig)), deadline, about)
            else:
                _at_once(report, sink, deadline, about, "the next run tries again")
        except Exception as error:  # noqa: BLE001 - the other sinks get the report
            bug(f"the sink {sink.name}", error)


class Place(NamedTuple):
    """Where a sink's spool is, below the state directory, and its bounds."""

    state: Path
    name: str
    bounds: SpoolConfig

    def open(self) -> Spool:
        """Raises SpoolError."""
        spools = self.state / SPOOL
        return Spool(spools / self.name, self.bounds, (self.state, spools))


def _about(name: str, say: Callable[[str], None], what: str) -> None:
    say(f"{name}: {what}")


def _at_once(report: Report, sink: Sink, deadline: float, say: Callable[[str], None], otherwise: str) -> None:
    try:
        _send(report, sink, deadline)
    except SinkError as error:
        say(error.followed_by(otherwise))


def _send(report: Report, sink: Sink, deadline: float) -> None:
    try:
        sink.send(report, deadline)
    except OSError as error:  # of which the sink itself had nothing to say
        raise SinkError(f"{error.strerror or error}: {error.filename or sink.name}") from None


def _by_spool(report: Report, sink: Sink, place: Place, deadline: float, say: Callable[[str], None]) -> None:
    """First to the spool, then from there: what is killed on the way is not lost, and all arrive in their order."""
    spool = None
    try:
        spool = place.open()
        spool.put(report)
    except SpoolError as error:
        say(error.followed_by("this report is sent without the spool"))
        _at_once(report, sink, deadline, say, "this sink does not get this report")
    if spool is None:
        return
    # From here on the report is in the spool, or was sent: what fails now must not send it again.
    try:
        if dropped := spool.bound():
            bounds = f"{place.bounds.reports} or {place.bounds.size_bytes} bytes"
            say(f"{_reports(dropped)} dropped: more than {bounds} waited")
    except SpoolError as error:
        say(f"{error}")
    try:
        with spool.sending(WAITING if sink.repeatable else DOUBT) as held:
            if held:
                _drain(spool, sink, deadline, say)
    except SpoolError as error:
        say(f"{error}")


def _drain(spool: Spool, sink: Sink, deadline: float, say: Callable[[str], None]) -> None:
    too_old = 0
    in_part: tuple[Path, SinkError] | None = None  # of several, the newest: it stands for the others
    for file in spool.waiting():
        if time.monotonic() >= deadline:
            say(f"the time limit came first; {_reports(spool.count(WAITING))} left for the next run")
            break
        taken = spool.take(file)
        if taken is None:
            continue
        held, report = taken
        try:
            _send(report, sink, deadline)
        except SinkError as error:
            if error.outcome == "too-old":
                too_old += 1
                spool.done(held)
                continue
            if error.outcome == "in-part":
                _superseded(spool, in_part)
                in_part = held, error
                continue
            if error.outcome == "refused":
                spool.give_back(held, REFUSED)
                say(error.followed_by(f"the report is kept as {held.with_suffix(REFUSED)}"))
                continue
            in_doubt = error.outcome == "in-doubt" and not sink.repeatable
            spool.give_back(held, DOUBT if in_doubt else WAITING)
            waits = f"{_reports(spool.count(WAITING))} waiting in {spool.directory}"
            doubt = f"it may have arrived, so it is kept as {held.with_suffix(DOUBT)}; " if in_doubt else ""
            say(error.followed_by(f"{doubt}{waits}"))
            break
        else:
            spool.done(held)
            _superseded(spool, in_part)
            in_part = None
    if in_part is not None:
        spool.give_back(in_part[0], WAITING)
        say(in_part[1].followed_by(f"{_reports(spool.count(WAITING))} waiting in {spool.directory}"))
    for why, count in spool.left.items():
        say(f"{_reports(count)} {why}: left in {spool.directory}")
    if too_old:
        say(f"{_reports(too_old)} dropped: older than this sink accepts")


def _superseded(spool: Spool, in_part: tuple[Path, SinkError] | None) -> None:
    """Of what a newer report replaces, nothing has to arrive any more."""
    if in_part is not None:
        spool.done(in_part[0])


def _reports(count: int) -> str:
    return f"{count} report{'' if count == 1 else 's'}"
