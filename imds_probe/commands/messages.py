"""What is said beside the output, a line each."""

from __future__ import annotations

import os
import sys

from imds_probe.escape import terminal


def say(line: str) -> None:
    """On standard error, with the program's name, which the journal puts there itself: systemd.exec(5), $JOURNAL_STREAM."""
    name = "" if _goes_to_the_journal() else "imds-probe: "
    print(f"{name}{terminal(line)}", file=sys.stderr, flush=True)


def _goes_to_the_journal() -> bool:
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return False
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"
