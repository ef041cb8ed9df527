"""The operating system: name, version, kernel, and what starts containers on it."""

from __future__ import annotations

import os
import platform

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.container_starters import container_starters
from imds_probe.collect.context import Context
from imds_probe.facts.host import Host, OsRelease
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task

READ_S = 5.0  # takes a millisecond


def _collect(context: Context) -> Collected:
    """os-release below the root; kernel and host name are the running system's, which an image has none of."""
    ends = share_of(context.deadline, READ_S)
    answer = context.reader.ask(OS_RELEASE, str(context.root), [context.root], ends)
    release = next(iter(answer.found), OsRelease(None, None, None))
    running = not context.request.image
    name, kernel = (platform.node() or None, os.uname().release) if running else (None, None)
    host = Host(name, release, kernel, container_starters(context.root))
    return Collected((host,), partial=answer.failed)


OS_RELEASE: Task[str, OsRelease] = Task(
    "system of the host", OsRelease, "imds_probe.collect.os_release:read_os_release"
)
COLLECTOR = Collector(
    id="host",
    collect=_collect,
    gives=(Host,),
    without="the operating system of this host",
    reads=(OS_RELEASE,),
    of_image=True,
)
