"""The accounts of a system, as far as they say whose files are read when somebody logs in: passwd(5)."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = "/etc/passwd"
ACCOUNTS_MAX = 500


@dataclass(frozen=True)
class Account:
    """One user. `uid` is a text of digits."""

    name: str
    uid: str
    home: str
    shell: str


ROOT = Account("root", "0", "/root", "/bin/sh")


def accounts(files: SystemFiles) -> Mapping[str, Account]:
    """By name; root is always there."""
    found = {ROOT.name: ROOT}
    for line in files.lines(PASSWD):
        fields = line.split(":")
        if len(fields) >= 7 and fields[0] and fields[5].startswith("/") and len(found) < ACCOUNTS_MAX:
            found[fields[0]] = Account(fields[0], fields[2], fields[5], fields[6].strip() or ROOT.shell)
    return found
