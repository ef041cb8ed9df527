"""Which version of a package the configured repositories have, by their metadata on disk. Nothing is fetched."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Question
from imds_probe.collect.context import Context
from imds_probe.errors import CommandError, ProbeError
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import InRepository, Installed, Software
from imds_probe.inventory.packages.package import PackageError, field_text
from imds_probe.rules.requirement import requirement
from imds_probe.system import process, rootfs

MANAGERS = ("dpkg", "rpm")
TIMEOUT_S = 10.0
_RUNNING = Path("/")
# apt writes its cache anew where that is out of date, unless it has none.
_NO_CACHE = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
_POLICY = re.compile(r"^(\S+):\n  Installed: (\S+)\n  Candidate: (\S+)$", re.MULTILINE)
_FIELD, _RECORD = "\x1f", "\x1e"
_REPOQUERY = f"{_RECORD}%{{name}}{_FIELD}%{{evr}}{_FIELD}{_RECORD}"


class NotKnown(ProbeError):
    """Repositories' metadata that is not there, or whose tool is not."""


def _subjects(facts: Facts, catalog: Catalog) -> list[Software]:
    """What has to be upgraded, where that is a package of the host: asking takes a second."""
    found = facts[Installed].software
    old = [entry for entry in found if requirement(entry, facts, catalog).status in ("too-old", "unknown")]
    return old if any(entry.container is None and entry.manager in MANAGERS for entry in old) else []


def _ask(context: Context, facts: Facts, subjects: Sequence[Software]) -> Collected:
    if context.root != _RUNNING:
        # Of another system, this one's tools would follow links, settings and plug-ins of whoever made that.
        raise NotKnown("repositories are asked on the running system only", "Run without --root.")
    return Collected((Installed(with_available(facts[Installed].software, subjects, context.root)),))


def with_available(found: Sequence[Software], wanted: Sequence[Software], root: Path) -> tuple[Software, ...]:
    """`found`, those among `wanted` with what the repositories have. Raises NotKnown where one manager's tool fails."""
    versions: dict[tuple[str, str], InRepository] = {}
    for manager, look in (("dpkg", _apt), ("rpm", _dnf)):
        names = sorted({entry.package for entry in wanted if entry.manager == manager and entry.container is None})
        if names:
            versions |= {(manager, name): version for name, version in look(root, names).items()}
    return tuple(
        replace(entry, available=versions.get((entry.manager, entry.package))) if entry in wanted else entry
        for entry in found
    )


def _apt(root: Path, names: Sequence[str]) -> dict[str, InRepository]:
    lists = rootfs.names(root, "var/lib/apt/lists")
    if not any("_Packages" in name for name in lists):
        raise NotKnown("apt has no package lists on disk", "Run apt-get update.")
    # Not RootDir, which wants all of dpkg's tables there, too.
    below = () if root == _RUNNING else ("-o", f"Dir={root}", "-o", f"Dir::State::status={root}/var/lib/dpkg/status")
    done = _run(["apt-cache", *below, *_NO_CACHE, "policy", "--", *names])
    found = {}
    for name, installed, candidate in _POLICY.findall(done.stdout.decode(errors="backslashreplace")):
        version = _version("dpkg", candidate)
        # What is installed is a candidate, too, and the best one where no list has anything newer.
        found[name] = InRepository(None if version == installed else version, "apt-cache policy")
    return found


def _dnf(root: Path, names: Sequence[str]) -> dict[str, InRepository]:
    below = () if root == _RUNNING else ("--installroot", str(root))
    argv = ["dnf", *below, "--cacheonly", "repoquery", "--available", "--latest-limit=1"]
    with tempfile.TemporaryDirectory(prefix="imds-probe-") as logs:  # it writes one, and not into the system's
        try:
            done = _run([*argv, f"--setopt=logdir={logs}", f"--queryformat={_REPOQUERY}", "--", *names])
        finally:
            if below:  # it takes that path as one below the root
                shutil.rmtree(root / logs.lstrip("/"), ignore_errors=True)
    # A repository that was never fetched is passed over: what is not in the others is not known, not missing.
    unfetched = b"Cache-only enabled but no cache" in done.stdout + done.stderr
    found = {} if unfetched else dict.fromkeys(names, InRepository(None, "dnf repoquery"))
    for record in done.stdout.decode(errors="backslashreplace").split(_RECORD):
        name, separator, rest = record.strip().partition(_FIELD)
        if separator and name in names:
            found[name] = InRepository(_version("rpm", rest.partition(_FIELD)[0]), "dnf repoquery")
    if unfetched and not found:
        raise NotKnown("dnf has no metadata of the configured repositories on disk", "Run dnf makecache.")
    return found


def _run(argv: Sequence[str]) -> process.Completed:
    try:
        done = process.run(argv, timeout_s=TIMEOUT_S)
    except CommandError as error:
        raise NotKnown(error.problem) from None
    if done.returncode:
        raise NotKnown(f"{argv[0]}: {done.stderr_line() or f'ended with {done.returncode}'}")
    return done


def _version(manager: str, text: str) -> str | None:
    if text == "(none)":
        return None
    try:
        return field_text(manager, text.encode()).removeprefix("0:")
    except PackageError as error:
        raise NotKnown(error.problem) from None


QUESTION = Question(
    id="repositories",
    subjects=_subjects,
    ask=_ask,
    without="the versions available in the configured repositories",
)
