"""What stands for a percent sign and a letter in a unit: systemd.unit(5), "Specifiers"."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.inventory.schedules.accounts import Account
from imds_probe.inventory.schedules.systemd.unit import Unit

_DIRECTORIES = {
    "C": "/var/cache",
    "E": "/etc",
    "L": "/var/log",
    "S": "/var/lib",
    "T": "/tmp",  # noqa: S108 - what it stands for
    "V": "/var/tmp",  # noqa: S108 - the same
    "t": "/run",
}
RESULT_MAX = 64 * 1024
_HEX = "0123456789abcdefABCDEF"


def specifiers(unit: Unit, account: Account) -> Mapping[str, str]:
    """By their letters. What only a running system has, as its machine's id, is not among them."""
    stem = unit.name.rpartition(".")[0]
    last_of_prefix = unit.prefix.rpartition("-")[2]
    return {
        **_DIRECTORIES,
        "%": "%",
        "n": unit.name,
        "N": stem,
        "p": unit.prefix,
        "P": unescaped(unit.prefix),
        "i": unit.instance,
        "I": unescaped(unit.instance),
        "j": last_of_prefix,
        "J": unescaped(last_of_prefix),
        "f": f"/{unescaped(unit.instance or unit.prefix).lstrip('/')}",
        "u": account.name,
        "U": account.uid,
        "h": account.home,
        "s": account.shell,
        "y": unit.path,
        "Y": unit.path.rpartition("/")[0],
    }


def replaced(text: str, known: Mapping[str, str]) -> str:
    """The text with what stands for each specifier; those that are not known stay."""
    if "%" not in text:
        return text
    pieces: list[str] = []
    length = at = 0
    while at < len(text) and length < RESULT_MAX:
        sign = text.find("%", at)
        if sign < 0 or sign + 1 >= len(text):
            pieces.append(text[at:])
            break
        value = known.get(text[sign + 1], text[sign : sign + 2])
        pieces += (text[at:sign], value)
        length += sign - at + len(value)
        at = sign + 2
    return "".join(pieces)[:RESULT_MAX]


def unescaped(text: str) -> str:
    """A path in the name of a unit: "-" is a slash, and \\xNN a byte."""
    pieces: list[str] = []
    rest = text.replace("-", "/")
    while True:
        before, sign, rest = rest.partition("\\x")
        pieces.append(before)
        if not sign:
            return "".join(pieces)
        digits = rest[:2]
        if len(digits) == 2 and digits[0] in _HEX and digits[1] in _HEX:
            pieces.append(chr(int(digits, 16)))
            rest = rest[2:]
        else:
            pieces.append(sign)
