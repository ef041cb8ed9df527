"""Which settings name a file: software that nobody here has heard of starts programs, too, by what its administrator wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from imds_probe.collect.named_tasks import NamedIn, Naming
from imds_probe.escape import encodable
from imds_probe.inventory.schedules.settings_known import SETTINGS
from imds_probe.system import rootfs
from imds_probe.system.sought import Sought
from imds_probe.system.walk import TOO_MANY_FILES, Budget

ENTRIES_MAX, FILES_MAX, FILE_MAX = 30_000, 3000, 256 * 1024
ROOT = (0,)
PLACES = ("/etc", "/usr/local/etc", "/var/ossec/etc")
PRODUCTS = "/opt"  # each has settings of its own below it
_OF_PRODUCTS = ("etc", "conf", "conf.d", "config")
PRODUCTS_MAX = 200
WITHOUT_ENDING = ("/etc/default", "/etc/sysconfig")  # variables of services
_ENDS = (
    ".conf",
    ".cfg",
    ".cnf",
    ".cf",
    ".config",
    ".hcl",
    ".ini",
    ".json",
    ".properties",
    ".toml",
    ".xml",
    ".yaml",
    ".yml",
)
_SOUGHT = Sought(frozenset(), frozenset(), _ENDS, (), (), frozenset(), FILE_MAX * FILE_MAX)
# They allow, forbid, label or watch what others start, or are read as schedules and settings of software that is known.
_APART = (
    *(
        "/etc/alternatives",
        "/etc/apparmor",
        "/etc/apparmor.d",
        "/etc/audit",
        "/etc/fapolicyd",
        "/etc/pki",
        "/etc/selinux",
    ),
    *(
        "/etc/ssl",
        "/etc/cron.d",
        "/etc/systemd",
        "/etc/init.d",
        "/etc/rc.d",
        "/etc/cloud",
        "/etc/fail2ban",
        "/etc/ansible",
    ),
    "/etc/puppetlabs",
)
_KNOWN = frozenset(path for settings in SETTINGS for path in settings.files)
_KNOWN_DIRECTORIES = tuple(
    path.partition("/*")[0] for settings in SETTINGS for path in settings.directories if path.count("/") > 1
)
_PART_OF_A_NAME = re.compile(rb"[\w./-]")
_COMMENTS = (b"#", b";", b"//", b"<!--")


def read_named(asked: NamedIn) -> Iterator[Naming]:
    """Each path once, by the first file that names it and that root alone can have written."""
    root = Path(asked.root)
    budget = Budget(asked.deadline, ENTRIES_MAX)
    left = {path.encode(): path for path in asked.paths}
    for count, place in enumerate(_places(root, budget)):
        if not left or count >= FILES_MAX or not budget.take(1):
            break
        try:
            text = rootfs.read(root, place, FILE_MAX, owners=ROOT)
        except rootfs.FileUnreadable:
            continue
        for path in [each for each in left if text and names(text, each)]:
            yield Naming(left.pop(path), place)
    else:
        return
    if left:
        yield Naming(cut_short=budget.cut_short or TOO_MANY_FILES)


def names(text: bytes, path: bytes) -> bool:
    """Whether a path stands in a text by itself, and not in a comment."""
    at = text.find(path)
    while at >= 0:
        end = at + len(path)
        line = text[text.rfind(b"\n", 0, at) + 1 : at].lstrip()
        inside = _PART_OF_A_NAME.match(text, end) or (at > 0 and _PART_OF_A_NAME.match(text, at - 1))
        if not inside and not line.startswith(_COMMENTS):
            return True
        at = text.find(path, end)
    return False


def _places(root: Path, budget: Budget) -> Iterator[str]:
    for directory in WITHOUT_ENDING:
        yield from (f"{directory}/{name}" for name in _listed(root, directory) if not name.endswith(_ENDS))
    products = [f"{PRODUCTS}/{name}/{part}" for name in _listed(root, PRODUCTS)[:PRODUCTS_MAX] for part in _OF_PRODUCTS]
    for part in rootfs.walk(root, (*PLACES, *products), _SOUGHT, budget, (*_APART, *_KNOWN_DIRECTORIES)):
        yield from (path for path in part.paths if path not in _KNOWN and encodable(path) == path)


def _listed(root: Path, directory: str) -> tuple[str, ...]:
    try:
        return tuple(name for name in rootfs.names(root, directory) if encodable(name) == name)
    except rootfs.FileUnreadable:
        return ()
