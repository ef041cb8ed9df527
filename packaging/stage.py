"""A directory laid out as the root of a host that has the package and nothing else."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import application
import bytecode
import completion
import debian_archive
import licences
import runtime
import sbom
import self_contained
from architectures import PYTHON
from downloads import Inputs

MAINTAINER = "imds-probe maintainers <maintainers@imds-probe.invalid>"
CHANGELOG = "imds-probe ({version}-1) stable; urgency=medium\n\n  * Version {version}.\n\n -- {maintainer}  {date}\n"
PACKAGING = Path(__file__).parent
PROJECT = PACKAGING.parent
COPIED = {
    "launcher.py": "usr/bin/imds-probe",
    "imds-probe.toml": "etc/imds-probe/imds-probe.toml",
    "80-imds-probe.preset": "usr/lib/systemd/system-preset/80-imds-probe.preset",
    "lintian-overrides": "usr/share/lintian/overrides/imds-probe",
}


# The pages lead to the others, or name them in commands.
DOCUMENTS = (
    *("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
    *("docs/*.md", "examples/**/*", "imds_probe/schema/*.json"),
    *("packaging/iam/*.json", "packaging/ssm/*", "packaging/cloudformation/*.yaml", "packaging/container/*"),
)


@dataclass(frozen=True)
class Build:
    """`version` of the packages and `epoch`, the time (Unix, s) that everything in them is given."""

    version: str
    epoch: int


def make(inputs: Inputs, build: Build, work: Path, builder: Path | None = None) -> Path:
    """Lay out `work`/stage. `builder` is the stage whose interpreter compiles; None: this one's. Raises BuildError."""
    debian, stage = work / "debian", work / "stage"
    debian_archive.unpack(inputs.debs, debian)
    runtime.put(debian, stage, inputs.architecture)
    application.put(inputs.wheels, PROJECT, stage)
    runtime.put_libraries(debian, stage, inputs.architecture)
    bytecode.compile_all(stage, builder or stage)
    _put_documents(inputs, build, debian, stage)
    self_contained.check(stage, inputs.architecture)
    shutil.rmtree(debian)
    _settle(stage, inputs.architecture.loader, build.epoch)
    return stage


def _put_documents(inputs: Inputs, build: Build, debian: Path, stage: Path) -> None:
    for name, path in COPIED.items():
        _write(stage / path, (PACKAGING / name).read_bytes())
    for unit in (PROJECT / "systemd").iterdir():
        _write(stage / "usr/lib/systemd/system" / unit.name, unit.read_bytes())
    for page in [PACKAGING / "imds-probe.1", *(PACKAGING / "man").iterdir()]:
        _write(stage / f"usr/share/man/man1/{page.name}.gz", gzip.compress(page.read_bytes(), mtime=0))
    for name in documents():
        _write(stage / licences.DOCUMENTATION / name, (PROJECT / name).read_bytes())
    for path, script in completion.FILES.items():
        _write(stage / path, script().encode())
    components = licences.of_debs(inputs.debs, debian) + licences.of_wheels(inputs.wheels, stage)
    heading = licences.HEAD.format(version=build.version, suite=debian_archive.SUITE)
    licences.put(components, debian, stage, heading)
    bill = sbom.document(build.version, inputs.architecture, components, build.epoch)
    _write(stage / licences.DOCUMENTATION / "sbom.cdx.json", bill.encode())
    released = datetime.fromtimestamp(build.epoch, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    change = CHANGELOG.format(version=build.version, maintainer=MAINTAINER, date=released)
    _write(stage / "usr/share/doc/changelog.Debian.gz", gzip.compress(change.encode(), mtime=0))
    _write(stage / "usr/share/doc/changelog.gz", gzip.compress((PROJECT / "CHANGELOG.md").read_bytes(), mtime=0))


def documents() -> list[str]:
    """The pages, and all that they link to or name for users, by their paths in the source: they lie alike in the package."""
    found = (path for pattern in DOCUMENTS for path in PROJECT.glob(pattern) if path.is_file())
    return sorted(str(path.relative_to(PROJECT)) for path in found)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _settle(stage: Path, loader: str, epoch: int) -> None:
    """Modes and times that hang on nothing but the contents."""
    programs = {stage / "usr/bin/imds-probe", stage / PYTHON[1:], *stage.rglob(loader)}
    for path in [stage, *stage.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
    for path in [*stage.rglob("*"), stage]:
        os.utime(path, (epoch, epoch))
