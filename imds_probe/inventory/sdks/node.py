"""Node packages in a node_modules directory, nested ones and pnpm's store, too.

Source: Node's documentation of module loading from node_modules, npm's package.json; pnpm's "Symlinked node_modules
structure": .pnpm/NAME@VERSION/node_modules/NAME, with a plus sign for the slash of a scope.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system import rootfs

DIRECTORY = "node_modules"
STORE = ".pnpm"
PACKAGE_MAX_BYTES = 1024 * 1024
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}")


class Node:
    """npm, yarn and pnpm."""

    ecosystem = "npm"
    directories = frozenset({DIRECTORY})
    files = ()

    def libraries_in(self, root: Path, path: str, names: Collection[str]) -> list[Located]:
        """See Recogniser. Only what lies directly in this directory, and in pnpm's store below it."""
        entries = set(rootfs.names(root, path))
        found = list(_packages(root, path, entries, names))
        if STORE in entries:
            for entry in rootfs.names(root, f"{path}/{STORE}"):
                name = entry.partition("@")[0] if entry[0] != "@" else "@" + entry[1:].partition("@")[0]
                name = name.replace("+", "/")
                if name in names:
                    found += _package(root, f"{path}/{STORE}/{entry}/{DIRECTORY}/{name}", name)
        return found


def _packages(root: Path, path: str, entries: Collection[str], names: Collection[str]) -> Iterator[Located]:
    for name in sorted(names):
        if name.partition("/")[0] in entries:
            yield from _package(root, f"{path}/{name}", name)


def _package(root: Path, place: str, name: str) -> Iterator[Located]:
    try:
        content = rootfs.read_json(root, f"{place}/package.json", PACKAGE_MAX_BYTES)
    except rootfs.FileUnreadable:
        content = {}  # there is a package, of which nothing more is to be known
    if not isinstance(content, dict):
        return
    if content.get("name", name) != name:
        return  # a link to another package, by npm's aliases
    version = content.get("version")
    checked = version if isinstance(version, str) and _VERSION.fullmatch(version) else None
    yield Located(Library("npm", name, checked, "package.json"), place)
