"""Where the pages and files are that a message names: packages bring those that users need, laid out as in the source."""

from __future__ import annotations

from pathlib import Path

INSTALLED = Path("/usr/share/doc/imds-probe")  # where the packages put them


def document(name: str) -> str:
    """A file or directory as the package put it, or else by its name in the source, such as docs/fleet.md."""
    installed = INSTALLED / name
    return str(installed) if installed.exists() else name
