"""What a program starts that is known to start another one, which its arguments name: env, sudo, timeout and their like."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH
from imds_probe.inventory.schedules.commands.starters_known import (
    BEHIND,
    DAEMON,
    SCRIPT,
    SPLIT,
    SSH,
    STARTERS,
    STARTERS_OF_LANGUAGES,
    Starter,
)
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT, text_of
from imds_probe.inventory.schedules.scheduled import Network

Words = Sequence[str | None]


@dataclass(frozen=True)
class Found:
    """What find looks for: names that fit a pattern below places, so many levels down, None without an end. What is empty is not
    known.
    """

    places: tuple[str, ...]
    named: str = "*"
    deepest: int | None = None


@dataclass(frozen=True)
class Inner:
    """What is started: words, or a text for a shell; with the variables and the directory that are set for it. `user` is who
    runs it, None where that stays as it is and empty where only running tells; `login`: it begins in that one's home. `found`: "{}"
    among the words is each file that find looks for, which is run or is the script of an interpreter.
    `network` as in Scheduled, None where that stays as it is.
    """

    words: tuple[str | None, ...] = ()
    text: str = ""
    assigned: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    user: str | None = None
    login: bool = False
    found: Found | None = None
    network: Network | None = None


_TEXTS = ("watch", "screen")  # one word may be a whole text for a shell
_HERE = ("localhost", "localhost.localdomain", "127.0.0.1", "::1", "ip6-localhost")
_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# What a shell does with an argument of its text, or with the name that find puts into it.
_RUNS_ARGUMENT = re.compile(
    r"(?:^|[;&|(]|\b(?:do|then|sh|bash|exec|source|sudo|nice|env|timeout \d{1,9}|python[\d.]{0,5}|perl|ruby|node|php)\s"
    r"|(?:^|\s)\.\s)"
    r"\s{0,9}[\"']?(?:\{\}|\$(?:[01@]|\{[01@]\}))"
)
_RUN_SCRIPTS = frozenset(
    ("sh", "bash", "dash", "ash", "ksh", "zsh", "python", "perl", "ruby", "node", "php", "run-parts")
)
_OF_FIND = ("-H", "-L", "-P", "-O")
_ALL = ("-a", "-al", "-all", "--all")  # networks: ip(8)
_SCRIPTS = (".py",)  # which uv runs by itself, and others like it where they are named without a directory


def inner(name: str, arguments: Words) -> Inner | None:
    """What one of these programs starts with these arguments; None where that is nothing."""
    if name in _BY_ITSELF:
        return _BY_ITSELF[name](arguments)
    if name in BEHIND:
        return _of_behind(*BEHIND[name], arguments, by_itself=name == "uv")
    starter = STARTERS.get(name) or STARTERS_OF_LANGUAGES.get(name)
    found = _of(starter, arguments) if starter is not None else None
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
        found = _of_module(rest) or _of(starter, rest)
    if found is None:
        return None
    command = found.words
    by_name = not by_itself and (command[0] or "").startswith(("/", "./"))
    if (command[0] or "").endswith(_SCRIPTS) and not by_name:
        command = ("python3", *command)
    return replace(found, words=command, directory=found.directory or directory)


def _of_module(arguments: Words) -> Inner | None:
    """uv run -m MODULE"""
    return Inner(("python3", *arguments)) if arguments[:1] in (("-m",), ["-m"]) else None


def _of(starter: Starter, arguments: Words) -> Inner | None:
    at, before = 0, starter.before
    assigned: dict[str, str] = {}
    directory, text, user, login = "", None, "root" if starter.user or starter.of_user else None, False
    while at < len(arguments):
        word = arguments[at] or ""
        following = (arguments[at + 1] or "") if at + 1 < len(arguments) else ""
        option, joined, has_value = _option(word, following, starter)
        login = login or (word.startswith("-") and _has(word, option, starter.login))
        if option in starter.text and text is None:
            text, at = joined, at + 1 + has_value
            if not before:
                break
            continue
        if word == "--":
            at += 1
            if before:
                continue
            break
        if option in SPLIT and option in starter.valued and starter.assigns:
            return _of(starter, (*joined.split(), *arguments[at + 1 + has_value :]))
        if word.startswith("-") and word != "-":
            directory = joined if option in starter.directory else directory
            user = joined if option in starter.user else user
            before = 0 if option in starter.instead else before
            at += 1 + has_value
        elif starter.assigns and "=" in word and not word.startswith(("=", "/")):
            assigned[option] = joined
            at += 1
        elif before or word == "-":
            user = word.partition(":")[0] if starter.of_user and before and word != "-" else user
            before -= word != "-"
            at += 1
            if text is not None and not before:
                break
        else:
            break
    words = tuple(arguments[at:]) if text is None else ()
    found = Inner(words, text or "", assigned, directory, user, login)
    return found if words or text is not None else None


def _option(word: str, following: str, starter: Starter) -> tuple[str, str, bool]:
    """An option, its value where it has one, and whether that is the word behind it: "-u NAME", "-iuNAME", "--user=NAME"."""
    valued = (*starter.valued, *starter.text, *starter.user, *starter.directory)
    if word in valued:
        return word, following, True
    option, _, joined = word.partition("=")
    if option.startswith("-") and not option.startswith("--"):
        for at in range(1, len(option)):
            if (letter := f"-{option[at]}") in starter.attached:
                break
            if letter in valued:
                rest = word[at + 1 :]
                return letter, rest or following, not rest
    return option, joined, False


def _has(word: str, option: str, options: Sequence[str]) -> bool:
    """Whether it is one of these options, or has its letter among those before the `option` that has a value."""
    letters = "" if word == "-" or word.startswith("--") else word[1:].partition(option[1:2] or "=")[0]
    return word in options or any(each[1:] in letters for each in options if len(each) == 2)


def _of_daemon(arguments: Words) -> Inner | None:
    """start-stop-daemon --start --exec PROGRAM -- ARGUMENT..."""
    own = next((at for at, word in enumerate(arguments) if word == "--"), len(arguments))
    program, at = "", 0
    while at < own:
        word, following = arguments[at] or "", (arguments[at + 1] or "") if at + 1 < own else ""
        option, value, has_value = _option(word, following, DAEMON)
        if word.startswith("-") and _has(word, option, ("-K", "--stop", "-T", "--status", "-H", "--help")):
            return None
        if option in ("-a", "--startas") or (option in ("-x", "--exec") and not program):
            program = value
        at += 1 + has_value
    return Inner((program, *arguments[own + 1 :])) if program else None


def _of_find(arguments: Words) -> Inner | None:
    """What find starts for each file, "{}" among the words: it stands for those right in the first directory that is searched, but
    for what is run.
    """
    begin = next((at for at, word in enumerate(arguments) if word in ("-exec", "-execdir", "-ok", "-okdir")), None)
    if begin is None:
        return None
    rest = arguments[begin + 1 :]
    end = next((at for at, word in enumerate(rest) if word in (";", "+")), len(rest))
    if not end:
        return None
    before = arguments[:begin]
    own = next((at for at, word in enumerate(before) if word not in _OF_FIND), len(before))
    first = next((at for at, word in enumerate(before) if at >= own and word and word[0] in "-(!"), len(before))
    places = tuple(word or "" for word in before[own:first])
    told = {option: value or "" for option, value in itertools.pairwise(before) if option}
    named, deepest = told.get("-name", told.get("-iname", "*")), told.get("-maxdepth", "")
    if _runs_found(rest[:end]):
        found = Found(places or (".",), named, int(deepest) if deepest.isdigit() and len(deepest) < 4 else None)
        return Inner(tuple(rest[:end]), found=found)
    searched = places[0] if places else ""
    each = f"{searched.rstrip('/')}/{named}" if searched.startswith("/") else "{}"
    return Inner(tuple(each if word == "{}" else word for word in rest[:end]))


def _runs_found(words: Words) -> bool:
    """Whether what is found is a program, or the first argument of an interpreter or of what starts another one."""
    if words[0] == "{}":
        return True
    given = next((at for at, word in enumerate(words[1:], 1) if not (word or "").startswith("-")), 0)
    name = posixpath.basename(words[0] or "")
    if name in STARTERS and (started := _of(STARTERS[name], words[1:])) and started.words:
        return _runs_found(started.words)
    if given and words[given] == "{}":
        return name.rstrip("0123456789.") in _RUN_SCRIPTS
    # A text for a shell, whose arguments these are.
    text = words[given] or "" if given and "c" in (words[given - 1] or "") else ""
    return name in _SHELLS and _RUNS_ARGUMENT.search(text) is not None


def _of_xargs(arguments: Words) -> Inner | None:
    """Where it starts programs or scripts that only running tells, these are what is found somewhere."""
    inner = _of(STARTERS["xargs"], arguments)
    if inner is None:
        return None
    options = [word or "" for word in arguments[: len(arguments) - len(inner.words)]]
    instead = next((each[2:] or behind for each, behind in itertools.pairwise((*options, "")) if each[:2] == "-I"), "")
    words = tuple("{}" if instead and word == instead else word for word in inner.words)
    words = words if instead else (*words, "{}")
    return replace(inner, words=words, found=Found(("",))) if _runs_found(words) else inner


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
    found = _of(SSH, arguments)
    if found is None or len(found.words) < 2:
        return None
    user, _, host = (found.words[0] or "").rpartition("@")
    options = arguments[: len(arguments) - len(found.words)]
    user = user or (found.user or "" if "-l" in options else "")
    text = _as_text(found.words[1:])
    return Inner(text=text, user=user or None, login=True) if host in _HERE else None


def _of_script(arguments: Words) -> Inner | None:
    """script -c COMMAND FILE; without one it is a shell that somebody types into."""
    found = _of(SCRIPT, arguments)
    return found if found is not None and found.text else None


def _of_tmux(arguments: Words) -> Inner | None:
    text = text_of(arguments)
    return Inner(text=text) if text else None


_BY_ITSELF: Mapping[str, Callable[[Words], Inner | None]] = {
    "start-stop-daemon": _of_daemon,
    "find": _of_find,
    "xargs": _of_xargs,
    "scl": _of_scl,
    "ip": _of_ip,
    "ssh": _of_ssh,
    "script": _of_script,
    "tmux": _of_tmux,
}
