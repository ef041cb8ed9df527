"""`imds-probe simulate`: a metadata service on a local address, until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
import threading
from pathlib import Path

from imds_probe import exitcodes
from imds_probe.commands.streams import stopping
from imds_probe.errors import OutputError, ProbeError, UsageError
from imds_probe.simulator.control import Control
from imds_probe.simulator.counts import Counts
from imds_probe.simulator.instance import LoggedRequest
from imds_probe.simulator.listeners import address_text, family_of
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState, parse_changes, parse_setting

DEFAULT_LISTEN = ("127.0.0.1:1338", "[::1]:1338")
STATE_FILE_LIMIT_BYTES = 1024 * 1024
STATE_WANTED = 'Give an object, e.g. {"http_tokens": "required"}.'

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>\d{1,5})\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--listen",
        metavar="ADDR:PORT",
        action="append",
        help=f"where to listen; may be repeated (default: {' and '.join(DEFAULT_LISTEN)}); IPv6 addresses are open "
        "while http_protocol_ipv6 is enabled",
    )
    parser.add_argument("--state", metavar="FILE", type=Path, help="JSON object with fields of the instance's state")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one field of the state, e.g. http_tokens=required or hop_limit=2; may be repeated",
    )
    parser.add_argument(
        "--control",
        metavar="PATH",
        type=Path,
        help="make a Unix socket that takes GET /state, PATCH /state, GET /counts, POST /reset",
    )
    parser.add_argument("--verbose", action="store_true", help="one line for each request on standard error")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or a hangup (exit code 0) or Ctrl-C (130), then print what was seen.

    Raises UsageError for a bad option or state, ProbeError where an address or the socket cannot be had.
    """
    listen = [parse_address(text) for text in args.listen or DEFAULT_LISTEN]
    state = _state(args.state, args.set)
    simulator = Simulator(state, listen, on_request=_log if args.verbose else None)
    stopped = threading.Event()
    caught: list[int] = []

    def stop(number: int, _frame: object) -> None:
        caught.append(number)
        stopped.set()

    lost: OutputError | None = None
    before = {number: signal.signal(number, stop) for number in stopping()}
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(simulator)
            if args.control is not None:
                stack.enter_context(Control(simulator, args.control))
            try:
                _announce(simulator, listen)
            except OutputError as error:
                lost = error  # to serve is what was asked for
            stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _summarise(simulator.counts)
    if lost is not None and not lost.reader_left:
        raise lost
    return exitcodes.INTERRUPTED if caught[0] == signal.SIGINT else 0


def parse_address(text: str) -> tuple[str, int]:
    """(IP address, port) of 127.0.0.1:1338 or [::1]:1338; raises UsageError for anything else."""
    match = _ADDRESS.match(text)
    if not match or int(match["port"]) > 65535:
        raise UsageError(f"--listen {text!r} is not ADDR:PORT", "Write e.g. 127.0.0.1:1338 or [::1]:1338")
    host = match["v6"] or match["v4"]
    try:
        family_of(host)
    except ProbeError as error:
        raise UsageError(f"--listen {text!r}: {error.problem}", error.remedy) from None
    return host, int(match["port"])


def _state(file: Path | None, settings: list[str]) -> InstanceState:
    changes: dict[str, object] = {}
    try:
        if file is not None:
            with file.open("rb") as opened:
                changes |= _changes_of(file, opened.read(STATE_FILE_LIMIT_BYTES).decode())
        changes |= dict(parse_setting(setting) for setting in settings)
        return InstanceState().changed(changes)
    except OSError as error:
        raise UsageError(f"--state {file} cannot be read: {error.strerror}", "Name a file that can be read.") from None
    except UnicodeDecodeError:
        raise UsageError(f"--state {file} is not UTF-8 text", STATE_WANTED) from None
    except ProbeError as error:
        raise UsageError(error.problem, error.remedy) from None


def _changes_of(file: Path, text: str) -> dict[str, object]:
    try:
        return dict(parse_changes(text))
    except ProbeError as error:
        raise UsageError(f"--state {file}: {error.problem}", error.remedy) from None


def _announce(simulator: Simulator, listen: list[tuple[str, int]]) -> None:
    for address in simulator.addresses:
        print(f"listening on http://{address_text(address)}")
    for host, port in listen:
        if ":" in host and simulator.state.http_protocol_ipv6 == "disabled":
            print(f"{address_text((host, port))} is closed while http_protocol_ipv6 is disabled")
    if simulator.addresses:
        print(f"export AWS_EC2_METADATA_SERVICE_ENDPOINT={simulator.url}")
    # Whoever started this through a pipe waits for these lines.
    sys.stdout.flush()


def _log(seen: LoggedRequest) -> None:
    path = printable(seen.path).replace(" ", "\\x20")
    agent = printable(seen.user_agent).replace('"', "\\x22")
    line = f'{seen.time} {seen.caller} {seen.method} {path} {seen.imds_version} {seen.status or "-"} "{agent}"'
    print(line, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """At most 200 characters in printable ASCII on one line: paths and user agents are whatever a client likes."""
    return text[:200].encode("unicode_escape").decode("ascii")


def _summarise(counts: Counts) -> None:
    print(
        f"{counts.total} requests: {counts.imdsv1} IMDSv1 ({counts.imdsv1_refused} refused), "
        f"{counts.imdsv2} IMDSv2 of which {counts.token_puts} token PUTs"
    )
    for caller, tally in sorted(counts.by_caller.items()):
        print(f"  {caller}: {tally.imdsv1} IMDSv1, {tally.imdsv2} IMDSv2")
    sys.stdout.flush()
