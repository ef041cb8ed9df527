"""Commands that run in another root, by the programs that enter it.

Source: chroot(1), unshare(1), systemd-nspawn(1), schroot(1), proot(1), bwrap(1), systemd-run(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.starters_known import STARTERS
from imds_probe.inventory.schedules.system_files import SystemFiles

MACHINES = "/var/lib/machines"
SCHROOT_CONF, SCHROOT_MORE = "/etc/schroot/schroot.conf", "/etc/schroot/chroot.d"
FILES_MAX, _ROOT = 100, "RootDirectory="


@dataclass(frozen=True)
class _Enters:
    """`root` are options whose value is the directory, `named` those whose value is a name that stands for one; without both it
    is the first word. `within` are those whose value is the directory that the command runs in, `valued` others with a value behind
    them; with one of `unknown` it is not known what runs, or where. A value of one of `properties` is RootDirectory=DIR. `pairs`
    have two values; one of `binds` whose second is "/" has the root.
    """

    root: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()


PROGRAMS: Mapping[str, _Enters] = {
    "chroot": _Enters(),
    "arch-chroot": _Enters(valued=("-u",)),
    "unshare": _Enters(
        root=("-R", "--root"),
        within=("-w", "--wd"),
        valued=("-S", "--setuid", "-G", "--setgid", "--propagation", "--setgroups", "--map-user", "--map-group"),
    ),
    "systemd-nspawn": _Enters(
        root=("-D", "--directory"),
        named=("-M", "--machine"),
        within=("--chdir",),
        valued=(
            *("-u", "--user", "-E", "--setenv", "-p", "--port", "--bind", "--bind-ro", "--tmpfs", "-S", "--slice"),
            *(
                "--uuid",
                "--hostname",
                "--capability",
                "--drop-capability",
                "--console",
                "--network-bridge",
                "--property",
            ),
        ),
        unknown=("-i", "--image", "-b", "--boot", "--template", "--oci-bundle"),
    ),
    "schroot": _Enters(
        named=("-c", "--chroot"),
        within=("-d", "--directory"),
        valued=("-u", "--user", "-n", "--session-name", "-s", "--shell", "-o", "--option"),
        unknown=("-a", "--all", "--all-chroots", "-b", "--begin-session", "-r", "--run-session"),
    ),
    "proot": _Enters(
        root=("-r", "-R", "-S", "--rootfs"),
        within=("-w", "--pwd", "--cwd"),
        valued=(
            "-b",
            "--bind",
            "-m",
            "--mount",
            "-q",
            "--qemu",
            "-k",
            "--kernel-release",
            "-v",
            "--verbose",
            "-i",
            "--change-id",
        ),
    ),
    "systemd-run": _Enters(
        within=("--working-directory",),
        valued=(*STARTERS["systemd-run"].valued, "-M", "--machine", "-H", "--host", "-C"),
        properties=("-p", "--property"),
    ),
    "bwrap": _Enters(
        within=("--chdir",),
        valued=(
            *(
                "--uid",
                "--gid",
                "--hostname",
                "--unsetenv",
                "--lock-file",
                "--sync-fd",
                "--proc",
                "--dev",
                "--tmpfs",
                "--mqueue",
            ),
            *(
                "--dir",
                "--seccomp",
                "--userns",
                "--pidns",
                "--exec-label",
                "--file-label",
                "--cap-add",
                "--cap-drop",
                "--argv0",
            ),
            *(
                "--block-fd",
                "--userns-block-fd",
                "--info-fd",
                "--perms",
                "--size",
                "--remount-ro",
                "--args",
                "--add-seccomp-fd",
            ),
        ),
        pairs=("--setenv", "--file", "--bind-data", "--ro-bind-data", "--symlink", "--chmod", "--overlay-src"),
        binds=("--bind", "--ro-bind", "--dev-bind", "--bind-try", "--ro-bind-try", "--dev-bind-try"),
    ),
}
_OPTIONAL = frozenset(("unshare", "proot", "systemd-run", "bwrap"))  # which need not enter another root


@dataclass(frozen=True)
class Entered:
    """A command in another root. `directory` is that as it was written, `name` stands for one; both are empty where only running
    tells. `within` is where the command runs, from the new root on.
    """

    words: tuple[str | None, ...]
    directory: str = ""
    name: str = ""
    within: str = "/"


def entered(program: str, arguments: Sequence[str | None]) -> Entered | None:
    """What a program of this name runs in another root with these arguments; None where it enters none."""
    enters = PROGRAMS.get(program)
    if enters is None:
        return None
    at, directory, name, within = 0, "", "", "/"
    while at < len(arguments) and (word := arguments[at] or "").startswith("-"):
        at += 1
        if word == "--":
            break
        if word in (*enters.pairs, *enters.binds):
            first, second = (*arguments[at : at + 2], None, None)[:2]
            directory = (first or "") if word in enters.binds and second == "/" else directory
            at += 2
            continue
        option, value, taken = _split(word, arguments[at] if at < len(arguments) else None, enters)
        at += taken
        if option in enters.properties and value.startswith(_ROOT):
            directory = value.removeprefix(_ROOT)
        if option in enters.unknown:
            return Entered(())
        directory = value if option in enters.root else directory
        name = value if option in enters.named else name
        within = value if option in enters.within else within
    if program in _OPTIONAL and (not directory or (directory == "/" and program != "unshare")):
        return None
    if program not in _OPTIONAL and not enters.root and not enters.named:
        directory, at = (arguments[at] or "") if at < len(arguments) else "", at + 1
    return Entered(tuple(arguments[at:]), directory, name, within if within.startswith("/") else "/")


def _split(word: str, following: str | None, enters: _Enters) -> tuple[str, str, bool]:
    """An option, its value, and whether that is the word behind it: "-D DIR", "-qDDIR", "--directory=DIR"."""
    valued = (*enters.root, *enters.named, *enters.within, *enters.valued, *enters.properties)
    option, sign, value = word.partition("=")
    if option.startswith("--"):
        return (option, value, False) if sign or option not in valued else (option, following or "", True)
    for number, letter in enumerate(word[1:], 1):
        option, rest = f"-{letter}", word[number + 1 :].removeprefix("=")
        if option in enters.unknown:
            return option, "", False
        if option in valued:
            return (option, rest, False) if rest else (option, following or "", True)
    return word, "", False


def directory_of(program: str, name: str, files: SystemFiles) -> str:
    """The directory that a name stands for; empty where none does."""
    if program == "systemd-nspawn":
        return f"{MACHINES}/{name}" if name and "/" not in name else ""
    more = [f"{SCHROOT_MORE}/{each}" for each in files.names(SCHROOT_MORE)[:FILES_MAX]]
    for path in (SCHROOT_CONF, *more):
        if found := _of_schroot(files.lines(path), name.removeprefix("chroot:").removeprefix("source:")):
            return found
    return ""


def _of_schroot(lines: Sequence[str], name: str) -> str:
    """What schroot.conf(5) has under a name or alias, where that is a directory."""
    directory, here = "", False
    for raw in lines:
        line = raw.strip()
        key, sign, value = (part.strip() for part in line.partition("="))
        if line.startswith("[") and line.endswith("]"):
            if here and directory:
                return directory
            directory, here = "", line[1:-1].strip() == name
        elif sign and key == "aliases":
            here = here or name in (each.strip() for each in value.split(","))
        elif sign and key in ("directory", "location") and value.startswith("/"):
            directory = value
    return directory if here else ""
