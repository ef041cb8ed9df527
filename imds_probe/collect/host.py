"""The operating system: name, version, kernel."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import distro

from imds_probe.facts import Host, OsRelease


def collect(root: Path) -> Host:
    """Read os-release below `root`; kernel and host name are the running system's."""
    os_release = distro.LinuxDistribution(
        include_lsb=False,
        include_uname=False,
        include_oslevel=False,
        root_dir=None if root == Path("/") else str(root),
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
