"""`imds-probe rehearse`: IMDSv2-only for one command, unit or container or for the host, without a change to the instance."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.messages import say
from imds_probe.commands.options import add_config, add_output, add_state_directory, duration
from imds_probe.commands.streams import stopping
from imds_probe.errors import UsageError
from imds_probe.kept.command_line import kept
from imds_probe.system.privilege import may_rehearse

if TYPE_CHECKING:
    from imds_probe.rehearsal.connection import Service
    from imds_probe.rehearsal.host import HostRehearsal
    from imds_probe.rehearsal.outcomes import Aim
    from imds_probe.rehearsal.rehearsal import Rehearsal
    from imds_probe.rehearsal.target import Target

FOR_S, FOR_MAX_S = 600.0, 86_400.0
HOP_LIMIT_MAX = 64
HOST = "the programs of this host and the containers whose requests it forwards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unit",
        metavar="NAME",
        help="rehearse this running systemd unit instead of a command, also after the unit restarts",
    )
    parser.add_argument(
        "--container",
        metavar="NAME",
        help="rehearse the running container of this name or id instead of a command, also after its runtime starts it again",
    )
    parser.add_argument(
        "--host",
        action="store_true",
        help="rehearse all programs of this host, and the containers whose requests it forwards, instead of a command",
    )
    parser.add_argument(
        "--restart-unit",
        action="store_true",
        help="restart the unit in the rehearsal, so that its start is rehearsed, too",
    )
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
        metavar="N",
        help="the hop limit that the switch would set, 1 to 64 (default: that of the switch in the last report that was kept, "
        "or 1)",
    )
    parser.add_argument(
        "--stop-on",
        action="append",
        choices=["refused", "exit"],
        default=[],
        help="end the rehearsal as soon as a request without a token is refused, or as soon as the unit or container ends or "
        "restarts by itself; may be repeated",
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
        help="get this URL every 5 s, and end the rehearsal if no answer comes within 10 s or its status is 400 or above; may be "
        "repeated",
    )
    parser.add_argument(
        "--no-record", action="store_true", help="do not put the result on record, so that no later run counts it"
    )
    add_output(
        parser,
        ("text", "json"),
        "print the result in words, or also as one line of JSON on standard output at the end (text)",
    )
    add_config(parser)
    add_state_directory(parser)
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
    _check(args)
    if not may_rehearse():
        return _without_privilege()
    from imds_probe.commands import configuration  # noqa: PLC0415
    from imds_probe.commands.recording import Recording, known_here  # noqa: PLC0415
    from imds_probe.commands.rehearsing import Asked, Rehearsing  # noqa: PLC0415
    from imds_probe.commands.switched_off import unless_switched_off  # noqa: PLC0415
    from imds_probe.config import Config  # noqa: PLC0415
    from imds_probe.rehearsal.checks import Checking, by_command, by_url  # noqa: PLC0415
    from imds_probe.system.state_directory import state_directory  # noqa: PLC0415

    checking = Checking([*map(by_command, args.check), *map(by_url, args.check_url)])
    if failed := checking.before():
        raise UsageError(f"{failed}, before anything was rehearsed", "Name a check that passes without a rehearsal.")
    stopped = threading.Event()
    settings = configuration.load(args.config).settings.of(Config)
    state = state_directory(args.state_directory or settings.state_directory, os.environ)
    with unless_switched_off(Path("/")):
        service = _service(args)
        hop_limit = args.hop_limit or _printed()
        rehearsal = _rehearsal(args, service, hop_limit)
        target = rehearsal.target
        known = known_here(state, settings)
        restarts = ["systemctl", "restart", target.name] if target is not None and args.restart_unit else []
        before = {number: signal.signal(number, lambda *_: stopped.set()) for number in stopping()}
        try:
            rehearsal.ready()
            asked = Asked(
                args.seconds, args.argv, restarts, args.stop_on, HOST if args.host else "", args.output == "json"
            )
            kept_in = None if args.no_record else state
            recording = Recording(_aim(args, target), hop_limit, kept_in, known, restarted=args.restart_unit)
            return Rehearsing(rehearsal, asked, checking, stopped, recording).run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _check(args: argparse.Namespace) -> None:
    targets = [each for each in (args.unit, args.container, args.argv or None, args.host or None) if each is not None]
    if not targets:
        raise UsageError(
            "there is nothing to rehearse",
            "Write `imds-probe rehearse -- COMMAND`, or name what runs: --unit NAME, --container NAME, --host",
        )
    if len(targets) > 1:
        raise UsageError(
            "a unit, a container, a command and the host are rehearsed one at a time", "Leave out all but one"
        )
    if args.host and "exit" in args.stop_on:
        raise UsageError("--stop-on exit means nothing with --host", "Name a unit or container, or leave it out")
    if args.restart_unit and args.unit is None:
        raise UsageError("--restart-unit means nothing without --unit", "Name the unit: --unit NAME --restart-unit")
    if args.seconds > FOR_MAX_S:
        raise UsageError("--for is longer than 24h", "Rehearse for a shorter time")
    for program in [*args.argv[:1], *(["systemctl"] if args.restart_unit else [])]:
        if shutil.which(program) is None:
            raise UsageError(f"{program} is not a program on the PATH", "Check the command")


def _printed() -> int:
    """The hop limit of the switch that was printed for this host, and where it comes from, which is said."""
    from imds_probe.collect.firmware import look  # noqa: PLC0415
    from imds_probe.commands.printed_switch import hop_limit  # noqa: PLC0415

    printed = hop_limit(look(Path("/")).instance_id)
    if printed is None:
        say("the rehearsed hop limit is 1: no kept report of this host has another. Set it with --hop-limit.")
        return 1
    say(
        f"the rehearsed hop limit is {printed.hop_limit}: that of the switch in {printed.report} ({printed.started_at})"
    )
    return printed.hop_limit


def _rehearsal(args: argparse.Namespace, service: Service, hop_limit: int) -> Rehearsal | HostRehearsal:
    from imds_probe.rehearsal.host import HostRehearsal  # noqa: PLC0415
    from imds_probe.rehearsal.rehearsal import Rehearsal  # noqa: PLC0415

    if args.host:
        return HostRehearsal(service, hop_limit)
    return Rehearsal(service, hop_limit, _target(args, service))


def _target(args: argparse.Namespace, service: Service) -> Target | None:
    from imds_probe.inventory.containers.discovery import discover  # noqa: PLC0415
    from imds_probe.rehearsal.container import Container, wanted  # noqa: PLC0415
    from imds_probe.rehearsal.distances import ways  # noqa: PLC0415
    from imds_probe.rehearsal.unit import Unit  # noqa: PLC0415

    if args.unit is not None:
        return Unit(args.unit)
    if args.container is None:
        return None
    discovery = discover()
    found = wanted(args.container, discovery.containers)
    silent = [each.id for each in discovery.containers if each.sandbox]
    return Container(found, ways(found, discovery, service), silent=silent)


def _aim(args: argparse.Namespace, target: Target | None) -> Aim:
    from imds_probe.rehearsal.container import Container  # noqa: PLC0415
    from imds_probe.rehearsal.outcomes import Aim  # noqa: PLC0415

    if args.host:
        return Aim("host", "host")
    if target is None:
        return Aim("command", kept(args.argv, shutil.which(args.argv[0])))
    return Aim("container", target.name, target.identity) if isinstance(target, Container) else Aim("unit", target.name)


def _without_privilege() -> int:
    """All that can be had then: it reaches AWS SDKs alone, and is no evidence."""
    print("AWS_EC2_METADATA_V1_DISABLED=true")
    say(
        "a rehearsal needs root (CAP_NET_ADMIN): no permission. Nothing was rehearsed. With the printed variable in its "
        "environment, a program's AWS SDK asks with tokens only; other programs do not know the variable."
    )
    return exitcodes.UNAVAILABLE


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

    found = undo(ways=_networks())
    for what in found.removed:
        print(f"removed {what}")
    for what in found.failed:
        print(f"could not remove {what}")
    for pid in found.running:
        print(f"a rehearsal is running: stop process {pid} to end it")
    if not (found.removed or found.failed or found.running):
        print("nothing was left behind")
    return exitcodes.UNAVAILABLE if found.failed else exitcodes.READY


def _networks() -> list[Path]:
    """The ways into the network namespaces of containers."""
    from imds_probe.inventory.containers.discovery import discover  # noqa: PLC0415

    return [each.path for each in discover().namespaces if each.kind != "host"]


def _hop_limit(text: str) -> int:
    if text not in map(str, range(1, HOP_LIMIT_MAX + 1)):
        raise argparse.ArgumentTypeError(f"{text!r} is no hop limit: write 1 to 64")
    return int(text)
