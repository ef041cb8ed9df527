"""Where something else is mounted, as one process sees it: proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from pathlib import Path

from imds_probe.system.small_file import read_pieces

LIMIT_BYTES = 4 * 1024 * 1024  # a Kubernetes node has thousands of mounts, of some 200 bytes each
_ESCAPE = re.compile(r"\\([0-7]{3})")  # of blanks and backslashes


def mount_points(proc: Path, pid: int | str) -> frozenset[str]:
    """The paths, below the process's own root, at which something is mounted, without the root itself.

    Empty where that cannot be read: then the devices of directories have to do.
    """
    try:
        content = read_pieces(proc / str(pid) / "mountinfo", LIMIT_BYTES)
    except OSError:
        return frozenset()
    points = set()
    for line in content.decode(errors="surrogateescape").splitlines():
        fields = line.split(" ")
        if len(fields) > 5:
            points.add(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]))
    return frozenset(points - {"/"})
