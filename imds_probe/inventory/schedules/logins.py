"""What shells read and pam_motd(8) runs when somebody logs in: bash(1), zsh(1), csh(1), fish(1)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from imds_probe.inventory.schedules.accounts import ROOT, Account, accounts
from imds_probe.inventory.schedules.scheduled import AT_LOGIN, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

OF_ALL = (
    *(
        "/etc/profile",
        "/etc/bash.bashrc",
        "/etc/bashrc",
        "/etc/bash.bash_logout",
        "/etc/zshenv",
        "/etc/zprofile",
        "/etc/zshrc",
    ),
    *("/etc/zsh/zshenv", "/etc/zsh/zprofile", "/etc/zsh/zshrc", "/etc/zsh/zlogin", "/etc/csh.cshrc", "/etc/csh.login"),
    *("/etc/fish/config.fish", "/etc/ssh/sshrc"),
)
PROFILES, MESSAGES = "/etc/profile.d", "/etc/update-motd.d"
OF_ONE = (
    *(".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_aliases", ".bash_logout", ".zshenv", ".zprofile"),
    *(".zshrc", ".zlogin", ".cshrc", ".tcshrc", ".login", ".kshrc", ".ssh/rc"),
    ".config/fish/config.fish",
)
_SHELLS = (("bash", "/bin/bash"), ("zsh", "/bin/zsh"), ("csh", "/bin/csh"), ("fish", "/usr/bin/fish"))
# A shell that lets nobody in reads nothing.
_NOBODYS = ("nologin", "false", "sync", "halt", "shutdown")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every file that a shell reads, as if that shell were started with it, but for users' own; and what makes the message of the
    day.
    """
    for path in (*files.files(OF_ALL), *files.files([f"{PROFILES}/{name}" for name in files.names(PROFILES)])):
        if posixpath.dirname(path) != PROFILES or path.endswith((".sh", ".csh")):
            yield _read(path, ROOT.name, ROOT.home)
    for account in of_shells(files):
        if account.owner_uid is None:
            yield from of_home(account, files)
    for path in files.files([f"{MESSAGES}/{name}" for name in files.names(MESSAGES)], executable=True):
        yield Scheduled((path,), Place(path), "login", AT_LOGIN, environment={"PATH": PATH, "HOME": ROOT.home})


def of_shells(files: SystemFiles) -> list[Account]:
    """The accounts that somebody may log in to, one of each home."""
    homes: dict[str, Account] = {}
    for account in accounts(files).values():
        if posixpath.basename(account.shell) not in _NOBODYS:
            homes.setdefault(account.home, account)
    return list(homes.values())


def of_home(account: Account, files: SystemFiles) -> Iterator[Scheduled]:
    """What is read when this one logs in, of its own."""
    for path in files.files([f"{account.home}/{name}" for name in OF_ONE]):
        yield replace(_read(path, account.name, account.home), owner_uid=account.owner_uid)


def _read(path: str, user: str, home: str) -> Scheduled:
    name = posixpath.basename(path)
    shell = next((shell for part, shell in _SHELLS if part in name), "/bin/sh")
    around = {"PATH": PATH, "HOME": home, "USER": user, "LOGNAME": user}
    return Scheduled((shell, path), Place(path), "login", AT_LOGIN, environment=around, directory=home, user=user)
