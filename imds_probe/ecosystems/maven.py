"""Java's artefacts, named "group:artifact"."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem, Versions
from imds_probe.ecosystems.orders.maven import compare_maven

ECOSYSTEM = Ecosystem("maven", Versions(compare_maven), products={"aws-sdk-java": "aws-sdk-java-v1"})
