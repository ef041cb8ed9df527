"""The accounts of a system, as far as they say whose files are read when somebody logs in: passwd(5)."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = "/etc/passwd"
ACCOUNTS_MAX = 5000
UID_DIGITS_MAX = 10


@dataclass(frozen=True)
class Account:
    """One user. `uid` is a text of digits."""

    name: str
    uid: str
    home: str
    shell: str

    @property
    def number(self) -> int | None:
        """The user's number; None where none stands there."""
        return _number(self.uid)

    @property
    def owner_uid(self) -> int | None:
        """The number of a user without privilege; None of root, by whatever name."""
        return self.number or None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= UID_DIGITS_MAX else None


def number_of(user: str, known: Mapping[str, Account]) -> int | None:
    """The number of a user who is named, or whose number stands there."""
    return known[user].number if user in known else _number(user)


ROOT = Account("root", "0", "/root", "/bin/sh")


def accounts(files: SystemFiles) -> Mapping[str, Account]:
    """By name; root is always there."""
    found = {ROOT.name: ROOT}
    for line in files.lines(PASSWD):
        fields = line.split(":")
        if len(fields) < 7 or not fields[0] or not fields[5].startswith("/"):
            continue
        if len(found) >= ACCOUNTS_MAX and fields[0] not in found:
            files.leave_out(PASSWD, unread.MORE, f"{PASSWD} has more than {ACCOUNTS_MAX} accounts")
            break
        found[fields[0]] = Account(fields[0], fields[2], fields[5], fields[6].strip() or ROOT.shell)
    return found
