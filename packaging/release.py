#!/usr/bin/env python3
"""`make release VERSION=x.y.z`: a commit, a signed tag and signed packages of a new version, and nothing pushed.

All of it is made in a clone of its own, and taken over once every step has passed. Until then nothing changes here, however this
ends. It refuses where the work tree is not clean, the version is not newer, or there is nothing to release.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from changelog import ChangelogError, released
from packages import KEY_VARIABLE

from imds_probe import __version__
from imds_probe.deprecation import due, numbers

PROJECT = Path(__file__).parents[1]
VERSION = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}")
IN_PACKAGE = "imds_probe/__init__.py"
CHANGELOG = "CHANGELOG.md"
# What follows from the version, in this order: pages and files that name it, then reports that were made by it.
FOLLOWS = ("packaging/declared.py", "tests/golden_reports.py", "tests/example_reports.py")
BUILD, TEST = "make packages", "make test"


class Refused(Exception):
    """The release is not made; the message says why, and what to do."""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="of the release: x.y.z, without a v")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the clone that gets the release (this one)")
    parser.add_argument("--build", default=BUILD, metavar="COMMAND", help=f"makes the packages in dist/ ({BUILD})")
    parser.add_argument("--test", default=TEST, metavar="COMMAND", help=f"tests the commit ({TEST})")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _ended)
    try:
        _release(args.project.resolve(), args.version, args.build, args.test)
    except (Refused, ChangelogError) as error:
        print(f"make release: {error} Nothing was changed.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make release: interrupted. Nothing was changed.", file=sys.stderr)
        return 130
    return 0


def _release(project: Path, version: str, build: str, test: str) -> None:
    key = _ready(project, version)
    branch = _git(project, "symbolic-ref", "--short", "HEAD")
    began_at = _git(project, "rev-parse", "HEAD")
    with (
        tempfile.TemporaryDirectory(prefix="imds-probe-release-") as work,
        _keyring(Path(work, "gnupg"), key) as signer,
    ):
        clone = Path(work, "clone")
        _git(project, "clone", "--quiet", "--no-hardlinks", "--branch", branch, str(project), str(clone))
        for name in ("user.name", "user.email"):
            _git(clone, "config", name, _git(project, "config", name))
        _set_version(clone, version)
        _git(clone, "add", "--all")
        _git(clone, "commit", "--quiet", "--no-verify", "--message", f"Release {version}")
        _step("build", build, clone)
        _sign_checksums(clone / "dist", signer)
        _step("test", test, clone, without=(KEY_VARIABLE,))  # what tests build is not for anybody
        if changed := _git(clone, "status", "--porcelain"):
            raise Refused(
                f"building and testing left changes behind: {changed.splitlines()[0]}. Ignore or commit them."
            )
        _git(
            clone, *signer.of_tags, "tag", "--sign", "--message", f"imds-probe {version}", f"v{version}", env=signer.env
        )
        _git(clone, *signer.of_tags, "verify-tag", f"v{version}", env=signer.env)
        _take_over(project, clone, version, began_at)
    print(
        f"imds-probe {version} is tagged v{version} on {branch}, with its packages in dist. git push --follow-tags pushes both."
    )


def _ready(project: Path, version: str) -> Path:
    """The key, where nothing is in the way. Raises Refused."""
    if not VERSION.fullmatch(version):
        raise Refused(f"{version!r} is no version. Give three numbers: VERSION=1.2.3.")
    present = re.search(r'__version__ = "(.+)"', (project / IN_PACKAGE).read_text())
    if present is None or numbers(version) <= numbers(present[1]):
        raise Refused(f"{version} is not newer than {present[1] if present else __version__}. Give a higher version.")
    if dirty := _git(project, "status", "--porcelain"):
        raise Refused(f"the work tree is not clean: {dirty.splitlines()[0].strip()}. Commit or remove what is there.")
    if not _git(project, "branch", "--show-current"):
        raise Refused("no branch is checked out. Check out the branch to release.")
    if _git(project, "tag", "--list", f"v{version}"):
        raise Refused(f"there is a tag v{version} already. Give a higher version.")
    if old := due(version):
        raise Refused(f"{old[0].name} is deprecated, and {version} must not know it any more. Remove it first.")
    released((project / CHANGELOG).read_text(), version, _today())
    key = os.environ.get(KEY_VARIABLE)
    if not key or not Path(key).is_file():
        raise Refused(f"{KEY_VARIABLE} names no file. Set it to an armoured secret key of GPG.")
    return Path(key).resolve()


def _set_version(clone: Path, version: str) -> None:
    """Write it where it stands, and make what follows from it by the clone's own programs."""
    path = clone / IN_PACKAGE
    path.write_text(re.sub(r'(?<=__version__ = ").+(?=")', version, path.read_text()))
    changelog = clone / CHANGELOG
    changelog.write_text(released(changelog.read_text(), version, _today()))
    for script in FOLLOWS:
        environ = {**os.environ, "PYTHONPATH": f"{clone}:{clone / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, script], cwd=clone, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Refused(f"{script} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-1000:]}")


