"""Which log stream a report goes to: one for each instance."""

from __future__ import annotations

import re

from imds_probe.sinks.extract import instance
from imds_probe.sinks.sink import Report


def stream_of(report: Report) -> str:
    """The instance's id, else the host's name, in characters that all who read streams take.

    Names have neither ":" nor "*", and at most 512 characters: CreateLogStream in the API reference of CloudWatch Logs.
    """
    name = instance(report).get("instance_id") or report["host"]["hostname"] or "unknown"
    return re.sub(r"[^A-Za-z0-9._-]", "_", str(name))[:512]
