"""Roots of the distributions on EC2 with the file layout that their packages have there, before and after they asked for a token.

Debian's and Ubuntu's have dpkg's status and lists of files, Amazon Linux 2's a Berkeley database of rpm's with real headers.
Nothing runs there, and nothing but the units that are `enabled` starts anything.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import rpm_databases
from agents_code import cfn_bootstrap, cloud_guest_utils, cloud_init, hibinit_agent
from small_roots import made

PYTHON2, PYTHON3 = "/usr/lib/python2.7/site-packages", "/usr/lib/python3/dist-packages"
UBUNTU = 'NAME="Ubuntu"\nVERSION_ID="{0}"\nID=ubuntu\nID_LIKE=debian\n'
AMAZON_LINUX_2 = (
    'NAME="Amazon Linux"\nVERSION_ID="2"\nID="amzn"\nID_LIKE="centos rhel fedora"\nPRETTY_NAME="Amazon Linux 2"\n'
)
_ONESHOT = (
    "[Unit]\nDescription={0}\n\n[Service]\nType=oneshot\nExecStart={0}\n\n[Install]\nWantedBy=multi-user.target\n"
)


@dataclass(frozen=True)
class Installed:
    """A package: its version, its files, and the units that start it, each with its command."""

    version: str
    files: Mapping[str, str]
    units: Mapping[str, str]


def ubuntu(version_id: str, *, token: bool) -> dict[str, Installed]:
    """What Ubuntu's images had on the day of their release."""
    cloud = {"18.04": "18.2-14-g6d48d265-0ubuntu1", "20.04": "19.4-33-gbb4131a2-0ubuntu1"}[version_id]
    utils = {"18.04": "0.30-0ubuntu5", "20.04": "0.31-7-gd99b2d76-0ubuntu1"}[version_id]
    return {
        "cloud-init": Installed(
            cloud,
            {
                **cloud_init(PYTHON3, token=token),
                "/usr/bin/cloud-init": "#!/usr/bin/python3\nfrom cloudinit.cmd.main import main\nmain()\n",
            },
            {"cloud-init.service": "/usr/bin/cloud-init init"},
        ),
        "cloud-guest-utils": Installed(utils, cloud_guest_utils(token=token), {}),
        "ec2-hibinit-agent": Installed(
            "1.0.0-0ubuntu4", hibinit_agent(token=token), {"hibinit-agent.service": "/usr/bin/hibinit-agent"}
        ),
    }


def amazon_linux_2(*, token: bool) -> dict[str, Installed]:
    """What Amazon Linux 2 has for EC2, of which no version tells."""
    return {
        "cloud-init": Installed(
            "19.3-46.amzn2",
            {
                **cloud_init(PYTHON2, token=token),
                "/usr/bin/cloud-init": "#!/usr/bin/python2\nfrom cloudinit.cmd.main import main\nmain()\n",
            },
            {"cloud-init.service": "/usr/bin/cloud-init init"},
        ),
        "aws-cfn-bootstrap": Installed("1.4-34.amzn2", cfn_bootstrap(PYTHON2, token=token), {}),
    }


def on_dpkg(
    root: Path,
    os_release: str,
    packages: Mapping[str, Installed],
    *,
    enabled: bool = True,
    without_files: Collection[str] = (),
    changelogs: Mapping[str, str] | None = None,
) -> Path:
    """A root where dpkg installed these."""
    files: dict[str, str | bytes | Path] = {"etc/os-release": os_release, **_interpreters()}
    for name, package in packages.items():
        own = {**package.files, **_units(package)}
        files |= {} if name in without_files else own
        files |= _wants(package) if enabled else {}
        files[f"var/lib/dpkg/info/{name}.list"] = "".join(f"{path}\n" for path in _with_directories(own))
    for name, text in (changelogs or {}).items():
        files[f"usr/share/doc/{name}/changelog.Debian.gz"] = gzip.compress(text.encode())
    files["var/lib/dpkg/status"] = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {package.version}\nDescription: x\n"
        for name, package in packages.items()
    )
    return made(root, files, executable=tuple(_interpreters()))


def on_rpm(
    root: Path,
    os_release: str,
    packages: Mapping[str, Installed],
    *,
    enabled: bool = True,
    without_files: Collection[str] = (),
    changelogs: Mapping[str, str] | None = None,
) -> Path:
    """A root where rpm 4.11 installed these: the headers are rpm's own, in a Berkeley database."""
    files: dict[str, str | bytes | Path] = {"etc/os-release": os_release, **_interpreters()}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number, (name, package) in enumerate(packages.items()):
            own = {**package.files, **_units(package)}
            files |= {} if name in without_files else own
            files |= _wants(package) if enabled else {}
            version, _, release = package.version.partition("-")
            tree = made(place / f"tree{number}", own)
            said = (changelogs or {}).get(name, "")
            rpm = rpm_databases.build_rpm(place, name, version, release, files=tree, changelog=said)
            rpm_databases.install(place / "root", rpm)
        blobs = rpm_databases.blobs_of(place / "root", place)
    (root / "var/lib/rpm").mkdir(parents=True)
    rpm_databases.berkeley(root / "var/lib/rpm/Packages", blobs)
    return made(root, files, executable=tuple(_interpreters()))


def _interpreters() -> dict[str, str]:
    found = {}
    for version in ("2.7", "3.8"):
        found |= {f"usr/bin/python{version}": "\x7fELF", f"usr/lib/python{version}/os.py": ""}
    return {
        **found,
        "usr/bin/python3": "\x7fELF",
        "usr/bin/python2": "\x7fELF",
        "usr/bin/dash": "\x7fELF",
        "bin/sh": "\x7fELF",
    }


def _units(package: Installed) -> dict[str, str]:
    return {f"/usr/lib/systemd/system/{unit}": _ONESHOT.format(command) for unit, command in package.units.items()}


def _wants(package: Installed) -> dict[str, Path]:
    wants = "/etc/systemd/system/multi-user.target.wants"
    return {f"{wants}/{unit}": Path(f"/usr/lib/systemd/system/{unit}") for unit in package.units}


def _with_directories(files: Collection[str]) -> list[str]:
    """As dpkg lists them: each directory before what is in it."""
    found: dict[str, None] = {"/.": None}
    for path in sorted(files):
        found.update(dict.fromkeys(str(parent) for parent in reversed(Path(path).parents) if str(parent) != "/"))
        found[path] = None
    return list(found)
