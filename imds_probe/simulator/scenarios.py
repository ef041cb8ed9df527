"""Root directories of made-up EC2 hosts, in the real formats: what `demo` and tests let the probe look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

OS_RELEASE = 'ID=debian\nVERSION_ID="10"\nPRETTY_NAME="Debian GNU/Linux 10 (buster), as an old image would have it"\n'

# An image from 2019 that was never upgraded, and the same host after `apt-get upgrade` from today's repositories.
OLD_PACKAGES = {"cloud-init": "18.3-6", "amazon-ssm-agent": "2.3.612.0-1", "awscli": "1.16.113-1"}
UPGRADED_PACKAGES = {"cloud-init": "22.4.2-1+deb12u3", "amazon-ssm-agent": "3.3.987.0-1", "awscli": "2.9.19-1"}


def write_host(root: Path, packages: Mapping[str, str], instance_id: str) -> None:
    """Make (or change) a host's root: firmware that says EC2, os-release, and a dpkg database with these packages."""
    files = {
        "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
        "sys/class/dmi/id/board_asset_tag": f"{instance_id}\n",
        "etc/os-release": OS_RELEASE,
        "var/lib/dpkg/status": "\n".join(_record(name, version) for name, version in packages.items()),
        "var/lib/dpkg/available": "",
    }
    files |= {f"var/lib/dpkg/info/{name}.list": "/.\n" for name in packages}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def write_python_package(directory: Path, name: str, version: str) -> None:
    """Make what pip leaves of a package in a directory, as far as it can be known by that."""
    record = directory / f"{name}-{version}.dist-info/METADATA"
    record.parent.mkdir(parents=True)
    record.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def _record(name: str, version: str) -> str:
    return (
        f"Package: {name}\nStatus: install ok installed\nMaintainer: Example <root@localhost>\n"
        f"Architecture: amd64\nVersion: {version}\nDescription: {name}\n"
    )
