"""PHP packages that Composer installed.

Source: Composer's vendor/composer/installed.json: a list in version 1, an object with "packages" in version 2.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system import rootfs

FILE = "installed.json"
MAX_BYTES = 16 * 1024 * 1024  # an application of some hundred packages has about one
_VERSION = re.compile(r"v?([0-9A-Za-z][0-9A-Za-z.+_-]{0,99})")


class Php:
    """Composer, versions 1 and 2."""

    ecosystem = "composer"
    directories = frozenset({"composer"})
    files = ()

    def libraries_in(self, root: Path, path: str, names: Collection[str]) -> list[Located]:
        """See Recogniser."""
        place = f"{path}/{FILE}"
        content = rootfs.read_json(root, place, MAX_BYTES)
        packages = content.get("packages") if isinstance(content, dict) else content
        found = []
        for package in packages if isinstance(packages, list) else ():
            if isinstance(package, dict) and package.get("name") in names:
                version = package.get("version")
                match = _VERSION.fullmatch(version) if isinstance(version, str) else None
                found.append(Located(Library("composer", package["name"], match[1] if match else None, FILE), place))
        return found
