"""What a program starts that is known to start another one, which its arguments name: env, sudo, timeout and their like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from imds_probe.inventory.schedules.commands.found_files import of_find, of_xargs
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH
from imds_probe.inventory.schedules.commands.starter_words import Inner, Words, behind_options, has_option, option_of
from imds_probe.inventory.schedules.commands.starters_known import (
    BEHIND,
    DAEMON,
    SCRIPT,
    SSH,
    STARTERS,
    STARTERS_OF_LANGUAGES,
    Starter,
)
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT, text_of

_TEXTS = ("watch", "screen")  # one word may be a whole text for a shell
_HERE = ("localhost", "localhost.localdomain", "127.0.0.1", "::1", "ip6-localhost")
_ALL = ("-a", "-al", "-all", "--all")  # networks: ip(8)
_SCRIPTS = (".py",)  # which uv runs by itself, and others like it where they are named without a directory
_NODE_VERSION = re.compile(
    r"v?\d[\d.]{0,20}|node|iojs|stable|unstable|system|default|lts/[\w*.-]{1,30}|--lts=[\w*.-]{1,30}"
)


def inner(name: str, arguments: Words) -> Inner | None:
    """What one of these programs starts with these arguments; None where that is nothing."""
    if name in _BY_ITSELF:
        return _BY_ITSELF[name](arguments)
    if name == "command" and any(word in ("-v", "-V", "-pv", "-pV") for word in arguments[:2]):
        return None  # it tells where a program is
    if name == "nvm":
        return _of_nvm(arguments)
    if name in BEHIND:
        return _of_behind(*BEHIND[name], arguments, by_itself=name == "uv")
    starter = STARTERS.get(name) or STARTERS_OF_LANGUAGES.get(name)
    found = behind_options(starter, arguments) if starter is not None else None
    if found is not None and name in _TEXTS and (name == "watch" or len(found.words) == 1):
        return replace(found, words=(), text=_as_text(found.words))
    return found


def _as_text(words: Words) -> str:
    """What a shell is given of several words."""
    return " ".join(UNKNOWN_TEXT if word is None else word for word in words)


def _of_behind(words: tuple[str, ...], starter: Starter, arguments: Words, *, by_itself: bool) -> Inner | None:
    """What stands behind the word by which it starts something, or behind "--"."""
    at, directory = 0, ""
    while at < len(arguments) and (arguments[at] or "").startswith("-"):
        option, _, joined = (arguments[at] or "").partition("=")
        following = (arguments[at + 1] or "") if at + 1 < len(arguments) else ""
        directory = (joined or following) if option in starter.directory else directory
        at += 2 if arguments[at] in starter.valued else 1
    begin = next((at for at, word in enumerate(arguments[at : at + 3], at) if word in words), None)
    if begin is None:
        return None
    rest = arguments[begin + 1 :]
    own = next((at for at, word in enumerate(rest) if word == "--"), None)
    if own is not None:
        found = Inner(tuple(rest[own + 1 :])) if own + 1 < len(rest) else None
    else:
        found = _of_module(rest) or behind_options(starter, rest)
    if found is None:
        return None
    command = found.words
    by_name = not by_itself and (command[0] or "").startswith(("/", "./"))
    if (command[0] or "").endswith(_SCRIPTS) and not by_name:
        command = ("python3", *command)
    return replace(found, words=command, directory=found.directory or directory)


def _of_nvm(arguments: Words) -> Inner | None:
    """nvm exec [VERSION] COMMAND, nvm run [VERSION] SCRIPT: without a version, that of the project."""
    plain = [word for word in arguments[:2] if not (word or "").startswith("-")]
    if not plain or plain[0] not in BEHIND["nvm"][0]:
        return None
    rest = list(arguments[list(arguments).index(plain[0]) + 1 :])
    while rest and rest[0] in ("--silent", "--lts"):
        rest.pop(0)
    if rest and (rest[0] is None or _NODE_VERSION.fullmatch(rest[0])):
        rest.pop(0)
    if plain[0] == "run":
        return Inner(("node", *rest))
    return Inner(tuple(rest)) if rest else None


def _of_module(arguments: Words) -> Inner | None:
    """uv run -m MODULE"""
    return Inner(("python3", *arguments)) if arguments[:1] in (("-m",), ["-m"]) else None


def _of_daemon(arguments: Words) -> Inner | None:
    """start-stop-daemon --start --exec PROGRAM -- ARGUMENT..."""
    own = next((at for at, word in enumerate(arguments) if word == "--"), len(arguments))
    program, at = "", 0
    while at < own:
        word, following = arguments[at] or "", (arguments[at + 1] or "") if at + 1 < own else ""
        option, value, has_value = option_of(word, following, DAEMON)
        if word.startswith("-") and has_option(word, option, ("-K", "--stop", "-T", "--status", "-H", "--help")):
            return None
        if option in ("-a", "--startas") or (option in ("-x", "--exec") and not program):
            program = value
        at += 1 + has_value
    return Inner((program, *arguments[own + 1 :])) if program else None


def _of_scl(arguments: Words) -> Inner | None:
    """scl enable COLLECTION... 'COMMAND', or "-- COMMAND": software collections of Red Hat's, each with its own programs."""
    if arguments[:1] not in (("enable",), ["enable"]) or len(arguments) < 3:
        return None
    own = next((at for at, word in enumerate(arguments) if word == "--"), None)
    end = len(arguments) - 1 if own is None else own
    collections = [word for word in arguments[1:end] if word]
    places = [f"/opt/rh/{word}/root/usr/{part}" for word in collections for part in ("bin", "sbin")]
    assigned = {"PATH": ":".join([*places, DEFAULT_PATH])}
    if own is None:
        return Inner(text=arguments[end] or "", assigned=assigned)
    return Inner(tuple(arguments[own + 1 :]), assigned=assigned) if own + 1 < len(arguments) else None


def _of_ip(arguments: Words) -> Inner | None:
    """ip netns exec NAME COMMAND, in another network with the files of this system, with -all in each; ip vrf exec in this one."""
    at = next((at for at, word in enumerate(arguments) if word in ("netns", "vrf")), None)
    if at is None or arguments[at + 1 : at + 2] not in (("exec",), ["exec"]):
        return None
    named = not any(word in _ALL for word in arguments[:at])
    words = tuple(arguments[at + 2 + named :])
    return Inner(words, network="own" if arguments[at] == "netns" else None) if words else None


def _of_ssh(arguments: Words) -> Inner | None:
    """ssh USER@HOST COMMAND..., where that is this host: it begins at home."""
    found = behind_options(SSH, arguments)
    if found is None or len(found.words) < 2:
        return None
    user, _, host = (found.words[0] or "").rpartition("@")
    options = arguments[: len(arguments) - len(found.words)]
    user = user or (found.user or "" if "-l" in options else "")
    text = _as_text(found.words[1:])
    return Inner(text=text, user=user or None, login=True) if host in _HERE else None


def _of_script(arguments: Words) -> Inner | None:
    """script -c COMMAND FILE; without one it is a shell that somebody types into."""
    found = behind_options(SCRIPT, arguments)
    return found if found is not None and found.text else None


def _of_tmux(arguments: Words) -> Inner | None:
    text = text_of(arguments)
    return Inner(text=text) if text else None


_BY_ITSELF: Mapping[str, Callable[[Words], Inner | None]] = {
    "start-stop-daemon": _of_daemon,
    "find": of_find,
    "xargs": of_xargs,
    "scl": _of_scl,
    "ip": _of_ip,
    "ssh": _of_ssh,
    "script": _of_script,
    "tmux": _of_tmux,
}
