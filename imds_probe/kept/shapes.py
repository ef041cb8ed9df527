"""The shapes of words that are harmless, told by their characters: no pattern that a long text could keep busy."""

from __future__ import annotations

from collections.abc import Iterable

OMITTED = "…"  # stands for one or more words that are not kept
LOWER, DIGITS = frozenset("abcdefghijklmnopqrstuvwxyz"), frozenset("0123456789")
LETTERS = LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_IN_PATHS = LETTERS | DIGITS | frozenset("/._+@-")
_IN_NAMES = LETTERS | DIGITS | frozenset("._+-")
_IN_UNITS = LETTERS | DIGITS | frozenset("._@:\\-")
PATH_MAX, NAME_MAX, UNIT_MAX = 200, 64, 100
OPTION_PARTS_MAX, OPTION_PART_MAX = 5, 14
NUMBER_DIGITS_MAX = 5
_AT_THE_TOP = frozenset(
    (
        *(
            "app",
            "apps",
            "bin",
            "boot",
            "code",
            "config",
            "data",
            "etc",
            "home",
            "lib",
            "lib64",
            "libexec",
            "local",
            "mnt",
        ),
        *(
            "nix",
            "opt",
            "proc",
            "root",
            "run",
            "sbin",
            "scripts",
            "snap",
            "srv",
            "sys",
            "tmp",
            "usr",
            "var",
            "workspace",
        ),
    )
)
UNIT_KINDS = (".service", ".socket", ".timer", ".target", ".scope", ".slice", ".mount", ".path")


def is_path(word: str) -> bool:
    """A path of a file as programs and configurations have it."""
    return 0 < len(word) <= PATH_MAX and _IN_PATHS.issuperset(word) and not word.startswith("-")


def is_absolute_path(word: str) -> bool:
    """A path below a directory that systems and images have at their top. A key in base64 may begin with a slash."""
    return word.startswith("/") and word[1:].partition("/")[0] in _AT_THE_TOP and is_path(word)


def is_name(word: str) -> bool:
    """The name of a program's file."""
    return 0 < len(word) <= NAME_MAX and _IN_NAMES.issuperset(word) and not word.startswith("-")


def is_unit(word: str) -> bool:
    """The name of a systemd unit, with its kind."""
    return len(word) <= UNIT_MAX and word.endswith(UNIT_KINDS) and _IN_UNITS.issuperset(word)


def is_number(word: str) -> bool:
    """A port, a count or a number of seconds."""
    return 0 < len(word) <= NUMBER_DIGITS_MAX and DIGITS.issuperset(word)


def is_option_name(name: str) -> bool:
    """What stands behind the two hyphens of an option: a few lower-case words. With digits or capitals in it, it may be a
    password or a token as well.
    """
    parts = name[: OPTION_PARTS_MAX * (OPTION_PART_MAX + 1)].replace("_", "-").split("-")
    fits = all(0 < len(part) <= OPTION_PART_MAX and LOWER.issuperset(part) for part in parts)
    return fits and len(name) > 1 and len(parts) <= OPTION_PARTS_MAX


def together(words: Iterable[str], limit: int) -> str:
    """Words in one line of at most `limit` characters. Several that are omitted in a row are said once."""
    said: list[str] = []
    length = 0
    for word in words:
        if word == OMITTED and said and said[-1] == OMITTED:
            continue
        length += len(word) + 1
        if length > limit - len(OMITTED):
            said += [] if said and said[-1] == OMITTED else [OMITTED]
            break
        said.append(word)
    return " ".join(said)
