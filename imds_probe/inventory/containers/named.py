"""Network namespaces that have a name: what `ip netns` (and CNI plugins) keep in /run/netns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.cgroups import TEXT_MAX
from imds_probe.net import namespaces
from imds_probe.reading.here import Asks
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task
from imds_probe.system.confined import FileUnanswered, FileUnreadable, pin
from imds_probe.system.door import FileStatus
from imds_probe.system.rootfs import looked_up, names
from imds_probe.system.small_file import read_link

DIRECTORY = "run/netns"
NAMED_MAX = 4096
READ_S = 5.0  # takes milliseconds
# How a container's namespace is given a name: a link of the kernel's, which leads to no place of the file system.
_OF_PROCESS = re.compile(r"(?:/|\.\./\.\./)proc/(?P<place>\d{1,10}/ns/[a-z_]{1,20})")


@dataclass(frozen=True)
class Name:
    """A name, the device that it leads to, and its text where it is a link; or what keeps us from looking it up."""

    name: str = ""
    device: int | None = None
    target: str = ""
    trouble: str = ""
    unanswered: bool = False


def read_names(root: str) -> Iterator[Name]:
    """The names below a root."""
    try:
        there = names(Path(root), DIRECTORY)[:NAMED_MAX]
    except FileUnreadable as trouble:
        yield Name(trouble=trouble.problem, unanswered=isinstance(trouble, FileUnanswered))
        return
    for name, found in zip(there, looked_up(Path(root), [f"{DIRECTORY}/{name}" for name in there]), strict=True):
        target = _target(Path(root, DIRECTORY, name))
        if isinstance(found, FileStatus):
            yield Name(name, found.st_dev, target)
        elif found is not None and not target:
            yield Name(name, trouble=found.problem, unanswered=isinstance(found, FileUnanswered))
        else:
            yield Name(name, target=target)


def _target(path: Path) -> str:
    try:
        return read_link(path)
    except OSError:
        return ""


NAMES: Task[str, Name] = Task("names of network namespaces", Name, f"{__name__}:read_names")


def named(
    root: Path, proc: Path, reader: Asks, deadline: float, notes: list[str]
) -> tuple[Mapping[int, Path], tuple[str, ...]]:
    """Inode to path, and why there may be more. Other trouble is said in `notes`.

    A file that is no namespace any more, because its mount is gone, is left out: ip-netns(8) leaves such files behind.
    """
    answer = reader.ask(NAMES, str(root), [root], share_of(deadline, READ_S))
    unseen = [f"/{DIRECTORY}: {answer.failed}"] if answer.failed else []
    found: dict[int, Path] = {}
    for each in answer.found:
        if each.trouble:
            (unseen if each.unanswered else notes).append(each.trouble[:TEXT_MAX])
            continue
        try:
            inode = _inode(root, proc, each)
        except (namespaces.NotANamespace, namespaces.NamespaceGone):
            continue
        except ProbeError as trouble:
            notes.append(trouble.problem[:TEXT_MAX])
            continue
        if inode is not None:
            found.setdefault(inode, root / DIRECTORY / each.name)
    return found, tuple(unseen)


def _inode(root: Path, proc: Path, name: Name) -> int | None:
    """Of the namespace that a name leads to, but never out of the root; None where it leads to nothing, or to a file of another
    file system than the kernel's own of namespaces: only the kernel is asked further, and that answers.
    """
    if match := _OF_PROCESS.fullmatch(name.target):
        return namespaces.inode(proc / match["place"])
    if name.device != namespaces.CURRENT.stat().st_dev:
        return None
    pinned = pin(root, f"{DIRECTORY}/{name.name}")
    if pinned is None:
        return None
    try:
        return namespaces.inode(pinned)
    finally:
        os.close(pinned)
