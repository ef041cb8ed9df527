"""Version order of Python packages. Source: PEP 440."""

from __future__ import annotations

from imds_probe.ecosystems.orders.bounded import bounded
from imds_probe.ecosystems.version_error import VersionError


def compare_pep440(a: str, b: str) -> int:
    """Order two Python versions as pip does: -1, 0 or 1; a local part ("+distro1") counts as newer, as PEP 440 has it.

    Raises VersionError on what is no version.
    """
    # Most runs compare no Python version, and this takes longer to load than all other orders together.
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        left, right = Version(bounded(a)), Version(bounded(b))
    except InvalidVersion as error:
        raise VersionError(str(error)[:200]) from None
    return (left > right) - (left < right)
