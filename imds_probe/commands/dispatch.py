"""From the command line to a command, and from what goes wrong to an exit code: the one error boundary."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from imds_probe import __version__, exitcodes
from imds_probe.commands import COMMANDS, streams
from imds_probe.commands.messages import report_bug, say, say_once
from imds_probe.commands.pages import with_page
from imds_probe.deprecation import in_current_words
from imds_probe.errors import HeldError, OutputError, ProbeError, SwitchedOff, UsageError

# Importing makes many objects and next to no cycles: looking for them after every 700 takes longer than all there is to free.
COLLECTED_AFTER = 20_000
HELP = frozenset(("-h", "--help"))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, and where to read on; argparse's own prints the whole usage first.
        self.exit(exitcodes.USAGE, f"imds-probe: {message}. See `{self.prog} --help`.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    streams.prepare()
    gc.set_threshold(COLLECTED_AFTER)
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.excepthook = _left_with_bug
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return exitcodes.INTERRUPTED
    except OutputError as error:
        if error.reader_left:
            return exitcodes.INTERRUPTED
        say(str(error))
        return exitcodes.NOT_WRITTEN
    except SwitchedOff as error:
        say(with_page(error, arguments))
        return exitcodes.SWITCHED_OFF
    except ProbeError as error:
        say(with_page(error, arguments))
        return _code(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        say(f"{error.filename or 'a file'} cannot be written: {error.strerror}. Free space on its disk.")
        return exitcodes.NOT_WRITTEN
    return code


def _second_word(arguments: list[str], name: str, words: Sequence[str]) -> str | None:
    """The word right after the command's name, if it is one that makes another command of it; it is taken out of the arguments.
    argparse would take it for the only path, where options follow.
    """
    at = arguments.index(name) + 1
    return arguments.pop(at) if arguments[at : at + 1] and arguments[at] in words else None


def _code(error: ProbeError) -> int:
    if isinstance(error, UsageError):
        return exitcodes.USAGE
    return exitcodes.HELD if isinstance(error, HeldError) else exitcodes.UNAVAILABLE


def _left_with_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    del kind, trace
    report_bug("", error)
    # The interpreter would leave with 1, which means "not ready".
    os._exit(exitcodes.BUG)


def _dispatch(arguments: list[str]) -> int:
    parser = _Parser(
        prog="imds-probe",
        description="May this EC2 host be switched to IMDSv2-only now, with what command, and if not, what must change?",
        epilog="Exit codes of run and judge: 0 ready, 1 not ready, 3 unknown, 4 needs a higher hop limit; 2 wrong usage or "
        "configuration, 69 trouble on the host, 70 a bug, 74 the output could not be written, 75 another process holds a lock, "
        "77 switched off.",
    )
    parser.add_argument("--version", action="version", version=f"imds-probe {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    arguments, warnings = in_current_words(arguments, chosen)
    for warning in warnings:
        say_once(warning)
    with contextlib.ExitStack() as stack:
        for name, line in COMMANDS.items():
            sub = commands.add_parser(name, help=line, description=line[0].upper() + line[1:])
            if name == chosen:
                module = importlib.import_module(f"imds_probe.commands.{name}")
                if hasattr(module, "begin") and not HELP.intersection(arguments):
                    sub.set_defaults(begun=stack.enter_context(module.begin(arguments)))
                module.add_arguments(sub)
                sub.set_defaults(run=module.run, word=_second_word(arguments, name, getattr(module, "WORDS", ())))
        try:
            parsed, unknown = parser.parse_known_args(arguments)
            if unknown:  # argparse itself would name the help of imds-probe, which has no word of the command's options
                commands.choices[parsed.command].error(f"unrecognized arguments: {' '.join(unknown)}")
        except SystemExit:
            sys.stdout.flush()  # --help, which may have nowhere to go either
            raise
        code: int = parsed.run(parsed)
        return code
