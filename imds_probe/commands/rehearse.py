"""`imds-probe rehearse`: IMDSv2-only for one command and what it starts, for a while, without a change to the instance."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.messages import say
from imds_probe.commands.run import duration
from imds_probe.commands.streams import stopping
from imds_probe.duration import in_words
from imds_probe.errors import UsageError

if TYPE_CHECKING:
    from imds_probe.rehearsal.checks import Checking
    from imds_probe.rehearsal.connection import Service
    from imds_probe.rehearsal.rehearsal import Rehearsal

FOR_S, FOR_MAX_S = 600.0, 86_400.0
DRAINED_S = 30.0
POLLED_S, SHOWN_EVERY_S = 0.05, 2.0
HOP_LIMIT_MAX = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        default=FOR_S,
        metavar="DURATION",
        help="end the rehearsal after this time: 90s, 15m, at most 24h (default: 10m); the command keeps running",
    )
    parser.add_argument(
        "--hop-limit",
        type=_hop_limit,
        default=1,
        metavar="N",
        help="the hop limit that the switch would set, 1 to 64 (default: 1)",
    )
    parser.add_argument(
        "--stop-on",
        choices=["refused"],
        help="end the rehearsal as soon as a request without a token is refused",
    )
    parser.add_argument(
        "--check",
        metavar="COMMAND",
        action="append",
        default=[],
        help="run this with sh every 5 s, and end the rehearsal if it fails or takes longer than 10 s; may be repeated",
    )
    parser.add_argument(
        "--check-url",
        metavar="URL",
        action="append",
        default=[],
        help="the same for a page; a status of 400 or above is a failure",
    )
    parser.add_argument("--assume-ec2", action="store_true", help="do not check whether this is an EC2 instance")
    parser.add_argument(
        "--no-v1-probe",
        action="store_true",
        help="do not check whether tokens are required already: the check makes one request without a token",
    )
    parser.add_argument(
        "--undo", action="store_true", help="remove what killed rehearsals left behind, and do nothing else"
    )
    parser.add_argument("argv", nargs="*", metavar="COMMAND", help="the command to run, after --, with its arguments")


def run(args: argparse.Namespace) -> int:
    """Raises UsageError, and ProbeError where the rehearsal would not be what it promises; nothing is touched then."""
    if args.undo:
        return _undo()
    if not args.argv:
        raise UsageError("there is no command to rehearse with", "Write `imds-probe rehearse -- COMMAND`")
    if args.seconds > FOR_MAX_S:
        raise UsageError("--for is longer than 24h", "Rehearse for a shorter time")
    if shutil.which(args.argv[0]) is None:
        raise UsageError(f"{args.argv[0]} is not a program on the PATH", "Check the command after --")
    from imds_probe.commands.switched_off import unless_switched_off  # noqa: PLC0415
    from imds_probe.rehearsal.checks import Checking, by_command, by_url  # noqa: PLC0415
    from imds_probe.rehearsal.rehearsal import Rehearsal  # noqa: PLC0415

    checking = Checking([*map(by_command, args.check), *map(by_url, args.check_url)])
    if failed := checking.before():
        raise UsageError(f"{failed}, before anything was rehearsed", "Name a check that passes without a rehearsal.")
    stopped = threading.Event()
    with unless_switched_off(Path("/")):
        rehearsal = Rehearsal(_service(args), args.hop_limit)
        before = {number: signal.signal(number, lambda *_: stopped.set()) for number in stopping()}
        try:
            rehearsal.ready()
            return _rehearse(rehearsal, args, checking, stopped)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _rehearse(rehearsal: Rehearsal, args: argparse.Namespace, checking: Checking, stopped: threading.Event) -> int:
    """From its beginning to its end, and the exit code. However it ends, it is taken back first."""
    from imds_probe.rehearsal import words  # noqa: PLC0415

    assert rehearsal.group is not None  # noqa: S101 - it is ready
    say(f"{args.argv[0]} and what it starts receive no metadata without a token, for {in_words(args.seconds)} at most")
    began, drained_s, ended_by = time.monotonic(), 0.0, ""
    child: subprocess.Popen[bytes] | None = None
    try:
        rehearsal.beat()
        # In this terminal, with the environment that was handed down: it is the user's own, as if it were typed.
        child = subprocess.Popen([*rehearsal.group.launcher(), *args.argv], env=_environment())
        ended_by = _keep_up(rehearsal, child, args, checking, stopped)
        drained_s = DRAINED_S
    finally:
        lasted_s = time.monotonic() - began
        end = rehearsal.end(drained_within_s=drained_s)
        seen = rehearsal.callers.all()
        if ended_by:
            say(f"the rehearsal ended early: {ended_by}")
        for line in words.summary(seen, rehearsal.callers.totals(), lasted_s, rehearsal.lapsed_s):
            say(line)
        for line in words.undone(end):
            say(line)
    code = _command_ended(child, stopped)
    if end.left:
        return exitcodes.UNAVAILABLE
    return exitcodes.NOT_READY if words.gave_up(seen) or code or ended_by else exitcodes.READY


def _keep_up(
    rehearsal: Rehearsal,
    child: subprocess.Popen[bytes],
    args: argparse.Namespace,
    checking: Checking,
    stopped: threading.Event,
) -> str:
    """Heartbeats, and on a terminal the counts where they change, until the time is up, the command ends or somebody stops it.

    Returns what ended it before that, in words; empty where nothing did.
    """
    from imds_probe.rehearsal import words  # noqa: PLC0415
    from imds_probe.rehearsal.rehearsal import BEAT_EVERY_S  # noqa: PLC0415

    began = shown_at = time.monotonic()
    shown, beaten_at = None, began - BEAT_EVERY_S
    while child.poll() is None and time.monotonic() - began < args.seconds and not stopped.wait(POLLED_S):
        now = time.monotonic()
        if now - beaten_at >= BEAT_EVERY_S:
            beaten_at = now
            rehearsal.beat()
            for left in rehearsal.leavers.look(rehearsal.members()):
                say(words.left(left))
        totals = rehearsal.callers.totals()
        if args.stop_on == "refused" and totals.refused:
            return "a request without a token was refused"
        if failed := checking.failure():
            return failed
        if sys.stderr.isatty() and totals != shown and now - shown_at >= SHOWN_EVERY_S:
            shown, shown_at = totals, now
            say(words.counts(totals))
    return ""


def _command_ended(child: subprocess.Popen[bytes], stopped: threading.Event) -> int:
    """Wait for a command that outlives its rehearsal; its exit code. Who stopped the rehearsal is not kept waiting."""
    if child.poll() is None and not stopped.is_set():
        say("the command keeps running, with IMDSv1 as before")
    while child.poll() is None and not stopped.wait(POLLED_S):
        pass
    code = child.poll()
    if code:
        say(f"the command ended with exit code {code}" if code > 0 else f"the command was ended by signal {-code}")
    return code or 0


def _environment() -> dict[bytes, bytes] | None:
    """As this process was given it: a packaged one has changed its own since, and what Python reads with it."""
    try:
        variables = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {name: value for name, equals, value in (each.partition(b"=") for each in variables) if equals}


def _service(args: argparse.Namespace) -> Service:
    import socket  # noqa: PLC0415

    from imds_probe.collect.firmware import look  # noqa: PLC0415
    from imds_probe.imds.endpoints import ENDPOINT_VARIABLE, IPV4, IPV6  # noqa: PLC0415
    from imds_probe.rehearsal.asking import CannotRehearse, learn  # noqa: PLC0415

    if named := os.environ.get(ENDPOINT_VARIABLE, "").strip():
        raise CannotRehearse(
            f"{ENDPOINT_VARIABLE} sends AWS SDKs to {named}, and a rehearsal does not cover that address",
            "Unset the variable.",
        )
    if not args.assume_ec2 and not (platform := look(Path("/"))).is_ec2:
        raise CannotRehearse(
            f"this is not an EC2 instance ({platform.method})",
            "Use --assume-ec2 if it is one all the same, or in a lab.",
        )
    addresses = {socket.AF_INET: (IPV4.address, IPV4.port), socket.AF_INET6: (IPV6.address, IPV6.port)}
    return learn(addresses, ask_without_token=not args.no_v1_probe)


def _undo() -> int:
    from imds_probe.rehearsal.leftovers import undo  # noqa: PLC0415

    found = undo()
    for what in found.removed:
        print(f"removed {what}")
    for what in found.failed:
        print(f"could not remove {what}")
    for pid in found.running:
        print(f"a rehearsal is running: stop process {pid} to end it")
    if not (found.removed or found.failed or found.running):
        print("nothing was left behind")
    return exitcodes.UNAVAILABLE if found.failed else exitcodes.READY


def _hop_limit(text: str) -> int:
    if text not in map(str, range(1, HOP_LIMIT_MAX + 1)):
        raise argparse.ArgumentTypeError(f"{text!r} is no hop limit: write 1 to 64")
    return int(text)
