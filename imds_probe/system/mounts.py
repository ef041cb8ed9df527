"""What is mounted where, as one process sees it: proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.small_file import read_pieces

LIMIT_BYTES = 4 * 1024 * 1024  # a Kubernetes node has thousands of mounts, of some 200 bytes each
# Kinds that have no files of anybody's.
_OF_KERNEL = frozenset(
    """
    binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nfsd nsfs proc pstore
    rpc_pipefs securityfs selinuxfs smackfs sysfs tracefs
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
# Those whose files lie with another machine or with a process: to touch one may hang.
_ELSEWHERE = frozenset(
    """
    9p acfs afs autofs beegfs ceph cifs coda davfs fuse gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs panfs
    smb3 smbfs virtiofs wekafs
    """.split()  # noqa: SIM905 - the same
)
_ESCAPE = re.compile(rb"\\([0-7]{3})")  # of blanks and backslashes


@dataclass(frozen=True)
class Mount:
    """One mount. `device` is that of st_dev, "MAJOR:MINOR"; `kind` the file system's; `point` below the process's root."""

    device: str
    point: str
    kind: str

    @property
    def is_local(self) -> bool:
        """Whether its files lie on this machine's own disks or in its memory."""
        return self.kind not in _OF_KERNEL and not self.is_elsewhere

    @property
    def is_elsewhere(self) -> bool:
        """Whether its files lie with another machine, or a process of a user's hands them out."""
        return self.kind in _ELSEWHERE or self.kind.startswith("fuse.")


def mounts(proc: Path, pid: int | str) -> tuple[Mount, ...]:
    """Every mount, in the order in which they were made; empty where that cannot be read."""
    try:
        content = read_pieces(proc / str(pid) / "mountinfo", LIMIT_BYTES)
    except OSError:
        return ()
    found = []
    for line in content.splitlines():
        fields, _, after = line.partition(b" - ")
        parts = fields.split(b" ")
        if len(parts) > 5:
            point = _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), parts[4])
            kind = after.partition(b" ")[0].decode(errors="replace")
            found.append(Mount(parts[2].decode(errors="replace"), os.fsdecode(point), kind))
    return tuple(found)


def options_of(proc: Path, pid: int | str, kind: str) -> tuple[str, ...]:
    """The options of each mount of this kind, those of the mount and of its file system; empty where that cannot be read."""
    try:
        content = read_pieces(proc / str(pid) / "mountinfo", LIMIT_BYTES)
    except OSError:
        return ()
    found = []
    for line in content.decode(errors="replace").splitlines():
        fields, _, after = line.partition(" - ")
        parts, rest = fields.split(" "), after.split(" ")
        if len(parts) > 5 and len(rest) > 2 and rest[0] == kind:
            found.append(f"{parts[5]},{rest[2]}")
    return tuple(found)


def mount_points(proc: Path, pid: int | str) -> frozenset[str]:
    """The paths at which something is mounted, without the root itself.

    Empty where that cannot be read: then the devices of directories have to do.
    """
    return frozenset(mount.point for mount in mounts(proc, pid)) - {"/"}
