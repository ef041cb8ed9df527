"""Where the account of a uid has its home below a root, for what rootless runtimes keep there."""

from __future__ import annotations

import re
from pathlib import Path

from imds_probe.system.rootfs import FileUnreadable, read

_UID = re.compile(r"[0-9]{1,10}")  # int() would also take "1_0" and other scripts' digits


def homes(root: Path, notes: list[str]) -> dict[int, str]:
    """uid to home directory by /etc/passwd; directory services are not asked. What cannot be read is said in `notes`."""
    try:
        content = read(root, "/etc/passwd")
    except FileUnreadable as trouble:
        notes.append(trouble.problem)
        return {}
    found: dict[int, str] = {}
    for line in (content or b"").decode(errors="replace").split("\n"):
        fields = line.split(":")
        if len(fields) >= 7 and _UID.fullmatch(fields[2]) and fields[5].startswith("/"):
            found.setdefault(int(fields[2]), fields[5])
    return found
