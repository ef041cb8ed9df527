#!/usr/bin/env python3
"""`make packages`: a deb and an rpm for each architecture, with all that they need inside, the root of a container image, the
package for SSM Distributor, and checksums.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import architectures
import distributor
import downloads
import lock
import packages
import root_archive
import signing
import stage
import wheel_index
from architectures import ARCHITECTURES, Architecture
from build_error import BuildError, run

from imds_probe import __version__


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=stage.PROJECT / "dist", help="where packages are left (dist)")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--offline", action="store_true", help="make them of what was fetched the last time")
    when.add_argument(
        "--fetch-once", action="store_true", help="make none: fetch, where that was never done, and say where to"
    )
    when.add_argument(
        "--lock", action="store_true", help=f"make none: fetch the newest, and name it in {lock.FILE.name}"
    )
    parser.add_argument(
        "--newest", action="store_true", help="make them of the newest, whatever the lock file names; not for release"
    )
    parser.add_argument("--architecture", action="append", choices=[each.name for each in ARCHITECTURES], help="all")
    parser.add_argument("--version", default=__version__, help="that the packages say they have")
    parser.add_argument("--compression", default="xz", choices=("xz", "gzip"), help="xz; gzip is quick, for tests")
    args = parser.parse_args(argv)
    try:
        if args.lock:
            _lock()
            return 0
        if args.fetch_once:
            _fetch_once(locked=not args.newest)
            return 0
        made = _make(args)
        _write_checksums(args.out)
    except BuildError as error:
        print(f"make packages: {error}", file=sys.stderr)
        return 1
    for path in made:
        print(f"{path.stat().st_size / 1e6:5.1f} MB  {path}")
    return 0


def _make(args: argparse.Namespace) -> list[Path]:
    args.out.mkdir(parents=True, exist_ok=True)
    chosen = [each for each in ARCHITECTURES if args.architecture is None or each.name in args.architecture]
    here = architectures.of_this_machine()
    needed = [here, *(each for each in chosen if each != here)]  # the interpreter for this machine compiles for all
    if not args.offline:
        _fetch(needed, locked=not args.newest)
    build = stage.Build(args.version, _epoch())
    made: list[distributor.Package] = []
    roots: list[Path] = []
    for former in _packaged(args.out):
        former.unlink()
    with tempfile.TemporaryDirectory(prefix="imds-probe-build-") as work:
        builder = None
        for architecture in needed:
            inputs = downloads.fetched(architecture, _requirements(), locked=not args.newest)
            laid_out = stage.make(inputs, build, Path(work, architecture.name), builder)
            builder = builder or laid_out
            if architecture in chosen:
                fresh = packages.make(laid_out, architecture, build, args.out, compression=args.compression)
                made += [distributor.Package(path, architecture) for path in fresh]
                level = 1 if args.compression == "gzip" else 9  # which takes ten times as long
                roots.append(root_archive.make(laid_out, architecture, build, args.out, level=level))
    return [*(each.path for each in made), *roots, *distributor.make(made, build, args.out / "distributor")]


def _fetch(chosen: Sequence[Architecture], *, locked: bool) -> None:
    for architecture in chosen:
        downloads.fetch(architecture, _requirements(), locked=locked)


def _fetch_once(*, locked: bool) -> None:
    for architecture in ARCHITECTURES:
        try:
            downloads.fetched(architecture, _requirements(), locked=locked)
        except BuildError:
            _fetch([architecture], locked=locked)
        print(downloads.place(architecture, _requirements(), locked=locked))


def _lock() -> None:
    _fetch(ARCHITECTURES, locked=False)
    there = [downloads.fetched(architecture, _requirements(), locked=False) for architecture in ARCHITECTURES]
    named = [
        (each.architecture, kind, path.name, downloads.sha256(path))
        for each in there
        for kind, paths in (("debs", each.debs), ("wheels", each.wheels))
        for path in paths
    ]
    lock.FILE.write_text(lock.text(named))
    print(f"{lock.FILE} names {len(named)} files")


def _requirements() -> list[str]:
    return wheel_index.requirements(stage.PROJECT / "setup.cfg")


def _epoch() -> int:
    """The time that all files are given, Unix, seconds: SOURCE_DATE_EPOCH or that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or run(["git", "-C", stage.PROJECT, "log", "-1", "--format=%ct"]))


def _packaged(out: Path) -> list[Path]:
    """What is for hosts by itself; the zips for Distributor have their checksums in its manifest."""
    return sorted(path for ending in (*packages.KINDS, "tar.gz") for path in out.glob(f"imds-probe*.{ending}"))


def _write_checksums(out: Path) -> None:
    lines = [f"{downloads.sha256(path)}  {path.name}\n" for path in _packaged(out)]
    sums = out / "SHA256SUMS"
    sums.write_text("".join(lines))
    sums.with_name("SHA256SUMS.asc").unlink(missing_ok=True)
    if key := os.environ.get(packages.KEY_VARIABLE):
        signing.sign(sums, Path(key))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
