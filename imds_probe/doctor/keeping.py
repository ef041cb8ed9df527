"""What is kept between runs, and what a run is told: configuration, state directory, history, reports that wait."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from imds_probe.collect import callers
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.needs import Need
from imds_probe.config import DEFAULT, Config
from imds_probe.config.acceptances import AcceptConfig
from imds_probe.doctor.check import Host, Result
from imds_probe.duration import in_words
from imds_probe.errors import ProbeError
from imds_probe.rehearsal.held import is_host_rehearsed
from imds_probe.rehearsal.lock_holders import holders
from imds_probe.report_document import Stored
from imds_probe.rules import RULES
from imds_probe.rules.acceptance import unusable
from imds_probe.sinks import SINKS
from imds_probe.sinks.settings import DeliveryConfig
from imds_probe.sinks.spool import DOUBT, REFUSED, SENDING, WAITING
from imds_probe.system import rootfs
from imds_probe.system.state_directory import LOCK, SPOOL, UNIT, answers, check_directory
from imds_probe.system.switch_off import FILE as SWITCHED_OFF
from imds_probe.system.switch_off import is_switched_off

ROOM_MIN_BYTES = 64 * 1024 * 1024  # a history of busy months, and the reports of some days
UNCERTAIN = {DOUBT: "may have arrived already", REFUSED: "refused by the sink"}
AHEAD_S = 300.0  # by which clocks may differ
ENTRIES_TOLD = 5  # of those that accept nothing
LOST_AFTER_S = 3 * 3600.0  # the timer and the daemon report each hour


def configuration(host: Host) -> Result | list[Result]:
    if host.wrong is not None:
        return Result(
            "missing",
            host.wrong.problem,
            costs=("no run begins with a configuration that is wrong",),
            remedy=host.wrong.remedy or "Correct the key: `imds-probe run --print-config` shows what is in force.",
        )
    kinds = [kind for rule in RULES for kind in rule.kinds]
    if wrong := list(unusable(host.settings.of(AcceptConfig).entries, kinds)):
        return [
            Result(
                "limited",
                f"{each.origin}: this entry [[accept]] accepts nothing: {each.problem}",
                costs=("the risk that it names counts for the verdict",),
                remedy=each.remedy,
            )
            for each in wrong[:ENTRIES_TOLD]
        ]
    read = ", ".join(map(str, host.files))
    return Result(
        "ok", f"read and valid: {read}" if read else f"no file sets anything ({DEFAULT}): defaults are in force"
    )


def switched_off(host: Host) -> Result:
    if is_switched_off(host.root):
        return Result(
            "missing",
            f"switched off: {host.root / SWITCHED_OFF} exists",
            costs=("nothing is observed on this host",),
            remedy="Remove that file to switch imds-probe on again.",
        )
    return Result("ok", "not switched off")


def rehearsed(host: Host) -> Result:
    if host.is_here and is_host_rehearsed():
        return Result(
            "missing",
            "this host is being rehearsed",
            costs=("no run begins now, because it would see the answers that come after the switch",),
            remedy="Wait for the end of `imds-probe rehearse --host`.",
        )
    return Result("ok", "no rehearsal of the whole host is running")


def state_directory(host: Host) -> Iterator[Result]:
    """Whose it is, whether it can be written, and how much room is there."""
    where = host.state
    check_directory(where)
    found = rootfs.status(where, "/")
    if found is None:
        yield Result("ok", f"{where} does not exist yet: the daemon or the first report that waits makes it")
        return
    if not os.access(where, os.W_OK):
        yield Result(
            "limited",
            f"{where} cannot be written by this process",
            Need.RECORDS if not os.access(where, os.R_OK) else None,
            ("reports that could not be sent are lost, and nothing is remembered for the next run",),
            "Run as root, or name another directory with state_directory in the configuration.",
        )
    system = rootfs.file_system(where, "/")
    if system is not None and system.free_bytes < ROOM_MIN_BYTES:
        yield Result(
            "limited",
            f"{system.free_bytes // 2**20} MiB are free for {where}",
            costs=("the history and the reports that wait may not be written",),
            remedy="Free space on its disk, or set state_directory to another one.",
        )
    elif system is not None and os.access(where, os.W_OK):
        yield Result("ok", f"{where} can be written, {system.free_bytes // 2**20} MiB free")


def history(host: Host) -> Result:
    """Read as a run reads it, seals and all."""
    config = host.settings.of(Config)
    enable = f"Enable the daemon: systemctl enable --now {UNIT}"
    try:
        found = callers.look(CallersOptions(host.state, config.window_s, config.coverage), None, host.root)
    except (ProbeError, OSError) as error:
        remedy = error.remedy if isinstance(error, ProbeError) else "Run as root."
        problem = error.problem if isinstance(error, ProbeError) else f"{host.state}: {error.strerror}"
        return Result("missing", problem, Need.HISTORY, remedy=remedy or f"{callers.RESTART}.")
    if found is None:
        return Result(
            "limited", "no daemon watches the calls to the metadata service", Need.HISTORY, remedy=f"{enable}."
        )
    window = in_words(found.window_s)
    said = f"the history is whole, and covers {in_words(found.observed_s)} of the last {window}"
    if found.complete:
        return Result("ok", said)
    return Result(
        "limited",
        said,
        costs=(f"confidence stays below high until {config.coverage:.0%} of {window} were watched",),
        remedy="Let the daemon watch for longer.",
    )


def last_report(host: Host, last: Stored | None, began: float | None, damaged: Sequence[str] = ()) -> Iterator[Result]:
    """The newest that this host keeps; `damaged` says what is wrong with those that cannot be read."""
    for problem in damaged:
        yield Result(
            "limited", f"a kept report cannot be read: {problem}", remedy="Remove it: the next run keeps another."
        )
    if last is None:
        if not damaged:
            yield Result("ok", "no report of this host is kept on it")
        return
    if began is None:
        yield Result("limited", "the last kept report does not say when it was begun", remedy="Run again.")
        return
    age = host.now - began
    if age < -AHEAD_S:
        yield Result(
            "limited",
            f"the last kept report is of a time that is {in_words(-age)} ahead: {last.verdict.state}",
            costs=("the fleet's picture does not say how old it is",),
            remedy="Set the clock, and run again.",
        )
        return
    said = f"the last kept report is {in_words(max(0.0, age))} old: {last.verdict.state}"
    if age > LOST_AFTER_S:
        yield Result(
            "limited",
            said,
            costs=("the fleet's picture has an old verdict for this host",),
            remedy="See why no run ended since: journalctl -u imds-probe -u imds-probe-daemon",
        )
    else:
        yield Result("ok", said)


def spool(host: Host) -> Iterator[Result]:
    """What waits to be sent, by sink."""
    callers.check_spool(host.state)
    counted = {
        name: [Path(each).suffix for each in rootfs.names(host.state / SPOOL / name, "/")]
        for name in rootfs.names(host.state / SPOOL, "/")
    }
    wanted = host.settings.of(DeliveryConfig).report
    quiet = True
    for name, states in counted.items():
        waiting = states.count(WAITING) + states.count(SENDING)
        uncertain = [f"{states.count(state)} {what}" for state, what in UNCERTAIN.items() if states.count(state)]
        if not waiting and not uncertain:
            continue
        quiet = False
        waits = "1 report waits" if waiting == 1 else f"{waiting} reports wait"
        yield Result(
            "limited",
            f"{name}: {'; '.join([f'{waits} to be sent', *uncertain])}",
            costs=("the sink has not received these reports",),
            remedy=f"See why with `imds-probe run --report {name}`: it tries again, and says what is in the way."
            if name in SINKS and (name in wanted or waiting)
            else f"Remove it if nobody wants these reports any more: rm -r {quote(str(host.state / SPOOL / name))}",
        )
    if quiet:
        yield Result("ok", f"no report waits to be sent; sinks: {', '.join(wanted) or 'none'}")


def lock(host: Host) -> Result:
    """Who holds the daemon's lock, by the kernel's list: to try it would keep a daemon out that begins at that moment."""
    if not answers(host.state, LOCK):
        return Result("ok", "the lock of the daemon does not answer")
    try:
        opened = os.open(host.state / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Result("ok", "no daemon has run here")
    except OSError as error:
        return Result("limited", f"{host.state / LOCK} cannot be opened: {error.strerror}", remedy="Run as root.")
    try:
        held = holders(opened, host.proc)
    finally:
        os.close(opened)
    if held:
        return Result("ok", f"process {held[0].pid} watches, and holds {host.state / LOCK}")
    return Result("ok", f"no process holds {host.state / LOCK}")
