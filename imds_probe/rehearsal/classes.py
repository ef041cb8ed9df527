"""Connections told by the class of their sockets, where control groups of version 1 are: net_cls gives it to what is in a group.

The runtime of a container makes a group for it there, whose class is set. systemd makes none for a unit, so that its processes are
moved into a group below that which they are in. Where a class is set already, somebody shapes or filters traffic by it, and
nothing is touched. The class of a rehearsal that was killed stays until `undo`. By itself it does nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.backends import is_before
from imds_probe.rehearsal.group import (
    CLASS_FILE,
    CLASSES,
    CONTROLLER,
    NAME,
    Hierarchy,
    below_it,
    classes_of,
    members,
    own_class,
    own_name,
    path_of,
    removed,
    version_2,
)
from imds_probe.rehearsal.lock_holders import holders, strangers
from imds_probe.rehearsal.rules import Group
from imds_probe.system.small_file import read_head

CLASS_BYTES = 64


class StillHeld(Exception):
    """A rehearsal still runs; `pid` is its process, None where that is not seen here."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


def usable(proc: Path, release: str | None = None) -> Hierarchy:
    """Where net_cls is, if it can be used. Raises CannotRehearse.

    Before Linux 5.15, whoever uses it beside version 2 takes from systemd and others for good what they know of sockets by that.
    """
    found = classes_of(proc)
    if found is None:
        raise CannotRehearse(
            "the control groups of net_cls, which would tell its connections from others', are not mounted",
            "Mount them (mount -t cgroup -o net_cls net_cls DIRECTORY/net_cls), or boot with systemd.unified_cgroup_hierarchy=1.",
        )
    if version_2(proc) is not None and is_before(release or os.uname().release, (5, 15)):
        raise CannotRehearse(
            "before Linux 5.15, net_cls must not be used beside control groups of version 2: systemd and container networks would "
            "lose the packet rules that they have by version 2",
            "Boot with systemd.unified_cgroup_hierarchy=1.",
        )
    return found


def class_of(directory: Path) -> int | None:
    """The class of a group, 0 for none; None where the group is gone."""
    try:
        return int(read_head(directory / CLASS_FILE, CLASS_BYTES))
    except (OSError, ValueError):
        return None


class ByClass:
    """By the class of its own group, and of groups in that. Raises CannotRehearse where somebody has set one."""

    def __init__(self, name: str, directory: Path, hierarchy: Hierarchy) -> None:
        self._name, self.directory, self.hierarchy = name, directory, hierarchy
        for each in self._groups():
            must_be_free(name, each)

    def group(self) -> Group | None:
        return _group(self.directory, self.members())

    def members(self) -> list[int]:
        return members(self.directory)

    def keep(self) -> None:
        for each in self._groups():
            if class_of(each) != own_class() and must_be_free(self._name, each):
                _mark(each)

    def give_back(self) -> list[str]:
        for each in self._groups():
            if class_of(each) == own_class():
                with contextlib.suppress(OSError):  # said below
                    _set(each, 0)
        return [_class_in_words(each) for each in self._groups() if class_of(each) == own_class()]

    def _groups(self) -> Iterator[Path]:
        yield self.directory
        yield from below_it(self.directory)


class ByOwnGroups:
    """By groups of the rehearsal's own in net_cls, into which the members of `directory` are moved: a control group of another
    hierarchy. Raises CannotRehearse where one of them has a class already.
    """

    def __init__(self, name: str, directory: Path, hierarchy: Hierarchy, proc: Path) -> None:
        self._name, self.directory, self.hierarchy, self._proc = name, directory, hierarchy, proc
        self._made: list[Path] = []
        for pid in self.members():
            around = self._around(pid)
            if around is not None:
                must_be_free(name, around)

    def group(self) -> Group | None:
        return _group(self.directory, self.members())

    def members(self) -> list[int]:
        return members(self.directory)

    def keep(self) -> None:
        moved = {pid for made in self._made for pid in members(made)}
        for pid in self.members():
            if pid not in moved:
                self._move(pid)

    def give_back(self) -> list[str]:
        return [f"the control group {made}" for made in self._made if not removed(made)]

    def _move(self, pid: int) -> None:
        around = self._around(pid)
        if around is None or around.name == own_name() or not must_be_free(self._name, around):
            return
        made = around / own_name()
        if made not in self._made:
            self._made.append(made)
        try:
            made.mkdir(exist_ok=True)
        except FileNotFoundError:
            return  # gone meanwhile, with what was in it
        except OSError as error:
            raise _cannot_be_set(made, error) from None
        _mark(made)
        with contextlib.suppress(OSError):  # it ended
            (made / "cgroup.procs").write_text(str(pid))

    def _around(self, pid: int) -> Path | None:
        """The group of net_cls that a process is in; None where the process has ended."""
        with contextlib.suppress(OSError, ProbeError):
            path = path_of(self._proc, str(pid), CONTROLLER)
            if ".." not in Path(path).parts:
                return self.hierarchy.mount / path.lstrip("/")
        return None


def left_set(below: Path | None, proc: Path) -> list[Path]:
    """Groups that have the class of a rehearsal, and are not its own or in that: all of them, or those in one group."""
    classes = classes_of(proc)
    top = below or (classes.mount if classes is not None else None)
    if top is None:
        return []
    return [
        each
        for each in below_it(top)
        if _is_of_rehearsal(class_of(each)) and not any(map(NAME.fullmatch, each.relative_to(top).parts))
    ]


def unset(directory: Path, proc: Path) -> bool:
    """Take the class of a rehearsal from a group; whether it is gone. Raises StillHeld where the rehearsal that set it still runs:
    it holds the group, or one around that.
    """
    with contextlib.ExitStack() as stack:
        for each in (directory, *directory.parents):
            if not _is_of_rehearsal(class_of(each)):
                break
            try:
                opened = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue
            stack.callback(os.close, opened)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not strangers(opened, proc):
                    raise StillHeld(
                        next((one.pid for one in holders(opened, proc) if one.may_rehearse), None)
                    ) from None
        with contextlib.suppress(OSError):
            _set(directory, 0)
    return not _is_of_rehearsal(class_of(directory))


def _is_of_rehearsal(class_id: int | None) -> bool:
    return class_id is not None and class_id & 0xFFFF0000 == CLASSES


def _group(directory: Path, pids: list[int]) -> Group | None:
    with contextlib.suppress(OSError):
        inode = directory.stat().st_ino
        if pids:
            return Group(inode, class_id=own_class())
    return None


def must_be_free(name: str, directory: Path) -> bool:
    """Whether the group is there, without a class. Raises CannotRehearse where it has one."""
    there = class_of(directory)
    if there:
        raise CannotRehearse(
            f"the traffic of {name} has a class already, {there:#x} by {directory / CLASS_FILE}",
            "Rehearse the host (--host), or a command in its place.",
        )
    return there is not None


def _set(directory: Path, class_id: int) -> None:
    (directory / CLASS_FILE).write_text(str(class_id))


def _mark(directory: Path) -> None:
    """Give it the class of the rehearsal. Raises CannotRehearse."""
    try:
        _set(directory, own_class())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return  # gone meanwhile, with what it was for
        raise _cannot_be_set(directory, error) from None


def _cannot_be_set(directory: Path, error: OSError) -> CannotRehearse:
    return CannotRehearse(
        f"the class of the control group {directory} cannot be set: {error.strerror}",
        "Run as root, outside of a container whose control groups are read-only.",
    )


def _class_in_words(directory: Path) -> str:
    return f"the class of the control group {directory}"