def _step(name: str, command: str, clone: Path, without: tuple[str, ...] = ()) -> None:
    """A command of its own, whose output is seen. It knows neither this interpreter's places nor that it was made by make, nor
    the variables that are named.
    """
    print(f"make release: {name}: {command}", flush=True)
    made_by = ("PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS", *without)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(made_by)}
    done = subprocess.run(shlex.split(command), cwd=clone, env=environ, check=False)
    if done.returncode:
        raise Refused(f"the {name} ended with {done.returncode}: {command}. See its output above.")


class _Signer:
    """GPG with one secret key in a directory of its own."""

    def __init__(self, home: Path, fingerprint: str) -> None:
        self.env = {**os.environ, "GNUPGHOME": str(home)}
        self.of_tags = ("-c", f"user.signingKey={fingerprint}", "-c", "gpg.format=openpgp")
        self._fingerprint = fingerprint

    def sign(self, path: Path) -> None:
        """An armoured signature beside the file."""
        _run(
            ["gpg", "--batch", "--yes", "--local-user", self._fingerprint, "--armor", "--detach-sign", str(path)],
            env=self.env,
        )


@contextlib.contextmanager
def _keyring(home: Path, key: Path) -> Iterator[_Signer]:
    home.mkdir(mode=0o700)
    env = {**os.environ, "GNUPGHOME": str(home)}
    try:
        _run(["gpg", "--batch", "--quiet", "--import", str(key)], env=env)
        listed = _run(["gpg", "--batch", "--with-colons", "--list-secret-keys"], env=env)
        found = re.search(r"^fpr:+([0-9A-F]+):", listed, re.MULTILINE)
        if found is None:
            raise Refused(f"{key} has no secret key. Export one by gpg --export-secret-keys --armor.")
        yield _Signer(home, found[1])
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)


def _sign_checksums(dist: Path, signer: _Signer) -> None:
    sums = dist / "SHA256SUMS"
    if not sums.is_file():
        raise Refused("the build left no dist/SHA256SUMS. Give a --build that makes the packages.")
    signer.sign(sums)


def _take_over(project: Path, clone: Path, version: str, began_at: str) -> None:
    """The commit, the tag and the packages. The tag comes last: where it is, the release is whole."""
    if _git(project, "rev-parse", "HEAD") != began_at or _git(project, "status", "--porcelain"):
        raise Refused("the work tree has changed in the meantime. Release again.")
    former, dist = project / "dist.former", project / "dist"
    shutil.rmtree(former, ignore_errors=True)
    with contextlib.ExitStack() as back:
        if dist.exists():
            dist.rename(former)
            back.callback(former.rename, dist)
        back.callback(shutil.rmtree, dist, ignore_errors=True)
        shutil.move(clone / "dist", dist)
        _git(project, "fetch", "--quiet", "--no-tags", str(clone), "HEAD")
        back.callback(_git, project, "reset", "--quiet", "--keep", began_at)
        _git(project, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
        tag = f"refs/tags/v{version}"
        _git(project, "fetch", "--quiet", "--no-tags", str(clone), f"{tag}:{tag}")
        back.pop_all()
    shutil.rmtree(former, ignore_errors=True)


def _git(directory: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What git prints, without the line's end. Raises Refused."""
    return _run(["git", "-C", str(directory), *arguments], env=env).rstrip("\n")


def _run(argv: Sequence[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{shlex.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-1000:]}.")
    return done.stdout


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
