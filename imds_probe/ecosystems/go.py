"""Go's modules, which are built into programs."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem, Versions
from imds_probe.ecosystems.orders.semver import compare_semver

ECOSYSTEM = Ecosystem(
    "go", Versions(compare_semver), products={"aws-sdk-go": "aws-sdk-go-v1", "aws-sdk-go-v2": "aws-sdk-go-v2"}
)
