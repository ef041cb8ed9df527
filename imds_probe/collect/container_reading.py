"""What is read in containers by the parser: which databases there are, what they hold, and the system that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from imds_probe.collect import host
from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.inventory.packages import contained
from imds_probe.inventory.packages.contained import Contents, Identity
from imds_probe.reading.task import Task
from imds_probe.system import rootfs


@dataclass(frozen=True)
class Inside:
    """A container's root, and the packages that matter there by their managers. `deadline` is a time.monotonic."""

    root: str
    names: Mapping[str, tuple[str, ...]]
    deadline: float


@dataclass(frozen=True)
class Part:
    """One thing that was read of an image: its system, a manager's packages, or why something could not be read."""

    os: OsRelease | None = None
    contents: Contents | None = None
    trouble: str = ""


def _identity(root: str) -> Iterator[Identity]:
    yield contained.identity(Path(root))


def _image(inside: Inside) -> Iterator[Part]:
    root = Path(inside.root)
    try:
        yield Part(os=host.os_release(root))
    except rootfs.FileUnreadable as trouble:
        if not _readable(root):
            yield Part(trouble="its files cannot be read: run as root")
            return
        yield Part(trouble=str(trouble))
    for contents in contained.by_manager(root, inside.names, inside.deadline):
        yield Part(contents=contents)


def _databases(inside: Inside) -> Iterator[Contents]:
    yield from contained.by_manager(Path(inside.root), inside.names, inside.deadline)


def _readable(root: Path) -> bool:
    try:
        rootfs.names(root, "/")
    except rootfs.FileUnreadable:
        return False
    return True


IDENTITY: Task[str, Identity] = Task("identity of an image", str, Identity, _identity)
DATABASES: Task[Inside, Contents] = Task("packages below a root", Inside, Contents, _databases)
IMAGE: Task[Inside, Part] = Task("packages of an image", Inside, Part, _image)
