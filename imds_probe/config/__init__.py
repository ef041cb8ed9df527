"""The configuration: files, drop-ins, and which value came from where. It knows no key but the core's own."""

from imds_probe.config.loading import DEFAULT, Loaded, load, read
from imds_probe.config.settings import AwsConfig, Config, Settings

__all__ = ["DEFAULT", "AwsConfig", "Config", "Loaded", "Settings", "load", "read"]
