"""A small system, and what a command would start on it."""

from __future__ import annotations

from pathlib import Path

from small_roots import SCRIPT

from imds_probe.inventory.schedules.commands.followed import Followed
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

ELF = b"\x7fELF"
PROGRAMS: dict[str, str | bytes | Path] = {
    **{
        f"/usr/bin/{name}": ELF
        for name in ("dash", "a", "b", "python3", "env", "timeout", "curl", "chroot", "tmux", "find")
    },
    "/opt/own": ELF,
    "/opt/wrap": f'{SCRIPT}a\nexec "$@"\n',
    "/usr/bin/run-one": ELF,
    "/usr/bin/sh": Path("dash"),
    "/usr/bin/bash": Path("dash"),
    "/bin": Path("usr/bin"),
    "/opt/app/run.sh": f'{SCRIPT}. "$(dirname "$0")/common.sh"\nexec python3 "$APP/main.py" "$@"\n',
    "/opt/app/common.sh": "APP=/opt/app\na\n",
    "/opt/parts/one": SCRIPT + "a\n",
    "/opt/parts/two.txt": SCRIPT + "b\n",
    "/opt/parts/off": "b\n",
    "/etc/debian_version": "12\n",
    "/etc/cron.daily/x": SCRIPT + "a\n",
}
EXECUTABLE = tuple(name for name, content in PROGRAMS.items() if content == ELF)


def followed(at: Path, command: str | tuple[str, ...], **more: object) -> Followed:
    scheduled = Scheduled(
        command, Place("/etc/crontab", 1), "boot", "at each boot", environment={"PATH": "/usr/bin"}, **more
    )
    return Following(SystemFiles(at)).follow(scheduled)


def names(found: Followed) -> list[str]:
    """The programs by their names; a script of a shell by its path."""
    return [
        each.arguments[1]
        if each.executable == "/usr/bin/dash" and len(each.arguments) > 1
        else each.arguments[0].rpartition("/")[2]
        for each in found.started
    ]
