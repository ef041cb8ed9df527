"""Words of rules that say nothing of who wrote them: short names, by which a rule is found, numbers and addresses.

Comments, prefixes of log lines and strings that are matched may hold anything, also what is a secret.
"""

from __future__ import annotations

import ipaddress

from imds_probe.kept.shapes import DIGITS, is_name

NAME_MAX = 32
NUMBER_MAX = 11
_HEXADECIMAL = DIGITS | frozenset("abcdef")


def is_short(name: str) -> bool:
    """A name of a chain, set or interface, by which a rule is found."""
    return is_name(name) and len(name) <= NAME_MAX


def is_number(word: str) -> bool:
    """A number or address, perhaps with its port or the length of a prefix."""
    if not 0 < len(word) <= 60:
        return False
    if word.startswith("0x"):
        return len(word) <= NUMBER_MAX and _HEXADECIMAL.issuperset(word[2:])
    if (DIGITS | {"."}).issuperset(word) and word.count(".") in (0, 3):
        return len(word) <= 15 if "." in word else len(word) <= NUMBER_MAX
    address, slash, rest = word.partition("/")
    if slash and len(rest) <= NUMBER_MAX:
        return is_number(address) and (is_number(rest) or not rest)
    address, colon, port = word.rpartition(":")
    if colon and DIGITS.issuperset(port) and "." in address:
        return len(port) <= 5 and is_number(address)
    try:
        ipaddress.IPv6Address(word.strip("[]"))
    except ValueError:
        return bool(colon) and not address and DIGITS.issuperset(port) and len(port) <= 5
    return True
