"""What is read in containers by the parser: which databases there are, what they hold, and the system that they are of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imds_probe.collect.container_tasks import Inside, Part
from imds_probe.collect.os_release import os_release
from imds_probe.inventory.packages import contained
from imds_probe.inventory.packages.contents import Contents, Identity
from imds_probe.system import rootfs


def read_identity(root: str) -> Iterator[Identity]:
    """What tells images apart."""
    yield contained.identity(Path(root))


def read_image(inside: Inside) -> Iterator[Part]:
    """The system of an image and its packages, one manager after the other."""
    root = Path(inside.root)
    try:
        yield Part(os=os_release(root))
    except rootfs.FileUnreadable as trouble:
        if not _readable(root):
            yield Part(trouble="its files cannot be read: run as root")
            return
        yield Part(trouble=str(trouble))
    for contents in contained.by_manager(root, inside.names, inside.deadline):
        yield Part(contents=contents)


def read_databases(inside: Inside) -> Iterator[Contents]:
    """The packages of a system whose name is known."""
    yield from contained.by_manager(Path(inside.root), inside.names, inside.deadline)


def _readable(root: Path) -> bool:
    try:
        rootfs.names(root, "/")
    except rootfs.FileUnreadable:
        return False
    return True
