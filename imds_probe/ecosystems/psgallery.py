"""PowerShell's modules: known to the catalog, not recognised on hosts yet."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem

ECOSYSTEM = Ecosystem("psgallery")
