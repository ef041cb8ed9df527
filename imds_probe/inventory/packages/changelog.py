"""What a package's own changelog says of IMDSv2: an entry by which support for it was added. Evidence of a lower grade than code.

Source: Debian Policy 4.4 and 12.7 (form and place of changelogs); rpm's header for those of rpm.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.ecosystems.version_error import VersionError
from imds_probe.inventory.packages.wanted import Mention
from imds_probe.system import rootfs
from imds_probe.system.unchanged import ROOT

PLACES = ("changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog")  # the others are of native packages
LIMIT_BYTES, UNPACKED_MAX_BYTES = 1024 * 1024, 4 * 1024 * 1024
ENTRIES_MAX, ITEM_MAX = 5000, 2000
IN_DATABASE = "the rpm database"
# As they stand once hyphens, underscores and line ends are spaces. The second ones only where metadata is the matter.
NAMES = (
    *("imdsv2", "imds v2", "imds version 2", "instance metadata service v2", "instance metadata service version 2"),
    *("instance metadata v2", "metadata service version 2", "metadata service v2"),
)
TOKENS = ("session token", "session oriented", "metadata token", "token based", "api token")
_MATTERS = ("metadata", "imds")
# The words of a claim, by their beginnings; those that take one back; and those with which it may be none.
_ADDS = re.compile(r"\b(?:add|support|us(?:e|ing)|enabl|implement|introduc|allow|requir|switch|migrat|handl)")
_TAKES_BACK = re.compile(r"\b(?:revert|remov|drop|disabl)")
_ONLY_SAYS = re.compile(r"\b(?:not?|without|unsupported|tests?|docs?|document(?:s|ed|ation)?|todo)\b")
_WORD = re.compile(r"[a-z0-9.]{1,60}")
_BEGINS_ENTRY = re.compile(rb"[A-Za-z0-9][A-Za-z0-9+.-]{0,100} \(([^()\s]{1,100})\)")
_BEGINS_ITEM = re.compile(rb"[ \t]{1,8}[*+-][ \t]")
_VERSION_SAID = re.compile(r"(?:\d{1,9}:)?\d[0-9A-Za-z.+~^_-]{0,99}")


def of_debian(root: Path, name: str, installed: str) -> Mention | None:
    """The same of a package that dpkg installed. Whatever cannot be read, or is another user's than root, says nothing."""
    for place in PLACES:
        path = f"/usr/share/doc/{name}/{place}"
        with contextlib.suppress(rootfs.FileUnreadable):
            content = rootfs.read(root, path, LIMIT_BYTES, owners=(ROOT,))
            if content is not None:
                return mention(path, _items(_unpacked(content)), "dpkg", installed)
    return None


def of_rpm(entries: Iterable[tuple[bytes, bytes]], installed: str) -> Mention | None:
    """The same of the entries that rpm's header has."""
    return mention(IN_DATABASE, _items_of_rpm(entries), "rpm", installed)


def mention(place: str, items: Iterable[tuple[str, str]], manager: str, installed: str) -> Mention | None:
    """The first of these items, a version and a text each and the newest first, that says that support was added. None where a
    newer one takes it back.
    """
    for version, text in items:
        words = _WORD.findall(text.lower().replace("_", " ").replace("-", " "))
        plain = " ".join(words)
        name = next((each for each in NAMES if each in plain), "")
        if not name and any(each in plain for each in _MATTERS):
            name = next((each for each in TOKENS if each in plain), "")
        if not name or not _is_there(version, manager, installed):
            continue
        if _TAKES_BACK.search(plain):
            return None
        if _ADDS.search(plain) and not _ONLY_SAYS.search(plain):
            return Mention(place, version, name)
    return None


def _is_there(version: str, manager: str, installed: str) -> bool:
    """Whether an entry is about what is installed: one of no version is, as it stands with it."""
    order = ecosystem_of(manager).versions.order
    if not version or order is None:
        return True
    try:
        return order(version, installed) <= 0
    except VersionError:
        return False


def _unpacked(content: bytes) -> bytes:
    """As far as it unpacks, and not more than anybody writes."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(wbits=31).decompress(content, UNPACKED_MAX_BYTES)
    return b""


def _items(content: bytes) -> Iterator[tuple[str, str]]:
    """Debian's: each item with the version of its entry."""
    version, entries = "", 0
    item = _Item()
    for line in [*content.split(b"\n"), b""]:
        begins = _BEGINS_ENTRY.match(line)
        ends = not line.strip() or line.startswith(b" -- ")
        if item.lines and (begins or ends or _BEGINS_ITEM.match(line)):
            yield version, item.text()
            item = _Item()
        if begins:
            entries += 1
            if entries > ENTRIES_MAX:
                return
            version = _version(begins[1])
        elif not ends:
            item.add(line)


def _items_of_rpm(entries: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for number, (by, text) in enumerate(entries):
        if number >= ENTRIES_MAX:
            return
        words = by[-200:].split()
        version = _version(words[-1]) if words else ""
        item = _Item()
        for line in [*text[: 64 * ITEM_MAX].split(b"\n"), b"- "]:
            if item.lines and line.lstrip().startswith((b"-", b"*")):
                yield version, item.text()
                item = _Item()
            item.add(line)


class _Item:
    """Lines of one item, as many as ITEM_MAX lets in. Each counts with the space behind it: empty ones are not free."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._length = 0

    def add(self, line: bytes) -> None:
        if self._length < ITEM_MAX:
            self.lines.append(line.strip()[:ITEM_MAX])
            self._length += len(self.lines[-1]) + 1

    def text(self) -> str:
        return _text(b" ".join(self.lines))


def _text(content: bytes) -> str:
    return content[:ITEM_MAX].decode("latin-1")


def _version(said: bytes) -> str:
    """A version, empty for what is none: rpm has it behind the name of who made the change, or not at all."""
    text = said.decode("latin-1").strip("[]()<>,")
    return text if _VERSION_SAID.fullmatch(text) else ""
