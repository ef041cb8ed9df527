"""`imds-probe daemon`: watches without end, assesses on a schedule, reports."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from imds_probe import exitcodes
from imds_probe.commands.messages import say
from imds_probe.commands.options import add_config, add_full_command_lines, add_state_directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_state_directory(parser)
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="look at the system below DIR (/)")
    parser.add_argument("--assume-ec2", action="store_true", help="assess even where DMI does not say EC2")
    add_full_command_lines(parser)
    parser.add_argument(
        "--early", action="store_true", help="only watch, from early in the boot on, until the daemon takes over"
    )


def run(args: argparse.Namespace) -> int:
    from imds_probe.commands.named_places import check_early, check_root  # noqa: PLC0415

    if args.early:
        check_early(args.root)
        return _early(args)
    from imds_probe.commands import configuration  # noqa: PLC0415
    from imds_probe.config import Config  # noqa: PLC0415
    from imds_probe.service.daemon import Daemon  # noqa: PLC0415
    from imds_probe.system.state_directory import state_directory  # noqa: PLC0415

    def load() -> Config:
        config = configuration.load(args.config).settings.of(Config)
        return replace(config, full_command_lines=True) if args.full_command_lines else config

    check_root(args.root)
    given = args.state_directory or load().state_directory
    directory = state_directory(given, os.environ).absolute()
    arguments = ["--state-directory", str(directory)]
    arguments += ["--root", str(args.root.absolute())] if args.root != Path("/") else []
    arguments += ["--config", str(args.config.absolute())] if args.config else []
    arguments += ["--assume-ec2"] if args.assume_ec2 else []
    arguments += ["--full-command-lines"] if args.full_command_lines else []
    Daemon(directory, load, arguments, say, os.environ, root=args.root).run()
    return exitcodes.READY


def _early(args: argparse.Namespace) -> int:
    """Nothing is read but what watching needs: each moment before it begins is one that nobody watches."""
    from imds_probe.service.early import EarlyWatch  # noqa: PLC0415
    from imds_probe.service.handover import run_directory  # noqa: PLC0415

    EarlyWatch(run_directory(os.environ), say, full=args.full_command_lines).run()
    return exitcodes.READY
