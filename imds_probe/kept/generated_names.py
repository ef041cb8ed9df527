"""Names without what is made up anew for each run: of scripts that CI servers and agents write, of units and of programs."""

from __future__ import annotations

import re

ANYTHING = "*"  # stands for what was made up
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGITS_OR_HEX = re.compile(r"[0-9A-Za-z]{6,}")
_LONG_NUMBER = re.compile(r"[0-9]{6,}")
_SHORT_NUMBER = re.compile(r"[0-9]{3,}")  # in a directory for what is soon gone
_TEMPORARY_NAME = re.compile(
    r"(?<![0-9A-Za-z])tmp[._-]?[0-9A-Za-z_]{6,12}(?![0-9A-Za-z_])"
)  # mktemp(1), Python's tempfile
_OF_CODEDEPLOY = re.compile(r"(?<=/)d-[0-9A-Z]{9}(?=/)")
_DIRECTORIES = frozenset(("tmp", "_temp", "temp", "_tmp", ".tmp", "agentTmp", "builds"))
# systemd.socket(5): what it starts for a connection is called by a number and by who is at both ends; systemd-run(1): run-u17.
_INSTANCE = re.compile(r"@([0-9]+-[^@]{1,200}-[^@]{1,200})(?=\.(?:service|scope)$)")
_OF_A_CONNECTION = frozenset("0123456789abcdefx-.:[]\\")
_OF_A_COMMAND = re.compile(
    r"(?<![^ ])(run|session)-(?:[uc]?[0-9]+|r[0-9a-f]{32}|p[0-9]+-i[0-9]+)(?=\.(?:service|scope)$)"
)
_HEX, _LETTERS = frozenset("0123456789abcdef"), frozenset("abcdef")
HEX_MIN = 12


def lasting(name: str) -> str:
    """A path with ANYTHING in the place of what was made up."""
    found = _OF_CODEDEPLOY.sub(f"d-{ANYTHING}", _UUID.sub(ANYTHING, name))
    found = _TEMPORARY_NAME.sub(_temporary, found)
    found = _LONG_NUMBER.sub(ANYTHING, _DIGITS_OR_HEX.sub(_hexadecimal, found))
    return _SHORT_NUMBER.sub(ANYTHING, found) if _DIRECTORIES.intersection(found.split("/")[:-1]) else found


def lasting_unit(unit: str) -> str:
    """The same of a unit."""
    found = _OF_A_COMMAND.sub(rf"\1-{ANYTHING}", _INSTANCE.sub(_connection, unit))
    return _LONG_NUMBER.sub(ANYTHING, _DIGITS_OR_HEX.sub(_hexadecimal, _UUID.sub(ANYTHING, found)))


def _hexadecimal(found: re.Match[str]) -> str:
    """A hash, told from a word by its digits."""
    word = found[0].lower()
    is_hash = len(word) >= HEX_MIN and _HEX.issuperset(word) and not word.isdigit() and not _LETTERS.issuperset(word)
    return ANYTHING if is_hash else found[0]


def _temporary(found: re.Match[str]) -> str:
    """Told from a word by a digit, a capital or a point behind "tmp"."""
    name = found[0]
    return f"tmp{ANYTHING}" if name[3] == "." or not (name.isalpha() and name.islower()) else name


def _connection(found: re.Match[str]) -> str:
    return f"@{ANYTHING}" if _OF_A_CONNECTION.issuperset(found[1]) else found[0]
