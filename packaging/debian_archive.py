"""Debian 13's packages of any architecture, by an apt that has nothing to do with the machine's own.

The mirror is the one that the machine's own sources name, so that nothing is asked that the machine does not ask.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from architectures import Architecture
from build_error import BuildError, run

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The last part of a mirror's address, and what Debian keeps below it.
SUITES = {"debian": (SUITE, f"{SUITE}-updates"), "debian-security": (f"{SUITE}-security",)}


def download(architecture: Architecture, names: Sequence[str], place: Path) -> None:
    """Leave the newest version of each package in `place`/debs, and nothing else. Raises BuildError."""
    state, debs = place / "apt", place / "debs"
    for directory in (state / "lists/partial", state / "archives/partial", debs):
        directory.mkdir(parents=True, exist_ok=True)
    (state / "status").write_text("")
    (state / "sources.list").write_text(_sources())
    options = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "APT::Architecture": architecture.debian,
        "APT::Architectures": architecture.debian,
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    run([*apt, "update"])
    # From where none of them lies: what is there already is not printed.
    wanted = {_file_name(line) for line in run([*apt, "--print-uris", "download", *names], state).splitlines()}
    for stale in (path for path in debs.iterdir() if path.name not in wanted):
        stale.unlink()
    run([*apt, "download", *names], debs)
    missing = wanted - {path.name for path in debs.iterdir()}
    if missing or len(wanted) != len(names):
        raise BuildError(f"apt did not fetch {', '.join(sorted(missing)) or 'all packages'}")


def unpack(debs: Sequence[Path], root: Path) -> None:
    """Unpack packages over one another. No script of theirs is run."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for deb in debs:
        run(["dpkg-deb", "--extract", deb, root])


def _file_name(line: str) -> str:
    # 'URI' NAME SIZE HASH
    return line.split()[1]


def _sources() -> str:
    uris = set(run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split())
    lines = []
    for kind, suites in SUITES.items():
        mirror = next((uri for uri in sorted(uris) if PurePosixPath(re.sub(r"^\w+:/+", "/", uri)).name == kind), None)
        if mirror is None:
            raise BuildError(f"this machine's apt has no source whose address ends in /{kind}")
        lines += [f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in suites]
    return "".join(lines)
