"""Commands that settings of other software name, and directories of scripts of such: monitoring, logins, deployments, at.

A command is followed as one of cron's is. It counts only where the software is there, and where the software reads the file: each
has its own names for files that it does not read.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import anacron, cron
from imds_probe.inventory.schedules import settings_commands as by_line
from imds_probe.inventory.schedules.accounts import ROOT, accounts
from imds_probe.inventory.schedules.commands.programs import READ
from imds_probe.inventory.schedules.commands.settings_named import ANACRONTAB, CRONTABS, PROVIDERS, NamedSettings
from imds_probe.inventory.schedules.scheduled import AT_BOOT, AT_LOGIN, AT_START, Kind, Place, Scheduled
from imds_probe.inventory.schedules.settings_known import (
    FAIL2BAN,
    INITTAB,
    OF_CONTAINERS,
    SCRIPTS,
    SETTINGS,
    UPSTART,
    Scripts,
    Settings,
)
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

FILES_MAX, COMMANDS_MAX, COMMAND_MAX, INCLUDED_MAX = 1000, 500, 8000, 5
DIRECTORIES_MAX = 5000
SHELL = "/bin/sh"
BEHIND_PATH = ":/usr/lib/udev:/lib/udev"  # where udev looks for what it is given without a directory
INSTALLED = tuple(f"{top}/{name}" for top in ("/usr/local", "/usr", "") for name in ("sbin", "bin"))
PREFIXES = ("/opt", "/usr/local")  # software that has a directory of its own
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
# What package managers, editors and administrators leave beside a file, and nobody reads.
_LEFT_ASIDE = re.compile(
    r".{0,250}(?:~|,v|\.(?:bak|backup|cfsaved|disabled|off|old|orig|pacnew|pacsave|save|sw[op]|tmp|(?:dpkg|ucf)-\w{1,9}|rpm\w{1,9}|"
    r"rhn-cfg-tmp-.{0,100}))",
    re.DOTALL,
)
_OFF = re.compile(r"^[ \t]{0,20}enabled[ \t]{0,20}[=:][ \t]{0,20}(?:0|no|false|off)\b", re.MULTILINE | re.IGNORECASE)
_OF_SDK = re.compile(r"\bboto(?:3|core)?\b|\bawscli\b")
JAILS, ACTIONS = "/etc/fail2ban", "/etc/fail2ban/action.d"


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each command once for each line that names it."""
    yield from _of_scripts(SCRIPTS, files)
    for settings in SETTINGS:
        yield from _of_settings(settings, _paths(settings, files), files)
    if not any(files.files(SYSTEMD)):  # which knows neither
        with_upstart = any(files.files([f"{directory}/initctl" for directory in INSTALLED]))
        for settings in (UPSTART,) if with_upstart else (INITTAB,):
            yield from _of_settings(settings, _paths(settings, files), files)
    yield from _of_settings(FAIL2BAN, _actions(files), files)


def of_running(files: SystemFiles, *, runs: frozenset[str]) -> Iterator[Scheduled]:
    """The same in a container, of the programs that run there: by their names, or by their paths where software has one."""
    yield from _of_scripts(OF_CONTAINERS, files)
    for scripts in SCRIPTS:
        if not runs.isdisjoint(scripts.software):
            yield from _of_scripts([scripts], files, runs=True)
    for settings in SETTINGS:
        if not runs.isdisjoint((*settings.software, *settings.run_by, *settings.loaded_by)):
            yield from _of_settings(settings, _paths(settings, files), files, runs=True)


def of_named(named: Iterable[NamedSettings], owner_uid: int | None, files: SystemFiles) -> Iterator[Scheduled]:
    """The same of settings that command lines name, of root or of an unprivileged user: whoever is told to read them does."""
    files.owner_uid = owner_uid
    for each in named:
        yield from (replace(found, owner_uid=owner_uid) for found in _of_one_named(each, files))


