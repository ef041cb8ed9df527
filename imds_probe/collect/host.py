"""The operating system: name, version, kernel."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import distro

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.facts.host import Host, OsRelease
from imds_probe.system import rootfs

_PATHS = ("etc/os-release", "usr/lib/os-release")  # in the order of os-release(5)


def _collect(context: Context) -> Collected:
    """os-release below the root; kernel and host name are the running system's. Raises FileUnreadable."""
    return Collected((Host(hostname=platform.node() or None, os=os_release(context.root), kernel=os.uname().release),))


def os_release(root: Path) -> OsRelease:
    """What os-release below a root says, which may be a container's. Raises FileUnreadable."""
    found = (rootfs.read(root, path) for path in _PATHS)
    content = next((content for content in found if content is not None), b"")
    # distro wants a path, and one below a container's root could be swapped for a link while it is opened.
    memory = os.memfd_create("os-release", os.MFD_CLOEXEC)
    try:
        os.write(memory, content.decode(errors="replace").encode())
        parsed = distro.LinuxDistribution(
            include_lsb=False,
            include_uname=False,
            include_oslevel=False,
            os_release_file=f"/proc/self/fd/{memory}",
        )
        return OsRelease(
            id=parsed.id() or None,
            version_id=parsed.version() or None,
            pretty_name=parsed.os_release_attr("pretty_name") or None,
            id_like=tuple(parsed.like().split()),
        )
    finally:
        os.close(memory)


COLLECTOR = Collector(id="host", collect=_collect, gives=(Host,), without="the operating system of this host")
