"""What runs: this version, its interpreter, and what it brings along."""

from __future__ import annotations

import importlib
import platform
import sys

from imds_probe import __version__
from imds_probe.collect.own_software import RUNTIME
from imds_probe.doctor.check import Host, Result

OLDEST = (3, 11)
# What the core and the sinks import of others.
LIBRARIES = (
    "ahocorasick_rs",
    "botocore",
    "distro",
    "jinja2",
    "markupsafe",
    "msgspec",
    "packaging",
    "prometheus_client",
    "yaml",
)


def interpreter(host: Host) -> Result:
    del host
    bundled = sys.executable.startswith(f"{RUNTIME}/")
    said = f"imds-probe {__version__}, Python {platform.python_version()} {'of the package' if bundled else sys.executable}"
    broken = []
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever is broken of it, it cannot be used
            broken.append(f"{name} ({type(error).__name__})")
    if broken:
        return Result(
            "missing",
            f"{said}: libraries cannot be loaded: {', '.join(broken)}",
            costs=("collectors and sinks that need them fail",),
            remedy="Install the package again."
            if bundled
            else "Install imds-probe again with pip, with its dependencies.",
        )
    if sys.version_info < OLDEST:
        return Result(
            "limited", said, costs=("imds-probe is not tested with this Python",), remedy="Use Python 3.11 or later."
        )
    return Result("ok", said)
