"""The one error of everything that reads versions."""

from __future__ import annotations

from imds_probe.errors import ProbeError


class VersionError(ProbeError):
    """A string that is no version in the order asked for."""
