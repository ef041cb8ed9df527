"""Package managers, one module each, listed here by hand."""

from __future__ import annotations

from imds_probe.inventory.packages.apk import Apk
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.package import PackageManager
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.inventory.packages.snap import Snap

MANAGERS: tuple[PackageManager, ...] = (Dpkg(), Rpm(), Apk(), Snap())
