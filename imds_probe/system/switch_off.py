"""The file that switches imds-probe off on a host, for the minute in which somebody needs that."""

from __future__ import annotations

import os
from pathlib import Path

from imds_probe.errors import ProbeError

FILE = Path("etc/imds-probe/disabled")  # below the root that is looked at


class SwitchedOff(ProbeError):
    """Nothing is observed on this host, as somebody wants it so (an exit code of its own)."""


def is_switched_off(root: Path) -> bool:
    """Whether the file is there, whatever it is. Cheap: a daemon asks in each turn."""
    return os.path.lexists(root / FILE)


def check(root: Path) -> None:
    """Raises SwitchedOff."""
    if is_switched_off(root):
        raise switched_off(root)


def switched_off(root: Path) -> SwitchedOff:
    """What is said of it."""
    return SwitchedOff(
        f"switched off on this host: {root / FILE} exists", "Remove that file to switch imds-probe on again."
    )
