"""Alpine's package database, a text file: apk's own tool need not be there.

Source: apk-tools' documentation of its installed database; a record a package, P: its name, V: version, A: architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imds_probe.inventory.packages import text
from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, field_text

DATABASES = ("lib/apk/db/installed", "usr/lib/apk/db/installed")  # the second since apk-tools 3
LIMIT_BYTES = 64 * 1024 * 1024
_FIELDS = (b"P", b"V", b"A")


class Apk:
    """apk, on the running system or on one below another root."""

    id = "apk"

    def present(self, root: Path) -> bool:
        """Whether there is a database. Raises PackageError where it may not be looked at."""
        return self._database(root) is not None

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """The packages of these names; see PackageManager.query."""
        del timeout_s  # one file, of so many bytes
        path = self._database(root)
        if path is None:
            raise PackageError(self.id, f"{root}/{DATABASES[0]} is missing", DAMAGED)
        wanted = {name.encode() for name in names}
        with text.lines(self.id, root, path, LIMIT_BYTES) as lines:
            # Only the fields of the package itself: what follows the first F: is about its files, and uses letters again.
            found = text.records(lines, _FIELDS, b"F") if lines is not None else ()
            return [self._package(record) for record in found if record.get(b"P") in wanted]

    def _database(self, root: Path) -> str | None:
        for path in DATABASES:
            with text.lines(self.id, root, path, LIMIT_BYTES) as lines:
                if lines is not None:
                    return path
        return None

    def _package(self, record: dict[bytes, bytes]) -> Package:
        name, version, arch = (field_text(self.id, record.get(key, b"")) for key in _FIELDS)
        if not version:
            raise PackageError(self.id, f"its database has no version of {name}", DAMAGED)
        return Package(self.id, name, version, arch, "installed")
