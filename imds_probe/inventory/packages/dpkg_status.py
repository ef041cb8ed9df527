"""dpkg's status file read as text, where dpkg-query is not there or must not be used. Format: deb-control(5)."""

from __future__ import annotations

from collections.abc import Collection

from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, PackageStatus, field_text
from imds_probe.inventory.packages.text import Lines, records

# The third word of Status: dpkg(1), package states; not those that mean that nothing is there any more.
_STATES: dict[bytes, PackageStatus | None] = {
    b"installed": "installed",
    b"triggers-pending": "installed",
    b"triggers-awaited": "installed",
    b"unpacked": "unpacked",
    b"half-configured": "half-configured",
    b"half-installed": "half-installed",
    b"config-files": None,
    b"not-installed": None,
}
_FIELDS = (b"Package", b"Version", b"Architecture", b"Status")


def packages_of(lines: Lines, names: Collection[str], *, has_status: bool = True) -> list[Package]:
    """The installed packages among `names`. A record without Status counts as installed where `has_status` is False.

    Raises PackageError where a record makes no sense, or the file ends within one.
    """
    wanted = {name.encode() for name in names}
    packages = []
    for record in records(lines, _FIELDS):
        fields = {key: value.strip() for key, value in record.items()}
        if not fields.get(b"Package"):
            raise PackageError("dpkg", "its status file has an entry that is not a package", DAMAGED)
        if fields[b"Package"] not in wanted:
            continue
        status = _status(fields, has_status=has_status)
        if status is not None:
            name, version, arch = (field_text("dpkg", fields.get(key, b"")) for key in _FIELDS[:3])
            if not version:
                raise PackageError("dpkg", f"its status file has no version of {name}", DAMAGED)
            packages.append(Package("dpkg", name, version, arch, status))
    if not lines.whole:
        raise PackageError("dpkg", "its status file ends within a line", DAMAGED)
    return packages


def _status(fields: dict[bytes, bytes], *, has_status: bool) -> PackageStatus | None:
    words = fields.get(b"Status", b"").split()
    if not words and not has_status:
        return "installed"
    if len(words) != 3 or words[2] not in _STATES:
        name = field_text("dpkg", fields[b"Package"])
        raise PackageError("dpkg", f"its status file has no state of {name} that makes sense", DAMAGED)
    return "reinstall-required" if words[1] == b"reinstreq" else _STATES[words[2]]
