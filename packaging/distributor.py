"""The package for SSM Distributor: a zip for each package, and the manifest that says which hosts get which.

Laid out to be copied to S3 as it is. Names of platforms and architectures are those that the SSM agent calls its host by.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from architectures import Architecture
from build_error import BuildError
from downloads import sha256
from stage import PACKAGING, Build

PUBLISHER = "imds-probe"
PLATFORMS = {
    "deb": ("debian", "ubuntu"),
    "rpm": ("almalinux", "amazon", "centos", "opensuse", "opensuseleap", "oracle", "redhat", "rocky", "suse"),
}
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
SCRIPTS = ("install.sh", "uninstall.sh", "update.sh")
MANIFEST = "manifest.json"
# SSM's.
VERSION = r"[A-Za-z0-9_.-]{1,128}"
ATTACHMENTS = 20


@dataclass(frozen=True)
class Package:
    """A deb or an rpm that was made."""

    path: Path
    architecture: Architecture

    @property
    def kind(self) -> str:
        return self.path.suffix[1:]


def make(packages: Sequence[Package], build: Build, out: Path) -> list[Path]:
    """Leave the manifest and its zips in `out`, and nothing else. Raises BuildError where SSM would not take them."""
    if not re.fullmatch(VERSION, build.version):
        raise BuildError(f"SSM takes no version {build.version}")
    out.mkdir(exist_ok=True)
    for former in out.iterdir():
        former.unlink()
    platforms: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    files = {}
    for package in packages:
        attachment = out / f"imds-probe_{build.version}_{package.kind}_{package.architecture.name}.zip"
        _pack(package, attachment, build.epoch)
        files[attachment.name] = {"checksums": {"sha256": sha256(attachment)}}
        for platform in PLATFORMS[package.kind]:
            of_platform = platforms.setdefault(platform, {"_any": {}})["_any"]
            of_platform[ARCHITECTURES[package.architecture.name]] = {"file": attachment.name}
    if len(files) > ATTACHMENTS:
        raise BuildError(f"SSM takes at most {ATTACHMENTS} attachments, not {len(files)}")
    manifest = {
        "schemaVersion": "2.0",
        "version": build.version,
        "publisher": PUBLISHER,
        "packages": platforms,
        "files": files,
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    (out / MANIFEST).chmod(0o644)
    return sorted(out.iterdir())


def _pack(package: Package, attachment: Path, epoch: int) -> None:
    """Stored, not compressed: packages are already, and another zlib would make another file."""
    made = datetime.fromtimestamp(epoch, UTC).timetuple()[:6]
    scripts = PACKAGING / "ssm/distributor" / package.kind
    with zipfile.ZipFile(attachment, "w", zipfile.ZIP_STORED) as archive:
        for path in (package.path, *(scripts / name for name in SCRIPTS)):
            entry = zipfile.ZipInfo(path.name, made)
            entry.create_system = 3  # Unix: the next two bytes are a mode
            entry.external_attr = (0o100755 if path.suffix == ".sh" else 0o100644) << 16
            archive.writestr(entry, path.read_bytes())
    attachment.chmod(0o644)