def _of_one_named(named: NamedSettings, files: SystemFiles) -> Iterator[Scheduled]:
    within = named.within or not files.has_file(named.path)  # some programs take both for one option
    names = _first(named.path, files.names(named.path), files) if within else ()
    places = [f"{named.path}/{name}" for name in names] if within else [named.path]
    settings = next((each for each in SETTINGS if each.what == named.what), None)
    if settings is not None:
        read = [path for path in places if not within or _is_read(posixpath.basename(path), settings.names)]
        yield from _of_settings(settings, read, files, runs=True)
        return
    if named.what == PROVIDERS:
        yield from (_started((path,), Place(path), PROVIDERS) for path in files.files(places, executable=True))
        return
    if named.what == ANACRONTAB:
        known = accounts(files).values()
        account = next((each for each in known if each.owner_uid == files.owner_uid), ROOT)
        for path in files.files(places if named.path != anacron.TABLE else ()):
            yield from anacron.jobs(path, files, account)
        return
    around = cron.Around.of(files)
    for path in files.files(places):
        user = posixpath.basename(path) if named.what == CRONTABS else "root"
        yield from cron.entries(files.lines(path), path, user, around)


def _of_scripts(all_of_them: Iterable[Scripts], files: SystemFiles, *, runs: bool = False) -> Iterator[Scheduled]:
    for scripts in all_of_them:
        for directory in (each for named in scripts.directories for each in _with_names(named, files)):
            named = [f"{directory}/{name}" for name in files.names(directory) if _is_read(name, scripts.names)]
            if named and not runs and not _is_installed(scripts, files):
                continue
            for path in files.files(_first(directory, named, files), executable=not (scripts.plain or scripts.reads)):
                if _is_off(path, scripts, files):
                    continue
                by = (SHELL,) if scripts.plain else _read_by(path, scripts, files) if scripts.reads else ()
                yield _started((*by, path), Place(path), scripts.when)


def _is_off(path: str, scripts: Scripts, files: SystemFiles) -> bool:
    """Whether its own settings turn a plug-in off."""
    name = f"{posixpath.splitext(posixpath.basename(path))[0]}.conf"
    there = list(files.files([f"{directory}/{name}" for directory in scripts.switches]))
    return any(_OFF.search(files.text(each) or "") for each in there)


def _read_by(path: str, scripts: Scripts, files: SystemFiles) -> tuple[str, ...]:
    """What software itself loads is read as it is; where it uses an SDK, that one is loaded, too."""
    if not scripts.imports or _OF_SDK.search(files.text(path) or "") is None:
        return (READ,)
    return (next(files.files(scripts.imports, executable=True), READ),)


def _of_settings(
    settings: Settings, paths: list[str], files: SystemFiles, *, runs: bool = False
) -> Iterator[Scheduled]:
    """`runs`: the software does, wherever it is."""
    waiting = [(path, 0) for path in files.files(paths)]
    installed: bool | None = runs or None
    done: set[str] = set()
    for path, depth in waiting:
        if path in done:
            continue
        if len(done) >= FILES_MAX:
            if installed or (installed is None and _is_installed(settings, files)):
                files.leave_out(path, unread.MORE, f"{settings.what} has more than {FILES_MAX} files of settings")
            break
        done.add(path)
        text = files.text(path) or ""
        if settings.include and depth < INCLUDED_MAX:
            waiting += [(each, depth + 1) for each in files.files(_included(settings, path, text, files))]
        programs = [f"{directory}/{name}" for directory in INSTALLED for name in settings.loaded_by]
        for program in list(files.files(programs))[:1]:
            yield _started((program, f"--include={path}"), Place(path), settings.when, posixpath.dirname(path))
        for number, named in enumerate(settings.commands(text)):
            installed = _is_installed(settings, files) if installed is None else installed
            if not installed or number >= COMMANDS_MAX:
                _say(settings, path, files, installed=installed)
                break
            if named.command:
                directory = posixpath.dirname(path) if named.directory == "." else named.directory
                # What is named without a directory lies beside the settings, or beside those that include them.
                places = dict.fromkeys((directory, posixpath.dirname(directory)))
                read = (READ, *dict.fromkeys(posixpath.join(place, named.command) for place in places))
                command = read if named.reads else named.command[:COMMAND_MAX]
                yield _started(command, Place(path, named.line), settings.when, directory)


def _first(directory: str, listed: Sequence[str], files: SystemFiles) -> Sequence[str]:
    return files.some(directory, listed, FILES_MAX, "files")


