"""The configuration: files, drop-ins, and which value came from where."""

from imds_probe.config.loading import DEFAULT, load, load_all
from imds_probe.config.settings import Config

__all__ = ["DEFAULT", "Config", "load", "load_all"]
