"""What a shell reads before its command, where it is a login shell or one that somebody types into.

Source: bash(1), INVOCATION; dash(1); zsh(1), STARTUP FILES; /etc/profile of Debian, Red Hat and Amazon Linux.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.around import Around
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH
from imds_probe.inventory.schedules.commands.shell_commands import ANY
from imds_probe.inventory.schedules.system_files import SystemFiles

DIRECTORY, FILES_MAX = "/etc/profile.d", 60
_LOGIN: Mapping[str, tuple[str, ...]] = {
    "bash": (".bash_profile", ".bash_login", ".profile"),
    "zsh": (".zprofile", ".zlogin"),
}
_TYPED_INTO: Mapping[str, tuple[str, ...]] = {"bash": (".bashrc",), "zsh": (".zshrc",)}
_OF_SYSTEM = ("/etc/profile",)


@dataclass(frozen=True)
class Profiles:
    """Files that a shell reads: all of `every`, and then the first of `first` that is there."""

    every: tuple[str, ...] = ()
    first: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.every, *self.first)


NONE = Profiles()


def read_by(words: Sequence[str | None], home: str) -> Profiles:
    """Those of a shell that is started with these words, before its command."""
    shell = posixpath.basename(words[0] or "")
    options = [word for word in words[1:] if word]
    letters = "".join(word[1:] for word in options if word.startswith("-") and not word.startswith("--"))
    if "l" in letters or "--login" in options:
        return of_login(shell, home) if "--noprofile" not in options else NONE
    if "i" in letters and "--norc" not in options:
        return Profiles(tuple(f"{home}/{name}" for name in _TYPED_INTO.get(shell, ()) if home))
    return NONE


def of_login(shell: str, home: str) -> Profiles:
    """Those of a login shell."""
    return Profiles(_OF_SYSTEM, tuple(f"{home}/{name}" for name in _LOGIN.get(shell, (".profile",)) if home))


def there(profiles: Profiles, files: SystemFiles) -> Iterator[str]:
    """Those that are there. What lies in /etc/profile.d, /etc/profile reads in a loop."""
    every = list(profiles.every)
    if _OF_SYSTEM[0] in every:
        every += [f"{DIRECTORY}/{name}" for name in files.names(DIRECTORY) if name.endswith(".sh")][:FILES_MAX]
    yield from files.files(every)
    yield from list(files.files(list(profiles.first)))[:1]


def enter(environment: Mapping[str, str], partly: Mapping[str, str], around: Around) -> None:
    """Have what they set around what follows. What was in PATH stays in it, as they mostly add to it."""
    before = around.environment.get("PATH") or DEFAULT_PATH
    parts = dict.fromkeys([*environment.get("PATH", "").split(":"), *before.split(":")])
    new = {name: value for name, value in environment.items() if name not in around.environment}
    around.environment |= new | {"PATH": ":".join(part for part in parts if part.startswith("/"))}
    around.partly |= {
        name: value for name, value in partly.items() if name not in ("PATH", ANY) and name not in around.partly
    }
