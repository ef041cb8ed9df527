""".NET's packages."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem

ECOSYSTEM = Ecosystem("nuget")
