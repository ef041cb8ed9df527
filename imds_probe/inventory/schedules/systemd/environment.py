"""The environment, user and directory that a unit gives its programs: systemd.exec(5)."""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
from collections.abc import Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import ROOT, Account
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.exec_words import split
from imds_probe.inventory.schedules.systemd.specifiers import replaced, specifiers
from imds_probe.inventory.schedules.systemd.unit import Unit

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VARIABLES_MAX = 500
FILES_MAX = 50
OF_ALL = "/etc/environment"
_OF_ONE = ("PATH", "HOME", "SHELL", "LOGNAME", "USER")
_QUOTES = "\"'"


@dataclass(frozen=True)
class Surroundings:
    """How the programs of a unit are started. `specifiers` are what stands for a percent sign and a letter in it."""

    user: str
    directory: str
    environment: Mapping[str, str]
    specifiers: Mapping[str, str]


def surroundings(unit: Unit, section: str, files: SystemFiles, accounts: Mapping[str, Account]) -> Surroundings:
    """What the section of the unit says, with the variables of its files."""
    plain = specifiers(unit, ROOT)
    user = replaced(unit.last(section, "User"), plain) or ROOT.name
    account = accounts.get(user) or next((each for each in accounts.values() if each.uid == user), None)
    # systemd's own manager resolves %h and %u for root, whoever the unit's user is.
    environment = {"PATH": PATH}
    if account is not None and unit.last(section, "User"):
        environment |= {"HOME": account.home, "LOGNAME": account.name, "USER": account.name, "SHELL": account.shell}
    for each in unit.all(section, "Environment"):
        for word in split(each.value):
            _set(environment, *replaced(word, plain).partition("="))
    for each in unit.all(section, "EnvironmentFile"):
        for path in _matching(files, replaced(each.value, plain)):
            for name, value in variables(files.text(path) or ""):
                _set(environment, name, "=", value)
    for word in unit.words(section, "UnsetEnvironment"):
        name, sign, value = word.partition("=")
        if not sign or environment.get(name) == value:
            environment.pop(name, None)
    directory = replaced(unit.last(section, "WorkingDirectory").removeprefix("-"), plain)
    if directory == "~":
        directory = account.home if account else "/"
    return Surroundings(user, directory if directory.startswith("/") else "/", environment, plain)


def of_all(files: SystemFiles) -> Mapping[str, str]:
    """The variables that pam_env(8) gives to whoever logs in, and to what cron runs, but for what each user has of their own."""
    found = itertools.islice(variables(files.text(OF_ALL) or ""), VARIABLES_MAX)
    return {name: value for name, value in found if name and name not in _OF_ONE}


def _set(environment: dict[str, str], name: str, sign: str, value: str) -> None:
    if sign and name and len(environment) < VARIABLES_MAX:
        environment[name] = value


def _matching(files: SystemFiles, path: str) -> Iterator[str]:
    """The file, or those that match; a hyphen in front says that there need not be one."""
    path = path.removeprefix("-").strip(_QUOTES)
    directory, name = posixpath.split(path)
    if not directory.startswith("/"):
        return
    if not any(sign in name for sign in "*?["):
        yield path
        return
    for found in files.some(directory, fnmatch.filter(files.names(directory), name[:255]), FILES_MAX, "files"):
        yield f"{directory}/{found}"


def variables(text: str) -> Iterator[tuple[str, str]]:
    """The assignments of an environment file. Quotes may stand around a value or a part of it, and hold several lines."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].strip()
        sign = text.find("=", at, end)
        if not line or line.startswith(("#", ";")) or sign < 0:
            at = end + 1
            continue
        value, after = _value(text, sign + 1)
        yield text[at:sign].strip().removeprefix("export "), value
        at = after


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins there, and where the next line begins."""
    pieces: list[str] = []
    quote = ""
    while at < len(text):
        character = text[at]
        if character == "\n" and not quote:
            break
        if character == quote:
            quote = ""
        elif not quote and character in _QUOTES:
            quote = character
        elif character == "\\" and quote != "'" and at + 1 < len(text):
            at += 1
            if text[at] != "\n":
                pieces.append(text[at])
        else:
            pieces.append(character)
        at += 1
    return "".join(pieces).strip(), at + 1
