"""`imds-probe run`: one assessment; the main job."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imds_probe import exitcodes
from imds_probe.commands.messages import report_bug, say
from imds_probe.commands.options import add_catalogs, add_config, add_output, add_state_directory, duration, reader
from imds_probe.commands.report_output import kept_in, rendered, written
from imds_probe.commands.streams import outliving_terminal
from imds_probe.sinks import SINKS

if TYPE_CHECKING:
    from imds_probe.collect.collector import Option
    from imds_probe.collect.context import RunRequest
    from imds_probe.config import Settings
    from imds_probe.reading.fork_server import ForkServer
    from imds_probe.reading.reader import Reader
    from imds_probe.report import Report

TIMEOUT_S = 30.0
READINGS, CODE_READINGS = "imds_probe.collect.readings", "imds_probe.collect.code_readings"
NOWHERE = Path("/dev/null/imds-probe")  # where no report can wait for its sink


def begin(arguments: Sequence[str]) -> ForkServer:
    """What starts the readers, before anything is known of what they will be asked: it imports what they need while this process
    imports what it needs itself.
    """
    from imds_probe.reading.fork_server import ForkServer  # noqa: PLC0415

    without_code = any(each == "--no-code" or each.startswith("--confirm") for each in arguments)
    return ForkServer((READINGS,) if without_code else (READINGS, CODE_READINGS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from imds_probe.collect.collectors import COLLECTORS  # noqa: PLC0415

    options = [option for collector in COLLECTORS for option in collector.options]
    longer = "".join(f"; {each.time_limit_s:g} s with {each.flag}" for each in options if each.time_limit_s)
    add_output(
        parser,
        ("text", "json", "html", "summary"),
        "the report's form (text); a summary is one line of JSON, of 2000 bytes at most",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report to FILE instead of standard output")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the whole report as JSON to FILE, too")
    parser.add_argument(
        "--confirm",
        type=Path,
        metavar="FILE",
        help="assess nothing, and only check whether the verdict in FILE still holds; FILE is an earlier report of "
        "this host as JSON, or - for standard input; the exit code is 0 if the verdict holds, and 3 if not",
    )
    parser.add_argument("--only", type=_ids, default=(), metavar="RULE,...", help="judge by these rules only")
    parser.add_argument(
        "--skip",
        type=_ids,
        default=(),
        metavar="RULE,...",
        help="leave these rules out; the verdict is then never ready",
    )
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="read the system below DIR (/)")
    parser.add_argument(
        "--image", action="store_true", help="judge the system below --root as an image, in which nothing runs"
    )
    add_catalogs(parser)
    add_config(parser)
    add_state_directory(parser)
    parser.add_argument(
        "--report",
        type=_sinks,
        metavar="SINK,...",
        help=f"send the report to these sinks, too: {', '.join(SINKS)} (as configured; '' for none)",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print the settings in force and where each comes from; nothing is assessed",
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="say on standard error what each collector looked at and how long it took",
    )
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever the verdict, for fleet sweeps")
    parser.add_argument(
        "--timeout",
        type=_time_limit,
        metavar="DURATION",
        help=f"end the run after this time, such as 60s or 5m, and report what was seen by then ({TIMEOUT_S:g} s{longer})",
    )
    for option in options:
        parser.add_argument(
            option.flag,
            dest=_dest(option),
            default=argparse.SUPPRESS,
            **option.keywords | ({"type": reader(option.parse)} if option.parse else {}),
        )


def _dest(option: Option) -> str:
    return f"{option.options.__name__}.{option.field}"


def run(args: argparse.Namespace) -> int:
    # Heavy imports only once it is clear that they are needed.
    from imds_probe.assessment import reader_of  # noqa: PLC0415
    from imds_probe.collect.callers_options import CallersOptions  # noqa: PLC0415
    from imds_probe.collect.code import CodeOptions  # noqa: PLC0415
    from imds_probe.collect.context import RunRequest  # noqa: PLC0415
    from imds_probe.commands import configuration, confirming, named_places  # noqa: PLC0415
    from imds_probe.commands.kept_reports import is_kept  # noqa: PLC0415
    from imds_probe.commands.switched_off import unless_switched_off  # noqa: PLC0415
    from imds_probe.config import Config  # noqa: PLC0415
    from imds_probe.config.printing import printed_config  # noqa: PLC0415
    from imds_probe.imds.endpoints import from_environment  # noqa: PLC0415
    from imds_probe.reading.unanswered import FILE as UNANSWERED  # noqa: PLC0415
    from imds_probe.rehearsal.held import unless_host_rehearsed  # noqa: PLC0415
    from imds_probe.sinks.settings import DeliveryConfig  # noqa: PLC0415
    from imds_probe.system import rootfs  # noqa: PLC0415
    from imds_probe.system.state_directory import answers, state_directory  # noqa: PLC0415
    from imds_probe.watch.history_format import FILE as HISTORY  # noqa: PLC0415

    if args.print_config:
        loaded = configuration.load(args.config, complete=True)
        print(printed_config(loaded, configuration.overrides(args)), end="")
        configuration.say_unusable(loaded)
        return exitcodes.READY
    began, timeout_s = time.monotonic(), _timeout_s(args)
    stored = confirming.stored_report(args, [each.flag for each in _given(args)])
    with contextlib.ExitStack() as stack:
        watch_s = getattr(args, f"{CallersOptions.__name__}.watch_s", 0.0)
        reads_code = stored is None and getattr(args, f"{CodeOptions.__name__}.read", CodeOptions().read)
        reader = stack.enter_context(reader_of(timeout_s, watch_s, report_bug, args.begun, reads_code=reads_code))
        loaded = configuration.load(args.config)
        settings = loaded.settings.of(Config)
        names = loaded.settings.of(DeliveryConfig).report if args.report is None else args.report
        names = () if args.image else names  # they would be told of an image as of this host
        state = state_directory(args.state_directory or settings.state_directory, os.environ, args.root)
        with rootfs.read_by(reader.places):
            if has_state := answers(state, UNANSWERED, HISTORY):
                reader.remember(state)
            named_places.check(args.root, args.out, args.keep)
            if args.image:
                named_places.check_image(
                    args.root, [*(["--report"] if args.report else []), *(each.flag for each in _given(args))]
                )
            options = _options(args, _given(args), _of_configuration(loaded.settings, state, args))
            stack.enter_context(unless_switched_off(args.root))
        stack.enter_context(outliving_terminal(bool(names or args.out)))
        request = RunRequest(
            environ=os.environ,
            root=args.root,
            timeout_s=max(0.1, timeout_s - (time.monotonic() - began)),
            only=args.only,
            skip=args.skip,
            catalogs=(*settings.catalogs, *args.catalog),
            options=options,
            image=args.image,
            confirms=stored is not None,
        )
        asks_service = not args.image and not from_environment(os.environ).given
        if asks_service:
            unless_host_rehearsed()
        if stored is not None:
            return confirming.confirm(args, stored, request, reader)
        report = _assessed(args, request, reader)
        if asks_service:
            unless_host_rehearsed()  # it may have begun meanwhile
        kept = args.output != "json" and is_kept(names, loaded.settings)
        deliver = functools.partial(_deliver, report, names, loaded.settings, state if has_state else NOWHERE)
        return _printed(args, report, deliver, kept=kept)


def _assessed(args: argparse.Namespace, request: RunRequest, reader: Reader) -> Report:
    """The report, with what is said of it meanwhile, and afterwards to whoever wants that."""
    from imds_probe.assessment import assess  # noqa: PLC0415
    from imds_probe.collect.callers_options import CallersOptions  # noqa: PLC0415
    from imds_probe.commands.looking import counted, looked  # noqa: PLC0415
    from imds_probe.commands.progress import Progress  # noqa: PLC0415

    with Progress(request.timeout_s + request.option(CallersOptions).watch_s) as progress:
        report = assess(request, reader, progress=counted(progress), bug=report_bug)
    if args.verbose:
        for line in looked(report):
            say(line)
    return report


def _printed(args: argparse.Namespace, report: Report, deliver: Callable[[], None], *, kept: bool) -> int:
    """Print, and deliver; the exit code."""
    from imds_probe.verdict import EXIT_CODES  # noqa: PLC0415

    code = exitcodes.READY if args.exit_zero else EXIT_CODES[report.verdict.state]
    document, is_whole = rendered(report, args.output, to_terminal=args.out is None and sys.stdout.isatty(), kept=kept)
    not_written = written(document, args.out)
    not_kept = kept_in(args.keep, report) if args.keep else None
    # After the report has been printed: a sink that hangs keeps nobody from the verdict.
    deliver()
    # Last: what could not be written here has reached the sinks that can be reached. Whoever read the first lines and left
    # has the verdict.
    if not_written is not None and not not_written.reader_left:
        raise not_written
    if not_kept is not None:
        raise not_kept
    return code if is_whole else exitcodes.BUG


def _deliver(report: Report, names: Sequence[str], settings: Settings, state: Path) -> None:
    from imds_probe.sinks.delivery import deliver, make_sinks  # noqa: PLC0415

    if not names:
        return
    sinks = make_sinks(names, settings, os.environ, report_bug)
    deliver(report.to_json(), sinks, settings, state, say, bug=report_bug)


def _of_configuration(settings: Settings, state: Path, args: argparse.Namespace) -> dict[type, dict[str, Any]]:
    """What the configuration says about collectors' options, by their type."""
    from imds_probe.collect.acceptances import AcceptanceOptions  # noqa: PLC0415
    from imds_probe.collect.callers_options import CallersOptions  # noqa: PLC0415
    from imds_probe.collect.code import CodeOptions  # noqa: PLC0415
    from imds_probe.collect.control_plane import ControlPlaneOptions  # noqa: PLC0415
    from imds_probe.collect.rehearsals import RehearsalOptions  # noqa: PLC0415
    from imds_probe.collect.sdks import SearchOptions  # noqa: PLC0415
    from imds_probe.collect.standing import StandingOptions  # noqa: PLC0415
    from imds_probe.config import AwsConfig, Config  # noqa: PLC0415
    from imds_probe.config.acceptances import AcceptConfig  # noqa: PLC0415

    config = settings.of(Config)
    written = (state, *(each.absolute().parent for each in (args.out, args.keep) if each))
    remembered = None if args.image else state  # an image's files are not this host's
    return {
        AcceptanceOptions: {"entries": settings.of(AcceptConfig).entries},
        CallersOptions: {
            "state": state,
            "window_s": config.window_s,
            "coverage": config.coverage,
            "full_command_lines": config.full_command_lines,
            "compare": settings.of(AwsConfig) if config.compare_metric else None,
        },
        ControlPlaneOptions: {"configured": config.control_plane, "aws": settings.of(AwsConfig), "state": remembered},
        RehearsalOptions: {"state": remembered, "max_age_s": config.rehearsal_age_s},
        StandingOptions: {"valid_s": config.valid_s, "valid_unwatched_s": config.valid_unwatched_s},
        SearchOptions: {"state": remembered, "written": written},
        CodeOptions: {"state": remembered, "written": written, "read": config.read_code},
    }


