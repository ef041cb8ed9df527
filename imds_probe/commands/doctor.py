"""`imds-probe doctor`: what this host lets the probe see, what not, and what to do about it. It sends nothing."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe.commands.options import add_config, add_output, add_state_directory
from imds_probe.errors import UsageError
from imds_probe.timestamp import seconds_of

if TYPE_CHECKING:
    from imds_probe.doctor.check import Host
    from imds_probe.report_document import Stored


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, ("text", "json"), "print the results in words or as JSON (text)")
    parser.add_argument("--verbose", action="store_true", help="name what is in order, too")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="look at the system below DIR (/)")
    add_config(parser)
    add_state_directory(parser)


def run(args: argparse.Namespace) -> int:
    from imds_probe.commands.kept_reports import damaged  # noqa: PLC0415
    from imds_probe.commands.messages import report_bug  # noqa: PLC0415
    from imds_probe.commands.named_places import check_root  # noqa: PLC0415
    from imds_probe.commands.terminal import style  # noqa: PLC0415
    from imds_probe.doctor import page  # noqa: PLC0415
    from imds_probe.doctor.checks import checks, exit_code, looked  # noqa: PLC0415
    from imds_probe.inventory.containers.discovery import NAMING  # noqa: PLC0415
    from imds_probe.reading.reader import Reader  # noqa: PLC0415
    from imds_probe.system import rootfs  # noqa: PLC0415
    from imds_probe.system.own_memory import read_by  # noqa: PLC0415

    # A file system that hangs costs its own check its answer, and nothing else.
    with Reader(NAMING) as reader, read_by(reader.looker), rootfs.read_by(reader.places):
        check_root(args.root)
        host = _host(args)
        last = _last(host)
        began = _began(last)
        told = looked(host, checks(last, began, damaged(args.root)), report_bug)
    code = exit_code(told)
    if args.output == "json":
        print(json.dumps(page.document(told, args.root, code), indent=2, ensure_ascii=True))
    else:
        print("\n".join(page.lines(told, args.root, style(), everything=args.verbose)))
    return code


def _host(args: argparse.Namespace) -> Host:
    """With the defaults where the configuration is wrong: that is one of the things to tell."""
    from imds_probe.commands import configuration  # noqa: PLC0415
    from imds_probe.config import DEFAULT, Config, Settings  # noqa: PLC0415
    from imds_probe.config import read as read_files  # noqa: PLC0415
    from imds_probe.doctor.check import Host  # noqa: PLC0415
    from imds_probe.system.state_directory import state_directory  # noqa: PLC0415

    default = args.root / DEFAULT.relative_to("/")
    settings, files, wrong = Settings(), tuple[Path, ...](), None
    try:
        files = tuple(file.path for file in read_files(args.config, default))
        settings = configuration.load(args.config, default, complete=True).settings
    except UsageError as error:
        wrong = error
    state = state_directory(args.state_directory or settings.of(Config).state_directory, os.environ, args.root)
    return Host(args.root, os.environ, settings, state, time.time(), wrong, files)


def _last(host: Host) -> Stored | None:
    from imds_probe.collect.firmware import look  # noqa: PLC0415
    from imds_probe.commands.kept_reports import newest  # noqa: PLC0415
    from imds_probe.errors import ProbeError  # noqa: PLC0415

    try:
        return newest(look(host.root).instance_id, host.root)
    except (ProbeError, OSError):
        return None


def _began(last: Stored | None) -> float | None:
    """When a report was begun, in seconds since the epoch; None where it does not say so in a way that can be read."""
    try:
        return seconds_of(last.probe.started_at) if last is not None else None
    except ValueError:
        return None
