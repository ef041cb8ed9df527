"""Alpine's package database, a text file: apk's own tool need not be there.

Source: apk-tools' documentation of its installed database; a record a package, P: its name, V: version, A: architecture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, field_text
from imds_probe.system import rootfs

DATABASES = ("lib/apk/db/installed", "usr/lib/apk/db/installed")  # the second since apk-tools 3
LIMIT_BYTES = 64 * 1024 * 1024


class Apk:
    """apk, on the running system or on one below another root."""

    id = "apk"

    def present(self, root: Path) -> bool:
        """Whether there is a database. Raises PackageError where it may not be looked at."""
        return self._content(root) is not None

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """The packages of these names; see PackageManager.query."""
        del timeout_s  # one file, read at once
        content = self._content(root)
        if content is None:
            raise PackageError(self.id, f"{root}/{DATABASES[0]} is missing", DAMAGED)
        wanted = {name.encode() for name in names}
        return [self._package(record) for record in _records(content) if record.get(b"P") in wanted]

    def _content(self, root: Path) -> bytes | None:
        try:
            found = (rootfs.read(root, path, LIMIT_BYTES) for path in DATABASES)
            return next((content for content in found if content is not None), None)
        except rootfs.FileUnreadable as trouble:
            raise PackageError(self.id, trouble.problem, trouble.remedy or DAMAGED) from None

    def _package(self, record: dict[bytes, bytes]) -> Package:
        name, version, arch = (field_text(self.id, record.get(key, b"")) for key in (b"P", b"V", b"A"))
        if not version:
            raise PackageError(self.id, f"its database has no version of {name}", DAMAGED)
        return Package(self.id, name, version, arch, "installed")


def _records(content: bytes) -> Iterator[dict[bytes, bytes]]:
    """Only the fields of the package itself: what follows the first F: is about its files, and uses letters again."""
    for block in content.split(b"\n\n"):
        record: dict[bytes, bytes] = {}
        for line in block.split(b"\n"):
            key, separator, value = line.partition(b":")
            if key == b"F" or not separator:
                break
            record.setdefault(key, value)
        yield record
