"""`imds-probe watch`: live, who calls the metadata service, by IMDSv1 or IMDSv2, process and container."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.messages import say
from imds_probe.commands.options import add_config, add_full_command_lines, duration
from imds_probe.commands.streams import stopping
from imds_probe.commands.terminal import width as terminal_width
from imds_probe.escape import terminal

if TYPE_CHECKING:
    from imds_probe.watch.seen_call import SeenCall
    from imds_probe.watch.summary import Summary
    from imds_probe.watch.watcher import Watcher

REDRAWN_S = 0.5
SENDERS_TOLD_MAX = 100
CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for", dest="seconds", type=duration, metavar="DURATION", help="stop after this time: 90s, 5m, 2h"
    )
    parser.add_argument("--v1-only", action="store_true", help="leave out calls by IMDSv2")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each call")
    add_full_command_lines(parser)
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415

    from imds_probe.commands import configuration, switched_off  # noqa: PLC0415
    from imds_probe.config import Config  # noqa: PLC0415
    from imds_probe.inventory.containers.discovery import NAMING  # noqa: PLC0415
    from imds_probe.reading.looker import OF_A_DAEMON  # noqa: PLC0415
    from imds_probe.reading.reader import Reader  # noqa: PLC0415
    from imds_probe.render import watching  # noqa: PLC0415
    from imds_probe.system.own_memory import read_by  # noqa: PLC0415
    from imds_probe.watch.names import ContainerNames, NamedCalls  # noqa: PLC0415
    from imds_probe.watch.summary import Summary  # noqa: PLC0415
    from imds_probe.watch.unconfirmed import said_unconfirmed  # noqa: PLC0415
    from imds_probe.watch.watcher import Watcher  # noqa: PLC0415

    summary = Summary()
    live, started = sys.stdout.isatty() and not args.json, time.monotonic()

    def show(seen: SeenCall, container: str | None) -> None:
        if args.v1_only and seen.version != "v1":
            return
        summary.add(seen, container)
        if args.json:
            print(watching.json_line(seen, container))
        elif not live:
            print(watching.line(seen, container))

    told: set[str] = set()

    def tell() -> None:
        """Once for each place."""
        for sender in watcher.senders():
            if sender.place not in told and len(told) < SENDERS_TOLD_MAX and not live:
                told.add(sender.place)
                names.ask(sender.caller)
                where = sender.described(names.name(sender.caller))
                say(terminal(said_unconfirmed(sender, where)))

    full = args.full_command_lines or configuration.load(args.config).settings.of(Config).full_command_lines
    with (
        switched_off.unless_switched_off(Path("/")),
        Reader(NAMING, patience=OF_A_DAEMON) as reader,
        read_by(reader.looker),
        Watcher(full_command_lines=full, met=(names := ContainerNames(Path("/"), reader, reader.rest)).meet) as watcher,
    ):
        named = NamedCalls(names)
        for trouble in watcher.troubles():
            say(trouble)
        # Asked to stop, it finishes what it is at: a call that is on its way out is counted, and the kernel tidied up.
        asked_to_stop = threading.Event()
        for number in stopping():
            signal.signal(number, lambda *_: asked_to_stop.set())
        while not asked_to_stop.is_set() and (args.seconds is None or time.monotonic() - started < args.seconds):
            left = REDRAWN_S if args.seconds is None else min(REDRAWN_S, args.seconds - (time.monotonic() - started))
            for seen, container in named.take(watcher.calls(min(max(left, 0.0), named.due_in_s))):
                show(seen, container)
            sys.stdout.flush()
            tell()
            if live:
                _draw(summary, watcher, time.monotonic() - started)
        for seen, container in named.rest(watcher.rest()):
            show(seen, container)
        tell()
        if live:
            _draw(summary, watcher, time.monotonic() - started)
        else:
            stream = sys.stderr if args.json else sys.stdout
            print(
                watching.sentence(summary, time.monotonic() - started, watcher.dropped, watcher.unconfirmed),
                file=stream,
            )
            print("\n".join(watching.table(summary, terminal_width(None))), file=stream)
    return exitcodes.READY


def _draw(summary: Summary, watcher: Watcher, seconds: float) -> None:
    from imds_probe.render import watching  # noqa: PLC0415

    said = watching.sentence(summary, seconds, watcher.dropped, watcher.unconfirmed)
    text = [said, *watching.table(summary, terminal_width(sys.stdout))]
    sys.stdout.write(CLEAR + "\n".join(text) + "\n")
    sys.stdout.flush()
