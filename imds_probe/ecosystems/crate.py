"""Rust's crates, which are built into programs."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem, Versions
from imds_probe.ecosystems.orders.semver import compare_semver

ECOSYSTEM = Ecosystem("crate", Versions(compare_semver))
