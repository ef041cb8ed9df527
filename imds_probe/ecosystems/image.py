"""Container images, by their names; a version is a tag."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem

ECOSYSTEM = Ecosystem("image")