def _say(settings: Settings, path: str, files: SystemFiles, *, installed: bool) -> None:
    if installed:
        said = f"{path} names more than {COMMANDS_MAX} commands, and the rest was not followed"
        files.leave_out(path, unread.MORE, said)
    elif not settings.of_others:
        files.say(
            f"the commands in {path} were not followed: {settings.what} was not found where it is usually installed"
        )


def _is_installed(settings: Settings | Scripts, files: SystemFiles) -> bool:
    if not settings.software:
        return True
    own = [
        f"{top}/{name}/{binaries}"
        for top in PREFIXES
        for name in files.names(top)[:FILES_MAX]
        for binaries in ("bin", "sbin")
    ]
    named = [f"{directory}/{name}" for directory in (*INSTALLED, *own) for name in settings.software if "/" not in name]
    return any(files.files([*named, *(name for name in settings.software if "/" in name)]))


def _is_read(name: str, names: re.Pattern[str]) -> bool:
    return not name.startswith(".") and names.fullmatch(name) is not None and _LEFT_ASIDE.fullmatch(name) is None


def _paths(settings: Settings, files: SystemFiles) -> list[str]:
    directories = [each for directory in settings.directories for each in _with_names(directory, files)]
    homes = dict.fromkeys(account.home for account in accounts(files).values()) if settings.at_home else ()
    own = [posixpath.join(home, name) for home in homes for name in settings.at_home]
    return [*settings.files, *own, *(each for directory in directories for each in _in(directory, settings, files))]


def _with_names(directory: str, files: SystemFiles) -> list[str]:
    """A directory, with each name that stands for an asterisk in its path."""
    before, sign, behind = directory.partition("/*")
    names = files.some(before, files.names(before), DIRECTORIES_MAX, "directories") if sign else ()
    return [f"{before}/{name}{behind}" for name in names] if sign else [directory]


def _in(directory: str, settings: Settings, files: SystemFiles) -> list[str]:
    return [f"{directory}/{name}" for name in files.names(directory) if _is_read(name, settings.names)]


def _included(settings: Settings, path: str, text: str, files: SystemFiles) -> list[str]:
    """Files that a file names, by their paths, by a pattern or by a directory."""
    found: list[str] = []
    for _, line in by_line.joined_lines(text):
        key, _, value = line.replace("=", " ").replace("\t", " ").partition(" ")
        if key not in settings.include:
            continue
        for word in value.split():
            named = posixpath.normpath(posixpath.join(posixpath.dirname(path), word.strip("'\"")))
            directory, name = posixpath.split(named)
            if "*" in name or "?" in name:
                found += [f"{directory}/{each}" for each in fnmatch.filter(files.names(directory), name)]
            else:
                found += _in(named, settings, files) or [named]
    return found


def _actions(files: SystemFiles) -> list[str]:
    """Actions of fail2ban that the settings of its jails name; those that it ships are many, and few are in use."""
    jails = [f"{JAILS}/{name}" for name in ("jail.conf", "jail.local")]
    jails += [f"{JAILS}/jail.d/{name}" for name in files.names(f"{JAILS}/jail.d") if name.endswith((".conf", ".local"))]
    used: set[str] = set()
    for path in files.files(_first(JAILS, jails, files)):
        goes_on = False
        for line in files.lines(path):
            key, _, value = line.partition("=")
            if not line[:1].isspace():
                name = key.strip()
                goes_on = name in ("action", "banaction", "banaction_allports") or (
                    name.startswith("action") and not path.endswith("jail.conf")
                )
            if goes_on:
                used.update(re.findall(r"[\w.-]{1,100}", line if line[:1].isspace() else value))
    names = files.names(ACTIONS)
    return [
        f"{ACTIONS}/{name}" for name in names if name.rpartition(".")[0] in used and name.endswith((".conf", ".local"))
    ]


def _started(command: tuple[str, ...] | str, place: Place, when: str, directory: str = "/") -> Scheduled:
    kind: Kind = "boot" if when in (AT_BOOT, AT_START) else "login" if when == AT_LOGIN else "scheduled"
    path = PATH + BEHIND_PATH if place.path.endswith(".rules") else PATH
    return Scheduled(command, place, kind, when, environment={"PATH": path}, directory=directory)
