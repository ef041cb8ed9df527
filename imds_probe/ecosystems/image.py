"""Container images, by their names; a version is a tag."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem, Versions

ECOSYSTEM = Ecosystem("image", Versions(shorter_is_a_range=True))
