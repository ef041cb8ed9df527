"""What os-release says, as the parser reads it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import distro

from imds_probe.facts.host import OsRelease
from imds_probe.inventory.packages.contained import OS_RELEASES
from imds_probe.inventory.packages.package import printable
from imds_probe.system import rootfs

LIMIT_BYTES = 16 * 1024  # the longest of any distribution has one
TEXT_MAX, LIKE_MAX = 200, 20


def os_release(root: Path) -> OsRelease:
    """What os-release below a root says, which may be a container's. Raises FileUnreadable."""
    found = (rootfs.read(root, path, LIMIT_BYTES) for path in OS_RELEASES)
    content = next((content for content in found if content is not None), b"")
    fields = _fields(content.decode(errors="replace"))
    name = fields.get("ID", "").lower().replace(" ", "_")
    return OsRelease(
        id=_text(distro.NORMALIZED_OS_ID.get(name, name)),
        version_id=_text(fields.get("VERSION_ID", "")),
        pretty_name=_text(fields.get("PRETTY_NAME", "")),
        id_like=tuple(printable(each, TEXT_MAX) for each in fields.get("ID_LIKE", "").split()[:LIKE_MAX]),
    )


def _fields(text: str) -> dict[str, str]:
    """Assignments, quoted as a shell has them. Raises FileUnreadable for a quotation without its end."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    try:
        pairs = [word.partition("=") for word in words]
    except ValueError as error:
        raise rootfs.FileUnreadable(f"os-release cannot be parsed: {error}") from None
    return {name: value for name, sign, value in pairs if sign}


def _text(value: str) -> str | None:
    return printable(value, TEXT_MAX) or None


def read_os_release(root: str) -> Iterator[OsRelease]:
    """The same, for a task. Raises FileUnreadable."""
    yield os_release(Path(root))
