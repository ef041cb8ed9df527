"""Which names of files cron and run-parts heed, and which they leave alone: cron(8), run-parts(8)."""

from __future__ import annotations

from collections.abc import Callable

from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.kept.shapes import DIGITS, LETTERS

DEBIAN = "/etc/debian_version"
_PLAIN = LETTERS | DIGITS | frozenset("_-")
# cronie's is_valid file names, and the shell script that is Red Hat's run-parts.
_LEFT_ALONE = ("~", ",", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", ",v", ".cfsaved")
Runs = Callable[[str], bool]


def heeded(files: SystemFiles) -> Runs:
    """For crontabs in /etc/cron.d, and for scripts that run-parts runs."""
    return plain if files.has_file(DEBIAN) else _ordinary


def plain(name: str) -> bool:
    """Letters, digits, underscores and hyphens alone: no "backup.sh"."""
    return bool(name) and _PLAIN.issuperset(name)


def _ordinary(name: str) -> bool:
    return not name.startswith((".", "#")) and not name.endswith(_LEFT_ALONE)
