"""The files that cloud-init writes by "write_files", and those of them that something starts.

On a new instance they are not there yet, so they are taken from the configuration: scripts that a command names, and what its place
alone starts, such as crontabs and units. Source: cloud-init's module reference, "Write Files".
"""

from __future__ import annotations

import binascii
import posixpath
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import cron, hooks, init_scripts, logins, run_parts
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.cloud_init_places import CLOUD
from imds_probe.inventory.schedules.scheduled import ONCE, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services
from imds_probe.inventory.schedules.systemd.environment import PATH
from imds_probe.inventory.schedules.systemd.syntax import assignments
from imds_probe.inventory.schedules.systemd.unit import Unit
from imds_probe.inventory.schedules.systemd.unit_files import DIRECTORIES as UNITS

FILES_MAX, TEXT_MAX = 2000, 256 * 1024
# cloud-init hands on the PATH that its unit has.
ENVIRONMENT: Mapping[str, str] = {"PATH": PATH, "HOME": "/root"}
EXECUTABLE = 0o111
_RUN_ALL = (
    *run_parts.DIRECTORIES,
    *(each.directory for each in hooks.DIRECTORIES),
    *(logins.MESSAGES, init_scripts.OPENRC_LOCAL, "/etc/init.d", "/etc/rc.d/init.d"),
    *(f"{CLOUD}/scripts/{when}" for when in ("per-boot", "per-instance", "per-once", "vendor")),
)
_SOURCED = frozenset(
    (logins.PROFILES, *(each.directory for each in (*hooks.DIRECTORIES, *hooks.FILES) if each.sourced), *logins.OF_ALL)
)
_RUN = frozenset((*_RUN_ALL, *init_scripts.RC_LOCAL, *(each.directory for each in hooks.FILES)))
# What is handed a file by its name and does not run it.
_LOOKS_ON = re.compile(
    r"\s{0,20}(?:sudo\s{1,5})?(?:chmod|chown|chgrp|cat|ls|test|\[|rm|touch|stat|restorecon|sed|grep)\s"
)
_BETWEEN = re.compile(r"[\s;&|()<>\"'`=,\[\]{}]+")
# By the end of its name, the interpreter of a file whose first line names none.
_INTERPRETERS = {".py": "python3", ".js": "node", ".mjs": "node", ".rb": "ruby", ".pl": "perl", ".php": "php"}
_GZIP, _BASE64 = ("gz", "gzip"), ("b64", "base64")


@dataclass(frozen=True)
class Written:
    """One file, as it is once it was written."""

    path: str
    text: str
    executable: bool


def written(config: Mapping[object, object]) -> list[Written]:
    """The files of a configuration, each as the last of its entries leaves it."""
    entries = config.get("write_files")
    found: dict[str, Written] = {}
    for entry in entries[:FILES_MAX] if isinstance(entries, list) else ():
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(path, str) or not path.startswith("/"):
            continue
        path = posixpath.normpath(path)
        before = found[path].text if entry.get("append") is True and path in found else ""
        text = _content(entry.get("content"), str(entry.get("encoding") or ""))
        found[path] = Written(path, f"{before}{text}"[:TEXT_MAX], _is_executable(entry.get("permissions")))
    return list(found.values())


def _content(content: object, encoding: str) -> str:
    """What is written of a content, or as much of it as there is room for; nothing of one that is damaged."""
    raw = content if isinstance(content, bytes) else str("" if content is None else content).encode(errors="replace")
    steps = encoding.strip().lower().replace("/", "+").split("+")
    try:
        if any(step in _BASE64 for step in steps):
            raw = binascii.a2b_base64(raw)
        if any(step in _GZIP for step in steps):
            raw = zlib.decompressobj(wbits=31).decompress(raw, TEXT_MAX)
    except (binascii.Error, zlib.error):
        return ""
    return raw[:TEXT_MAX].decode(errors="replace")


def _is_executable(permissions: object) -> bool:
    """Without permissions, a file has mode 0644. What cannot be read as such may be anything."""
    if permissions is None:
        return False
    if isinstance(permissions, int):
        return bool(permissions & EXECUTABLE)
    try:
        return bool(int(str(permissions).lower().removeprefix("0o"), 8) & EXECUTABLE)
    except ValueError:
        return True


def started(
    files: Sequence[Written], commands: Iterable[str], place: Place, system: SystemFiles
) -> Iterator[Scheduled]:
    """What starts of these files, where these commands run: as code, as lines of a crontab and as commands of a unit."""
    of_place = [(each, list(_of_place(each, system))) for each in files]
    left = [each for each, found in of_place if not found]
    texts = list(commands)
    for _, found in of_place:
        for one in found:
            texts.append(one.command if isinstance(one.command, str) else " ".join(one.command))
            yield replace(one, place=place, kind="once", how_often=ONCE, every_s=None)
    while texts and left:
        named = {word for text in texts for word in _words(text)}
        begun = [each for each in left if _is_named(each.path, named)]
        left = [each for each in left if each not in begun]
        texts = [each.text for each in begun]
        for each in begun:
            yield Scheduled(_as_script(each), place, "once", ONCE, environment=ENVIRONMENT)


def _of_place(file: Written, system: SystemFiles) -> Iterator[Scheduled]:
    """What its place alone starts."""
    directory = posixpath.dirname(file.path)
    if file.path == cron.SYSTEM or directory in (cron.PACKAGES, *cron.OF_USERS):
        user = posixpath.basename(file.path) if directory in cron.OF_USERS else None
        yield from cron.entries(file.text.split("\n"), file.path, user, cron.Around.of(system))
    elif directory.removesuffix(".d").endswith(".service") or (directory in UNITS and file.path.endswith(".service")):
        unit = Unit(posixpath.basename(file.path), file.path, list(assignments(file.text, file.path)))
        yield from services.commands(unit, system, accounts(system))
    elif (file.executable and not {file.path, directory}.isdisjoint(_RUN)) or not {file.path, directory}.isdisjoint(
        _SOURCED
    ):
        yield Scheduled(_as_script(file), Place(file.path), "boot", "", environment=ENVIRONMENT)


def _as_script(file: Written) -> str:
    if file.text.startswith("#!"):
        return file.text
    interpreter = _INTERPRETERS.get(posixpath.splitext(file.path)[1])
    return f"#!/usr/bin/env {interpreter}\n{file.text}" if interpreter else file.text


def _words(text: str) -> set[str]:
    lines = text.split("\n")
    return {word for line in lines if not _LOOKS_ON.match(line) for word in _BETWEEN.split(line)}


def _is_named(path: str, words: set[str]) -> bool:
    directory, name = posixpath.split(path)
    return path in words or (directory in PATH.split(":") and name in words)
