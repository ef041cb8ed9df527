"""Packages whose own files are looked for, and what their changelogs say: see own_files.py and changelog.py."""

from __future__ import annotations

from imds_probe.dataclass import dataclass


@dataclass(frozen=True)
class Wanted:
    """An installed package: the id of its manager, and its name and version there."""

    manager: str
    name: str
    version: str


@dataclass(frozen=True)
class Mention:
    """An entry that says that support for IMDSv2 was added: where it stands, of which version it is, empty where that is not
    said, and the words by which it is known.
    """

    place: str
    version: str
    words: str
