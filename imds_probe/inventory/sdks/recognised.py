"""The ecosystems whose libraries are looked for, by their ids: those of recognisers.py, for who only needs the names."""

from __future__ import annotations

RECOGNISED = (
    "pypi",
    "npm",
    "maven",
    "gem",
    "composer",
    "nuget",
    "go",
    "crate",
    "binary",
)
