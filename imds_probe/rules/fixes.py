"""Commands that upgrade a package on this host, ready to paste."""

from __future__ import annotations

import shlex

from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, Software

# Where dnf is the package manager; older releases of the family have yum.
DNF_SINCE = {"amzn": 2022, "rhel": 8, "centos": 8, "almalinux": 8, "rocky": 8, "ol": 8, "fedora": 22}


def upgrade_commands(software: Software, os: OsRelease, minimum: str | None = None) -> tuple[str, ...]:
    """The commands for the manager that the package came from, `minimum` being the version to reach; empty where none
    is known.
    """
    package = shlex.quote(software.package)
    if software.manager == "dpkg":
        return (f"apt-get update && apt-get install --only-upgrade {package}",)
    if software.manager == "rpm":
        if os.id in ("sles", "opensuse-leap", "opensuse-tumbleweed") or "suse" in os.id_like:
            return (f"zypper update {package}",)
        return (f"{'dnf upgrade' if _has_dnf(os) else 'yum update'} {package}",)
    if software.manager == "snap":
        return (f"snap refresh {package}",)
    if software.manager == "apk":
        return (f"apk update && apk add --upgrade {package}",)
    if software.manager == "pypi":
        wanted = f"{software.package}>={minimum}" if minimum else software.package
        return (f"python3 -m pip install --upgrade {shlex.quote(wanted)}",)
    return ()


def _has_dnf(os: OsRelease) -> bool:
    major = (os.version_id or "").partition(".")[0]
    return major.isdigit() and int(major) >= DNF_SINCE.get(os.id or "", 10**6)


def library_commands(library: SdkSoftware, minimum: str | None) -> tuple[str, ...]:
    """The commands that upgrade a library in the first place that it lies in; empty where it has to be built anew."""
    path = library.path or ""
    if library.manager == "pypi":
        prefix, found, _ = path.partition("/lib/python")
        python = f"{prefix}/bin/python3" if found else "python3"
        wanted = f"{library.package}>={minimum}" if minimum else library.package
        return (f"{shlex.quote(python)} -m pip install --upgrade {shlex.quote(wanted)}",)
    if library.manager == "npm" and "/node_modules/" in path:
        wanted = f"{library.package}@>={minimum}" if minimum else f"{library.package}@latest"
        return (f"npm install --prefix {shlex.quote(path.partition('/node_modules/')[0])} {shlex.quote(wanted)}",)
    if library.manager == "gem":
        return (f"gem install {shlex.quote(library.package)}" + (f" --version '>= {minimum}'" if minimum else ""),)
    if library.manager == "composer" and "/vendor/" in path:
        directory = path.rpartition("/vendor/")[0]
        return (f"composer --working-dir={shlex.quote(directory)} update {shlex.quote(library.package)}",)
    return ()
