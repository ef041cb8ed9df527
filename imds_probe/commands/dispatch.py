"""From the command line to a command, and from what goes wrong to an exit code: the one error boundary."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from imds_probe import __version__, exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.commands.messages import say
from imds_probe.errors import ProbeError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, and where to read on; argparse's own prints the whole usage first.
        self.exit(exitcodes.USAGE, f"imds-probe: {message}. See `{self.prog} --help`.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.excepthook = _report_bug
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return exitcodes.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left (`imds-probe run | head`). Nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exitcodes.INTERRUPTED
    except ProbeError as error:
        say(str(error))
        return exitcodes.USAGE
    return code


def _report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody expected: print what a bug report needs (no values of variables) and leave with the bug's code."""
    import platform  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    print(
        "imds-probe: this is a bug in imds-probe. Please report it with all of the following:\n"
        f"  imds-probe {__version__}, Python {platform.python_version()}, {platform.platform()}",
        "".join(traceback.format_exception(kind, error, trace)),
        sep="\n",
        end="",
        file=sys.stderr,
        flush=True,
    )
    # The interpreter would leave with 1, which means "not ready".
    os._exit(exitcodes.BUG)


def _dispatch(arguments: list[str]) -> int:
    # What cannot be encoded (a Latin-1 terminal, LANG=C under SSM) is escaped instead of ending the run.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = _Parser(
        prog="imds-probe",
        description="May this EC2 host be switched to IMDSv2-only now, with what command, and if not, what must change?",
        epilog="Exit codes of run and judge: 0 ready, 1 not ready, 3 unknown, 4 needs a higher hop limit; 2 wrong usage, 70 a bug.",
    )
    parser.add_argument("--version", action="version", version=f"imds-probe {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, line in COMMANDS.items():
        sub = commands.add_parser(name, help=line, description=line[0].upper() + line[1:])
        if name == chosen:
            module = importlib.import_module(f"imds_probe.commands.{name}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    code: int = parsed.run(parsed)
    return code
