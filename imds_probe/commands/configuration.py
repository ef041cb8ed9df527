"""The configuration of the whole program: the core's own sections, and those that the sinks declare."""

from __future__ import annotations

from pathlib import Path

from imds_probe import config
from imds_probe.config import AwsConfig, Config, Loaded
from imds_probe.config.keys import Section
from imds_probe.sinks import SINKS, declared
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig


def sections() -> tuple[type[Section], ...]:
    """All that a configuration file may set, in the order of the shipped one."""
    sinks = [declared(name) for name in SINKS]
    shared = [section for sink in sinks for section in sink.shared]
    own = [sink.settings for sink in sinks if sink.settings]
    return tuple(dict.fromkeys((Config, DeliveryConfig, AwsConfig, *shared, *own, SpoolConfig)))


def load(path: Path | None, default: Path | None = None) -> Loaded:
    """See config.load."""
    return config.load(path, sections(), default)
