"""rpm's packages: Amazon Linux, Red Hat's family, SUSE."""

from __future__ import annotations

import re
import shlex

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Upstream, Versions
from imds_probe.ecosystems.orders.rpm import compare_rpm_evr, compare_rpm_part, parse_rpm_evr

# Where dnf is the package manager; older releases of the family have yum.
DNF_SINCE = {"amzn": 2022, "rhel": 8, "centos": 8, "almalinux": 8, "rocky": 8, "ol": 8, "fedora": 22}


def _upstream(version: str) -> Upstream:
    parts = parse_rpm_evr(version)
    return Upstream(parts.version, parts.release or "")


def _doubt(upstream: Upstream, rest: str) -> str:
    del rest
    # Fedora's versioning guidelines.
    return "an rpm release that begins with 0. is a pre-release" if upstream.revision.startswith("0.") else ""


def _upgrade(outdated: Outdated) -> tuple[str, ...]:
    package = shlex.quote(outdated.package)
    if outdated.os_id in ("sles", "opensuse-leap", "opensuse-tumbleweed") or "suse" in outdated.os_id_like:
        return (f"zypper update {package}",)
    return (f"{'dnf upgrade' if _has_dnf(outdated) else 'yum update'} {package}",)


def _has_dnf(outdated: Outdated) -> bool:
    major = (outdated.os_version_id or "").partition(".")[0]
    return re.fullmatch(r"[0-9]{1,9}", major) is not None and int(major) >= DNF_SINCE.get(outdated.os_id or "", 10**6)


ECOSYSTEM = Ecosystem(
    "rpm", Versions(compare_rpm_evr, upstream=_upstream, upstream_order=compare_rpm_part, doubt=_doubt), _upgrade
)
