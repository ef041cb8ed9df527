"""Hold the catalog's figures of grade "package" to the packages that PyPI and npm serve, on either side of each.

    PYTHONPATH=tests .venv/bin/python tests/truth/verify_figures.py [COMPONENT...]

It downloads some 100 packages, so it is run by hand, by who changes a figure. Prints a table and exits 1 where a package
disagrees with the catalog. Packages are unpacked in memory and searched; nothing in them is run, but a source distribution
has its metadata prepared by pip.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.catalog.upstream import compare_upstream

HEADER = r"(?i)x-aws-ec2-metadata-token"
ADDRESS = r"169\.254\.169\.254|latest/api/token|latest/meta-data|fd00:ec2"
OPT_OUT = r"(?i)ec2_?metadata_?v1_?disabled"
# Where the header is in what the package depends on, or is had from there.
OTHER_MARKS = {
    ("boto3", "minimum"): r"botocore[ (<>=0-9.,]*>=1\.13\.25",
    ("boto3", "no_v1_fallback"): r"botocore[ (<>=0-9.,]*>=1\.32\.4",
    ("aws-cli-v1", "minimum"): r"botocore[ (]*==1\.13\.25",
    ("aws-cli-v1", "no_v1_fallback"): r"botocore[ (]*==1\.32\.4",
    ("patroni-aws", "minimum"): r"IMDSFetcher",
    ("google-auth-python", "asks_since"): r"google/auth/aws\.py",  # it has Google's own metadata address in any case
    ("snowflake-node", "asks_since"): HEADER,  # the path for an SDK's client to ask for is in earlier releases
}
# Where the package before the figure has the mark too, and why the figure is right all the same.
EXPLAINED = {
    (
        "botocore",
        "minimum",
    ): "1.13.22 has no token, 1.13.23 and 1.13.24 have: the figure is the first from which on all have",
}
STABLE = re.compile(r"v?\d+(\.\d+)*")
OLD_PYTHONS = ("37", "36")  # for wheels that were made for no newer one
PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "any")
NESTED_MAX = 3
ENTRY_MAX_BYTES = 400 * 1024 * 1024


@dataclass(frozen=True)
class Claim:
    """That `figure` is the first release of a package with the mark; of "never", that no release has it."""

    row: Row
    registry: str
    package: str
    what: str
    figure: str | None
    mark: str


def claims(row: Row) -> Iterator[Claim]:
    """Of the first package in each registry: where there are others, they are of the same numbers, or all have it."""
    for registry in ("pypi", "npm"):
        for package in row.packages.get(registry, ())[:1]:
            if row.grade == "package" and (row.never or row.minimum != row.asks_since):
                mark = OTHER_MARKS.get((row.id, "minimum"), HEADER)
                yield Claim(row, registry, package, "never" if row.never else "minimum", row.minimum, mark)
            if row.grade == "package" and row.asks_since:
                mark = OTHER_MARKS.get((row.id, "asks_since"), f"{HEADER}|{ADDRESS}")
                yield Claim(row, registry, package, "asks_since", row.asks_since, mark)
            free = row.no_v1_fallback
            if free is not None and free.grade == "package":
                mark = OTHER_MARKS.get((row.id, "no_v1_fallback"), OPT_OUT)
                yield Claim(row, registry, package, "no_v1_fallback", free.version, mark)


def verdict(claim: Claim, folder: Path) -> tuple[str, str]:
    """What came of a claim, "verified", "disagrees", "explained" or "not had", and what was seen."""
    versions = released(claim.registry, claim.package)
    if not versions:
        return "not had", "no list of versions"
    if claim.figure is None:
        return _never(claim, versions[-1], folder)
    sides = [version for version in versions if _order(claim, version) < 0][-1:]
    after = [version for version in versions if _order(claim, version) >= 0][:1]
    if not after:
        return "not had", f"no release from {claim.figure} on"
    seen = {version: has(claim, version, folder) for version in (*sides, *after)}
    said = ", ".join(f"{version} {_words(found)}" for version, found in seen.items())
    if None in seen.values():
        return "not had", said
    if not seen[after[0]] or (sides and _order(claim, after[0]) != 0):
        return "disagrees", said
    if any(seen[version] for version in sides):
        why = EXPLAINED.get((claim.row.id, claim.what))
        return ("explained", f"{said}: {why}") if why else ("disagrees", said)
    return "verified", said if sides else f"{said}, the first"


def _never(claim: Claim, last: str, folder: Path) -> tuple[str, str]:
    found = has(claim, last, folder)
    said = f"{last} {_words(found)}, the last"
    return ("not had" if found is None else "disagrees" if found else "verified"), said


def _words(found: bool | None) -> str:
    return {True: "has it", False: "has it not", None: "was not to be had"}[found]


def _order(claim: Claim, version: str) -> int:
    order = compare_upstream(claim.registry, version, claim.figure or "0").order
    assert order is not None
    return order


def released(registry: str, package: str) -> list[str]:
    """All stable releases, oldest first."""
    if registry == "pypi":
        base = ["pip", "index", "versions", package, "--disable-pip-version-check"]
        old = [*base, "--only-binary", ":all:", "--python-version", OLD_PYTHONS[0], *_platforms()]
        found = [*{version for command in (base, old) for version in _listed(_run(command).stdout)}]
    else:
        listed = json.loads(_run(["npm", "view", package, "versions", "--json"]).stdout or "[]")
        found = listed if isinstance(listed, list) else [listed]
    stable = [version for version in found if STABLE.fullmatch(version)]
    return sorted(stable, key=lambda version: tuple(map(int, re.findall(r"\d+", version))))


def _listed(said: str) -> list[str]:
    line = next((line for line in said.splitlines() if line.startswith("Available versions:")), "")
    return [version.strip() for version in line.partition(":")[2].split(",")]


def _platforms() -> list[str]:
    return [word for platform in PLATFORMS for word in ("--platform", platform)]


def has(claim: Claim, version: str, folder: Path) -> bool | None:
    """Whether the release has the mark anywhere; None where it was not to be had."""
    file = fetched(claim.registry, claim.package, version, folder)
    if file is None:
        return None
    mark = re.compile(claim.mark.encode())
    found = any(mark.search(content) for content in contents(file.read_bytes(), file.name))
    file.unlink()
    return found


def fetched(registry: str, package: str, version: str, folder: Path) -> Path | None:
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        commands = _pip(package, version, directory) if registry == "pypi" else _npm(package, version)
        for command in commands:
            _run(command, directory)
            for file in Path(directory).iterdir():
                return file.rename(folder / file.name)
    return None


def _npm(package: str, version: str) -> list[list[str]]:
    return [["npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}"]]


def _pip(package: str, version: str, directory: str) -> list[list[str]]:
    base = ["pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest", directory]
    wheel = [*base, "--only-binary", ":all:"]
    old = [[*wheel, "--implementation", "cp", "--python-version", python, *_platforms()] for python in OLD_PYTHONS]
    return [[*command, f"{package}=={version}"] for command in (wheel, *old, base)]


def _run(command: Sequence[str], directory: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=600)


def contents(raw: bytes, name: str, depth: int = 0) -> Iterator[bytes]:
    """All files of an archive, and of archives in it."""
    for inner, content in _members(raw):
        yield content
        if depth < NESTED_MAX and inner.endswith((".jar", ".whl", ".zip")) and zipfile.is_zipfile(io.BytesIO(content)):
            yield from contents(content, inner, depth + 1)


def _members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    file = io.BytesIO(raw)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.file_size <= ENTRY_MAX_BYTES:
                    yield entry.filename, archive.read(entry)
        return
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() and member.size <= ENTRY_MAX_BYTES else None
            if content is not None:
                yield member.name, content.read()


def main(wanted: Sequence[str]) -> int:
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        constraint = Path(folder, "constraint.txt")
        constraint.write_text("setuptools<80\n")  # old source distributions import pkg_resources
        os.environ["PIP_CONSTRAINT"] = str(constraint)
        for row in Catalog.load().rows:
            for claim in claims(row) if not wanted or row.id in wanted else ():
                state, said = verdict(claim, Path(folder))
                counts[state] = counts.get(state, 0) + 1
                figure = claim.figure or "-"
                print(f"{state:<9}  {row.id:<28}  {claim.what:<14}  {claim.package} {figure}: {said}", flush=True)
    print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    return 1 if counts.get("disagrees") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
