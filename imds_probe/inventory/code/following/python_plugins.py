"""Plug-ins that Python code finds by itself: what installed packages have registered for a group of entry points.

A program that names a group loads what all packages have for it: certbot its plug-ins, pytest, Salt and OpenStack theirs. Where the
name of the group stands in another module, it is taken for one that begins with the name of the package that asks.
Source: Python packaging user guide, "Entry points specification"; documentation of pkg_resources, importlib.metadata, stevedore,
pluggy and entrypoints.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Load, Way
from imds_probe.inventory.code.following.python_modules import entry_point_texts
from imds_probe.inventory.code.following.python_places import Module

GROUP = "group:"  # before the name of a group; nothing behind it where that does not stand there
RECORDS_MAX, CALLS_MAX = 3000, 50
_WORDS = (b"entry_points", b"entrypoints", b"stevedore", b"get_group_")
_ASKS = re.compile(
    rb"(?<!def )\b(?:iter_entry_points[ \t]{0,9}\(\s{0,80}(?:group[ \t]{0,9}=[ \t]{0,9})?|"
    rb"entry_points[ \t]{0,9}\(\s{0,80}group[ \t]{0,9}=[ \t]{0,9}|"
    rb"entry_points[ \t]{0,9}\([ \t]{0,9}\)[ \t]{0,9}(?:\.get[ \t]{0,9}\(|\.select[ \t]{0,9}\(\s{0,80}group[ \t]{0,9}=|\[)\s{0,80}|"
    rb"load_setuptools_entrypoints[ \t]{0,9}\(\s{0,80}|get_group_(?:all|named)[ \t]{0,9}\(\s{0,80}|"
    rb"(?:Extension|Driver|Hook|Named|Enabled|Dispatch)\w{0,30}Manager[ \t]{0,9}\([^()]{0,300}?\bnamespace[ \t]{0,9}=[ \t]{0,9}|"
    rb"(?:Extension|Driver|Hook|NamedExtension|EnabledExtension)Manager[ \t]{0,9}\(\s{0,80}(?=[\"']))"
)
_TEXT = re.compile(rb"[rbuRBU]{0,2}[\"']([\w.:-]{1,100})[\"']")
_VARIABLE = re.compile(rb"[A-Za-z_][\w.]{0,100}")
_RECORD = re.compile(r"[A-Za-z0-9][^/]{0,200}\.(?:dist-info|egg-info|egg)")
_LINE = re.compile(
    rb"^[ \t]{0,20}(?:\[[ \t]{0,20}([^\]\n]{1,200})\]|[^\n=\[#;]{1,100}=[ \t]{0,20}([A-Za-z_][\w.]{0,199}))",
    re.MULTILINE,
)


def groups_in(text: bytes) -> Iterator[str]:
    """The groups that a module asks for, each with GROUP before it."""
    if not any(word in text for word in _WORDS):
        return
    module = Module(text)
    for number, match in enumerate(_ASKS.finditer(text)):
        if number >= CALLS_MAX:
            return
        at = match.end()
        if named := _TEXT.match(text, at):
            yield GROUP + named[1].decode()
        elif variable := _VARIABLE.match(text, at):
            ways = [_TEXT.fullmatch(each.strip()) for each in module.ways(variable[0])]
            yield from {GROUP + (way[1].decode() if way else ""): None for way in ways}


def plugged_in(group: str, asking: Load, way: Way, ground: Ground) -> Iterator[str]:
    """The modules that are registered for a group; of one whose name is not known, for those of the package that asks, or of a
    directory in which the program's own code lies.
    """
    root = asking.package_root
    own = frozenset(asking.path.split("/")[1:-1] if root is None else [posixpath.basename(root).removesuffix(".py")])
    for place in way.places:
        for each, module in ground.once(("entry points", place), functools.partial(_registered, place, ground)):
            if each == group or (not group and each.partition(".")[0] in own):
                yield module


def _registered(place: str, ground: Ground) -> Iterator[tuple[str, str]]:
    """All groups of a place with a module of each."""
    records = sorted(entry for entry in ground.listed(place) if _RECORD.fullmatch(entry))
    for record in records[:RECORDS_MAX]:
        for text in entry_point_texts(f"{place}/{record}", ground):
            group = ""
            for match in _LINE.finditer(text):
                if match[1]:
                    group = match[1].decode("utf-8", "replace").strip()
                elif group:
                    yield group, match[2].decode("utf-8", "replace")