def _timeout_s(args: argparse.Namespace) -> float:
    given = (each.time_limit_s or TIMEOUT_S for each in _given(args))
    return args.timeout or max(given, default=TIMEOUT_S)


def _given(args: argparse.Namespace) -> list[Option]:
    """The options of collectors that the command line gives."""
    from imds_probe.collect.collectors import COLLECTORS  # noqa: PLC0415

    options = (option for collector in COLLECTORS for option in collector.options)
    return [option for option in options if getattr(args, _dest(option), None) is not None]


def _options(
    args: argparse.Namespace, given: Sequence[Option], configured: dict[type, dict[str, Any]]
) -> tuple[object, ...]:
    """The options of collectors: what the configuration says, and what the command line says in its place."""
    for option in given:
        value = option.check(getattr(args, _dest(option)), args.root)
        configured.setdefault(option.options, {})[option.field] = value
    return tuple(kind(**values) for kind, values in configured.items())


def _ids(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _sinks(value: str) -> tuple[str, ...]:
    names = _ids(value)
    unknown = [name for name in names if name not in SINKS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no sink {unknown[0]!r}; there are {', '.join(SINKS)}")
    return names


def _time_limit(value: str) -> float:
    seconds = duration(value)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{value!r} is no time limit: write 0.1s to 1h")
    return float(seconds)
