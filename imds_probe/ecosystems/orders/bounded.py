"""A bound on what any comparison has to be afraid of."""

from __future__ import annotations

from imds_probe.ecosystems.version_error import VersionError

LENGTH_MAX = 1000  # no real version is longer


def bounded(text: str) -> str:
    """The text itself. Raises VersionError where it is too long for a version."""
    if len(text) > LENGTH_MAX:
        raise VersionError(f"{text[:80]!r}... is too long for a version")
    return text
