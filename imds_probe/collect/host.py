"""The operating system: name, version, kernel."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import distro

from imds_probe.facts import Host, OsRelease
from imds_probe.inventory.packages.rooted import resolve
from imds_probe.small_file import read_head


def collect(root: Path) -> Host:
    """Read os-release below `root`; kernel and host name are the running system's. OSError where it is no file."""
    os_release = distro.LinuxDistribution(
        include_lsb=False, include_uname=False, include_oslevel=False, os_release_file=_os_release(root)
    )
    return Host(
        hostname=platform.node() or None,
        os=OsRelease(
            id=os_release.id() or None,
            version_id=os_release.version() or None,
            pretty_name=os_release.os_release_attr("pretty_name") or None,
            id_like=tuple(os_release.like().split()),
        ),
        kernel=os.uname().release,
    )


def _os_release(root: Path) -> str:
    """Where os-release is, by os-release(5)'s order, with links read as the system at `root` reads them."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        if path := resolve(root, name):
            read_head(path, 1)  # distro would wait for a FIFO to be written
            return str(path)
    return os.devnull
