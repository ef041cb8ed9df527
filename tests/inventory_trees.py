"""A /proc of files and links, as proc(5) says."""

import os
from dataclasses import dataclass
from pathlib import Path

HOST_NETNS, HOST_PIDNS, HOST_MNTNS = 4026531840, 4026531836, 4026531841
HOST_USERNS = os.stat("/proc/self/ns/user").st_ino


@dataclass
class ProcTree:
    """Makes processes that look as proc(5) says. Namespaces are links whose text is all that is read of them."""

    path: Path

    def add(
        self,
        pid,
        cgroup="0::/system.slice/some.service\n",
        *,
        netns=HOST_NETNS,
        pidns=HOST_PIDNS,
        mntns=HOST_MNTNS,
        userns=HOST_USERNS,
        uid=0,
        real_uid=None,
        comm="app",
        ppid=1,
        start=None,
        flags=0x400000,
        state="S",
        command=("app",),
        exe=None,
    ):
        directory = self.path / str(pid)
        (directory / "ns").mkdir(parents=True)
        fields = [state, ppid, pid, pid, 0, -1, flags, *[0] * 12, pid if start is None else start, *[0] * 30]
        comm_bytes = comm.encode() if isinstance(comm, str) else comm
        line = b"%d (%s) %s\n" % (pid, comm_bytes, " ".join(map(str, fields)).encode())
        (directory / "stat").write_bytes(line)
        uids = "\t".join(map(str, [uid if real_uid is None else real_uid, uid, uid, uid]))
        (directory / "status").write_text(f"Name:\t{comm!r}\nUid:\t{uids}\nGid:\t0\t0\t0\t0\n")
        (directory / "cmdline").write_bytes(b"".join(part.encode() + b"\0" for part in command))
        if exe or command != ("app",):
            os.symlink(exe or f"/usr/bin/{command[0].rpartition('/')[2]}", directory / "exe")
        if cgroup is not None:
            (directory / "cgroup").write_text(cgroup)
        for kind, inode in (("net", netns), ("pid", pidns), ("mnt", mntns), ("user", userns)):
            if inode is not None:
                os.symlink(f"{kind}:[{inode}]", directory / "ns" / kind)
        return directory
