"""A reader's work under qemu-user, which traces the system calls of programs and has no filters of them: the program is told to
go on where it would install one, and says which by the length of its code. traced_readers.py DIRECTORY ROOT PATH...

What each process does goes to the file of DIRECTORY that is named after it. Standard output has, as JSON, what comes of the
reading as it is, and as it is where a filter counts as installed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import reading_tasks as tasks

from imds_probe.reading import confinement, forking, seccomp
from imds_probe.reading.reader import Reader
from imds_probe.reading.task import Answer

FILTER = "/a-filter-of-"  # a file that there is not, which the trace shows to be looked for


def asked(root: str, paths: tuple[str, ...]) -> Answer[tasks.Said]:
    with Reader(tasks.TASKS) as reader:
        return reader.ask(tasks.ALL_WAYS, tasks.At(root, paths), [Path(root)], time.monotonic() + 60)


def traced(directory: str) -> None:
    """Have those that come trace themselves. The trace is qemu's, and takes descriptors and writing as any other file."""

    def detach(keep: object) -> None:
        del keep
        os.dup2(os.open(f"{directory}/{os.getpid()}", os.O_WRONLY | os.O_CREAT), 2)

    forking.detach = detach
    confinement._limit = lambda limits: None
    seccomp.install = lambda code: os.access(f"{FILTER}{len(code)}", os.F_OK) and None


if __name__ == "__main__":
    directory, root, *paths = sys.argv[1:]
    as_it_is = asked(root, tuple(paths))
    traced(directory)
    read = asked(root, tuple(paths))
    print(json.dumps([[as_it_is.failed, len(as_it_is.found)], [read.failed, [each.said for each in read.found]]]))
