"""What stands behind the options of a program that starts another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.starters_known import SPLIT, Starter
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


def behind_options(starter: Starter, arguments: Words) -> Inner | None:
    at, before = 0, starter.before
    assigned: dict[str, str] = {}
    directory, text, user, login = "", None, "root" if starter.user or starter.of_user else None, False
    while at < len(arguments):
        word = arguments[at] or ""
        following = (arguments[at + 1] or "") if at + 1 < len(arguments) else ""
        option, joined, has_value = option_of(word, following, starter)
        login = login or (word.startswith("-") and has_option(word, option, starter.login))
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
            return behind_options(starter, (*joined.split(), *arguments[at + 1 + has_value :]))
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


def option_of(word: str, following: str, starter: Starter) -> tuple[str, str, bool]:
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


def has_option(word: str, option: str, options: Sequence[str]) -> bool:
    """Whether it is one of these options, or has its letter among those before the `option` that has a value."""
    letters = "" if word == "-" or word.startswith("--") else word[1:].partition(option[1:2] or "=")[0]
    return word in options or any(each[1:] in letters for each in options if len(each) == 2)
