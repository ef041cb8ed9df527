"""The file that switches imds-probe off on a host, for the minute in which somebody needs that."""

from __future__ import annotations

from pathlib import Path

from imds_probe.errors import SwitchedOff
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered

FILE = Path("etc/imds-probe/disabled")  # below the root that is looked at


def is_switched_off(root: Path) -> bool:
    """Whether the file is there, whatever it is. Cheap: a daemon asks in each turn. Where it cannot be seen, nobody can have put
    it there either.
    """
    try:
        return looked_for(root)
    except FileUnanswered:
        return False


def looked_for(root: Path) -> bool:
    """The same. Raises FileUnanswered where whoever looked again could wait for ever."""
    try:
        return FILE.name in rootfs.names(root, str(FILE.parent))
    except FileUnanswered:
        raise
    except rootfs.FileUnreadable:
        return False


def switched_off(root: Path) -> SwitchedOff:
    """What is said of it."""
    return SwitchedOff(
        f"switched off on this host: {root / FILE} exists", "Remove that file to switch imds-probe on again."
    )
