"""All that parsers work on in every run, for who forks them: importing this imports it."""

from __future__ import annotations

import tomllib

import yaml  # the files of most software's settings are in it, and some in the other

from imds_probe.collect import container_reading, firmware, os_release, owner_reading, sdk_reading, standing_reading
from imds_probe.inventory.containers import named, record_reading
from imds_probe.inventory.settings import reading as settings
from imds_probe.net.obstacles import settings as obstacles

__all__ = [
    "container_reading",
    "firmware",
    "named",
    "obstacles",
    "os_release",
    "owner_reading",
    "record_reading",
    "sdk_reading",
    "settings",
    "standing_reading",
    "tomllib",
    "yaml",
]
