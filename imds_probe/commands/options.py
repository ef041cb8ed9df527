"""Options that several commands take, so that they mean the same to each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imds_probe.duration import parse_duration


def add_output(parser: argparse.ArgumentParser, forms: Sequence[str], said: str) -> None:
    """The form of what is printed; the first is what nobody has to ask for."""
    parser.add_argument("-o", "--output", choices=tuple(forms), default=forms[0], help=said)


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that every command with a configuration takes."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="read this configuration file (/etc/imds-probe/imds-probe.toml, if it exists)",
    )


def add_catalogs(parser: argparse.ArgumentParser) -> None:
    """Catalogs of the user's own, for every command that judges."""
    parser.add_argument(
        "--catalog",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="judge by a catalog file of your own, too, which `imds-probe catalog` can check; may be repeated",
    )


def add_full_command_lines(parser: argparse.ArgumentParser) -> None:
    """For the commands that watch."""
    parser.add_argument(
        "--full-command-lines",
        action="store_true",
        help="keep the whole command lines of callers, including any passwords and keys in them",
    )


def add_state_directory(parser: argparse.ArgumentParser) -> None:
    """Where the daemon keeps its history, for the daemon and for who reads it."""
    parser.add_argument(
        "--state-directory",
        type=Path,
        metavar="DIR",
        help="where the daemon keeps its history (/var/lib/imds-probe)",
    )


def reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same for argparse, which keeps the words of its own error only."""

    def read(value: str) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


duration = reader(parse_duration)
