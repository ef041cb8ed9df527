"""Programs and shared objects by the names of their files, among them the AWS SDK for C++."""

from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Ecosystem

ECOSYSTEM = Ecosystem("binary", products={"aws-sdk-cpp": "aws-sdk-cpp"})
