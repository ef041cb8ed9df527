"""What they work on besides where code is read."""

from __future__ import annotations

from imds_probe.collect import code_reading, disk_reading, named_reading, package_reading, schedule_reading

__all__ = ["code_reading", "disk_reading", "named_reading", "package_reading", "schedule_reading"]
