"""The operating system: name, version, kernel."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator
from pathlib import Path

import distro

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.facts.host import Host, OsRelease
from imds_probe.inventory.packages.contained import OS_RELEASES
from imds_probe.inventory.packages.package import printable
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task
from imds_probe.system import rootfs

READ_S = 5.0  # takes a millisecond
LIMIT_BYTES = 16 * 1024  # the longest of any distribution has one
TEXT_MAX, LIKE_MAX = 200, 20


def _collect(context: Context) -> Collected:
    """os-release below the root; kernel and host name are the running system's, which an image has none of."""
    ends = share_of(context.deadline, READ_S)
    answer = context.reader.ask(OS_RELEASE, str(context.root), [context.root], ends)
    release = next(iter(answer.found), OsRelease(None, None, None))
    running = not context.request.image
    host = Host(platform.node() or None if running else None, release, os.uname().release if running else None)
    return Collected((host,), partial=answer.failed)


def os_release(root: Path) -> OsRelease:
    """What os-release below a root says, which may be a container's. Raises FileUnreadable."""
    found = (rootfs.read(root, path, LIMIT_BYTES) for path in OS_RELEASES)
    content = next((content for content in found if content is not None), b"")
    fields = _fields(content.decode(errors="replace"))
    name = fields.get("ID", "").lower().replace(" ", "_")
    return OsRelease(
        id=_text(distro.NORMALIZED_OS_ID.get(name, name)),
        version_id=_text(fields.get("VERSION_ID", "")),
        pretty_name=_text(fields.get("PRETTY_NAME", "")),
        id_like=tuple(printable(each, TEXT_MAX) for each in fields.get("ID_LIKE", "").split()[:LIKE_MAX]),
    )


def _fields(text: str) -> dict[str, str]:
    """Assignments, quoted as a shell has them. Raises FileUnreadable for a quotation without its end."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    try:
        pairs = [word.partition("=") for word in words]
    except ValueError as error:
        raise rootfs.FileUnreadable(f"os-release cannot be parsed: {error}") from None
    return {name: value for name, sign, value in pairs if sign}


def _text(value: str) -> str | None:
    return printable(value, TEXT_MAX) or None


def _released(root: str) -> Iterator[OsRelease]:
    yield os_release(Path(root))


OS_RELEASE: Task[str, OsRelease] = Task("system of the host", str, OsRelease, _released)
COLLECTOR = Collector(
    id="host",
    collect=_collect,
    gives=(Host,),
    without="the operating system of this host",
    reads=(OS_RELEASE,),
    of_image=True,
)
