"""Applications that pm2 starts again at boot: those in the list that `pm2 save` has left in a home."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import Account, accounts
from imds_probe.inventory.schedules.commands.programs import READ
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

SAVED = ".pm2/dump.pm2"
ITSELF = "none"  # in the place of an interpreter: the application is a program
INTERPRETER = "node"
APPLICATIONS_MAX, WORDS_MAX, WORD_MAX, PLACES_MAX = 200, 200, 64 * 1024, 50


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every application, root's first."""
    homes = {account.home: account for account in reversed(list(accounts(files).values()))}
    for account in sorted(homes.values(), key=lambda each: each.owner_uid is not None):
        files.owner_uid = account.owner_uid
        path = posixpath.join(account.home, SAVED)
        text = files.text(path)
        if text is not None:
            yield from _saved(text, path, account, files)


def _saved(text: str, path: str, account: Account, files: SystemFiles) -> Iterator[Scheduled]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        files.leave_out(path, unread.DAMAGED, f"the applications of pm2 were not read: {path} is no list")
        return
    if len(listed) > APPLICATIONS_MAX:
        said = f"{path} has more than {APPLICATIONS_MAX} applications, and the rest was not read"
        files.leave_out(path, unread.MORE, said)
    for each in listed[:APPLICATIONS_MAX]:
        found = _application(each, path, account, files) if isinstance(each, dict) else None
        if found is None:
            files.leave_out(path, unread.NO_SCRIPT, f"{path} has an application of pm2 without a script")
        else:
            yield found


def _application(each: Mapping[str, object], path: str, account: Account, files: SystemFiles) -> Scheduled | None:
    script = _word(each.get("pm_exec_path"))
    if not script.startswith("/"):
        return None
    environment = {"PATH": PATH, "HOME": account.home, **dict(_variables(each.get("env")))}
    interpreter = _word(each.get("exec_interpreter")) or INTERPRETER
    arguments = tuple(_words(each.get("args")))
    if interpreter == ITSELF:
        command: tuple[str, ...] = (script, *arguments)
    elif _is_there(interpreter, environment["PATH"], files):
        command = (interpreter, *_words(each.get("node_args")), script, *arguments)
    else:
        command = (READ, script)  # where its interpreter will come from is not known
    return Scheduled(
        command,
        Place(path),
        "boot",
        AT_BOOT,
        environment=environment,
        directory=_word(each.get("pm_cwd")) or posixpath.dirname(script),
        user=account.name,
        owner_uid=account.owner_uid,
    )


def _is_there(program: str, path: str, files: SystemFiles) -> bool:
    places = [place for place in path.split(":")[:PLACES_MAX] if place.startswith("/")]
    candidates = [program] if program.startswith("/") else [f"{place}/{program}" for place in places]
    return any(files.files(candidates, executable=True))


def _word(value: object) -> str:
    return value[:WORD_MAX] if isinstance(value, str) else ""


def _words(value: object) -> Iterator[str]:
    """A list of words, or one text of them."""
    listed = value.split() if isinstance(value, str) else value
    for word in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(word, str | int | float):
            yield str(word)[:WORD_MAX]


def _variables(value: object) -> Iterator[tuple[str, str]]:
    for name, text in list(value.items())[:WORDS_MAX] if isinstance(value, dict) else ():
        if isinstance(text, str):
            yield name[:WORD_MAX], text[:WORD_MAX]
