"""imds-probe, whose reader processes are killed while they work: killing.py PROCESS TASK imds-probe's arguments.

PROCESS is "_parser" or "_opener". It is stopped before it is told of a task of that number, so that it cannot be through with
it, and killed then; so are all that come after it, at the same task.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from imds_probe import assessment
from imds_probe.collect.collectors import READING
from imds_probe.commands.dispatch import main
from imds_probe.reading.reader import Reader
from imds_probe.reading.workers import Worker


class Killing(Reader):
    """A reader of which one process does not live through one task."""

    task, process = "", ""
    asked = ""
    stopped = 0

    def _attempt(self, task: Any, *of_it: Any) -> Any:
        self.asked = task.id
        try:
            return super()._attempt(task, *of_it)
        finally:
            self.asked = ""

    def _ready(self, roots: Sequence[str], deadline: float) -> Worker:
        parser = super()._ready(roots, deadline)
        if self.asked == self.task:
            self.stopped = getattr(self, self.process).pid
            os.kill(self.stopped, signal.SIGSTOP)
        return parser

    def _next(self, *of_it: Any) -> Any:
        if self.stopped:
            os.kill(self.stopped, signal.SIGKILL)
            self.stopped = 0
        return super()._next(*of_it)


if __name__ == "__main__":
    Killing.process, Killing.task = sys.argv[1], READING[int(sys.argv[2])].id
    assessment.Reader = Killing  # type: ignore[misc]
    sys.exit(main(sys.argv[3:]))
