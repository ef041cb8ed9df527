"""`python -m imds_probe` and the imds-probe command: a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys

from imds_probe.commands import dispatch
from imds_probe.errors import OutputError


def main() -> None:
    """Run the command, and end the process. The interpreter would take all modules and objects apart first, which takes longer
    than judging; the system takes them back at once.
    """
    code: int | str | None = None

    def end() -> None:  # the last of the exit functions, as the first that was registered
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OutputError, OSError):  # it was said, or there is nowhere to say it
                stream.flush()
        if isinstance(code, int):
            os._exit(code)

    atexit.register(end)
    try:
        code = dispatch.main()
    except SystemExit as left:  # argparse's
        code = left.code
    sys.exit(code)


if __name__ == "__main__":
    main()
