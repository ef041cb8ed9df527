"""What is said beside the output, a line each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache

from imds_probe import __version__
from imds_probe.escape import terminal
from imds_probe.issues import place_for_issues

_before: Callable[[], None] | None = None


def before_a_line(clear: Callable[[], None] | None) -> None:
    """What is called before anything is said, as whoever shows something that a line would be appended to needs; None: nothing."""
    global _before  # noqa: PLW0603 - there is one standard error
    _before = clear


def say(line: str) -> None:
    """On standard error, with the program's name, which the journal puts there itself: systemd.exec(5), $JOURNAL_STREAM."""
    if _before is not None:
        _before()
    name = "" if _goes_to_the_journal() else "imds-probe: "
    print(f"{name}{terminal(line)}", file=sys.stderr, flush=True)


@cache
def say_once(line: str) -> None:
    """The same, where it may come up several times in one process."""
    say(line)


def report_bug(part: str, error: BaseException) -> None:
    """What nobody expected: all that a bug report needs, ready to be pasted, and no values of variables. `part` is what
    failed where the rest goes on, and empty where the program ends by it.
    """
    if _before is not None:
        _before()
    import platform  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    failed = f", in {part}" if part else ""
    print(
        f"imds-probe: this is a bug in imds-probe{failed}. Report all of the following {place_for_issues()}:\n"
        f"  imds-probe {__version__}, Python {platform.python_version()}, {platform.platform()}",
        "\n".join(map(terminal, "".join(traceback.format_exception(error)).split("\n"))),  # it may quote anybody
        sep="\n",
        end="",
        file=sys.stderr,
        flush=True,
    )


def _goes_to_the_journal() -> bool:
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return False
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"
