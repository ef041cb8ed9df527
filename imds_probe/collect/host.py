"""The operating system: name, version, kernel."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import distro

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.facts.host import Host, OsRelease
from imds_probe.inventory.packages.package import printable
from imds_probe.system import rootfs

_PATHS = ("etc/os-release", "usr/lib/os-release")  # in the order of os-release(5)
LIMIT_BYTES = 16 * 1024  # the longest of any distribution has one
TEXT_MAX, LIKE_MAX = 200, 20


def _collect(context: Context) -> Collected:
    """os-release below the root; kernel and host name are the running system's. Raises FileUnreadable."""
    return Collected((Host(hostname=platform.node() or None, os=os_release(context.root), kernel=os.uname().release),))


def os_release(root: Path) -> OsRelease:
    """What os-release below a root says, which may be a container's. Raises FileUnreadable."""
    found = (rootfs.read(root, path, LIMIT_BYTES) for path in _PATHS)
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
            distro_release_file=os.devnull,  # or this host's own would speak for a root that has no os-release
        )
        return OsRelease(
            id=_text(parsed.id()),
            version_id=_text(parsed.version()),
            pretty_name=_text(parsed.os_release_attr("pretty_name")),
            id_like=tuple(printable(each, TEXT_MAX) for each in parsed.like().split()[:LIKE_MAX]),
        )
    except ValueError as error:  # a quotation without its end
        raise rootfs.FileUnreadable(f"os-release makes no sense: {error}") from None
    finally:
        os.close(memory)


def _text(value: str) -> str | None:
    return printable(value, TEXT_MAX) or None


COLLECTOR = Collector(id="host", collect=_collect, gives=(Host,), without="the operating system of this host")
