"""The file systems that clients run on, made once, outside of the tree: bases of Debian, and layers with a client each.

    bases/SUITE     a root of Debian 11 or 12 (tests/debian_roots.sh) with its interpreters, curl and wget
    layers/NAME     what installing a client changed on top of a base: the upper directory of an overlay

Clients are installed as their users install them: by apt, by pip into a virtual environment, by npm. What was installed
so is found by the databases and records that the installer leaves. A base or layer that changes its definition is made
anew under another name; nothing is changed in place, so that a run which was broken off leaves nothing half.

    python -m truth.layers NAME...      makes these in the mount namespace that it is started in (`unshare --mount`)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import package_roots
from package_roots import CACHE
from truth import compiled, images, layer_list
from truth.layer_list import APT, BASES, Base, Layer

TRUTH = CACHE / "truth-1"
WITHIN_S = 600
PRODUCTS_KEPT = 4
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_INSTALL = "install -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io"
# pip's settings of this machine lead to a mirror of its own where it has one.
_KEPT = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")

LAYERS: dict[str, Layer] = {
    **layer_list.LAYERS,
    "python-compiled": Layer("bookworm", script=compiled.PYTHON),
    "java": Layer("bookworm", apt=("default-jre-headless",), script=compiled.JAVA),
    "go": Layer("bookworm", script=compiled.GO),
    **images.LAYERS,
}


def product() -> Path:
    """What the probe's package of this tree installs (tests/install/packages.sh makes it), below one directory."""
    deb = package_roots.made().deb()
    place = TRUTH / "products" / deb.parents[1].name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(place.parent.glob("[!.]*"), key=lambda each: each.stat().st_mtime)[:-PRODUCTS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)  # another case may be at the same
        with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as work:
            made = Path(work, "root")
            _must(["dpkg-deb", "--extract", str(deb), str(made)])
            with contextlib.suppress(OSError):  # somebody else has made the same meanwhile
                made.rename(place)
    return place


class NotHad(Exception):
    """A base or layer that cannot be made here, and why."""


def directories(name: str) -> list[Path]:
    """What a client's root is made of, the uppermost first: a layer and its base, or a base alone."""
    if name in BASES:
        return [_place("bases", name, BASES[name])]
    return [_place("layers", name, LAYERS[name]), *directories(LAYERS[name].base)]


def definition(name: str) -> str:
    """What changes when what lies in `directories` does."""
    return "/".join(place.name for place in directories(name))


def missing(name: str) -> bool:
    return not all(place.exists() for place in directories(name))


def make(name: str) -> None:
    """Make a base or layer and what it stands on, where that is not there. Raises NotHad."""
    for place in reversed(directories(name)):
        if not place.exists():
            kind = place.name.rpartition("-")[0]
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as work:
                made = _base(BASES[kind], Path(work)) if kind in BASES else _layer(LAYERS[kind], Path(work))
                if not place.exists():  # somebody else has made the same meanwhile
                    made.rename(place)


def _place(folder: str, name: str, what: Base | Layer) -> Path:
    under = asdict(BASES[what.base]) if isinstance(what, Layer) else {}
    digest = hashlib.sha256(json.dumps([asdict(what), under], sort_keys=True).encode()).hexdigest()
    return TRUTH / folder / f"{name}-{digest[:12]}"


def _base(base: Base, work: Path) -> Path:
    root = work / "root"
    root.mkdir()
    archive = CACHE / "debian-roots" / f"{base.suite}.tar"
    if not archive.exists():
        raise NotHad(f"tests/debian_roots.sh has not made {base.suite}")
    _must(["tar", "--directory", str(root), "--numeric-owner", "--extract", "--file", str(archive)])
    with _prepared(root):
        _inside(root, f"{APT} update && {APT} {_INSTALL} {' '.join(base.packages)}")
    return root


def _layer(layer: Layer, work: Path) -> Path:
    root, upper, below = work / "root", work / "upper", directories(layer.base)
    for each in (root, upper, work / "work"):
        each.mkdir()
    overlay(root, below, upper, work / "work")
    try:
        with _prepared(root):
            if layer.apt:
                _inside(root, f"{APT} update && {APT} {_INSTALL} {' '.join(layer.apt)}")
            if layer.pip:
                packages = " ".join(layer.pip)
                _inside(root, f"python3 -m venv /opt/app && /opt/app/bin/pip install -q --no-compile {packages}")
            if layer.script:
                _inside(root, f"python3 -m venv /tmp/pip && PATH=/tmp/pip/bin:$PATH && {layer.script.strip()}")
        if layer.npm:
            _modules(root / "srv/app", layer.npm)
    finally:
        _must(["umount", "--lazy", str(root)])
    shutil.rmtree(upper / "tmp", ignore_errors=True)
    return upper


def _modules(place: Path, packages: tuple[str, ...]) -> None:
    place.mkdir(parents=True)
    (place / "package.json").write_text('{"name": "app", "version": "1.0.0", "private": true}\n')
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    _must(["npm", "install", "--prefix", str(place), *options, *packages])


@contextlib.contextmanager
def _prepared(root: Path) -> Iterator[None]:
    """A root that apt and pip work in, and afterwards what they alone have changed."""
    if (root / "etc/resolv.conf").is_symlink():  # it would lead out of this root
        (root / "etc/resolv.conf").unlink()
    own = (root / CERTIFICATES).read_bytes() if (root / CERTIFICATES).exists() else None
    resolving = (root / "etc/resolv.conf").read_text() if (root / "etc/resolv.conf").exists() else ""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")  # start no services
    policy.chmod(0o755)
    (root / "etc/resolv.conf").write_text(Path("/etc/resolv.conf").read_text())
    (root / CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
    machine = root / "etc/ssl/certs/of-the-machine.crt"
    if Path("/", CERTIFICATES).exists():
        machine.write_bytes(Path("/", CERTIFICATES).read_bytes())
    try:
        yield
    finally:
        for passing in (policy, machine):
            passing.unlink(missing_ok=True)
        (root / "etc/resolv.conf").write_text(resolving)
        if own is not None and not (root / CERTIFICATES).exists():
            (root / CERTIFICATES).write_bytes(own)
        for place in ("var/lib/apt/lists", "var/cache/apt", "tmp", "root/.cache"):
            for entry in (root / place).glob("*"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _inside(root: Path, script: str) -> None:
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if (root / "etc/ssl/certs/of-the-machine.crt").exists():
        env["PIP_CERT"] = "/etc/ssl/certs/of-the-machine.crt"
    env |= {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root"}
    env |= {"DEBIAN_FRONTEND": "noninteractive", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Scripts of packages see no process but their own.
    alone = ["unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={root / 'proc'}"]
    _must([*alone, "chroot", str(root), "bash", "-euc", script], env)


def overlay(root: Path, below: list[Path], upper: Path, work: Path) -> None:
    """Mount directories over each other at `root`; what is changed there is in `upper`, on whose disk `work` is."""
    lower = ":".join(map(str, below))
    _must(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(root)])


def _must(argv: list[str], env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotHad(f"{argv[0]} did not end within {WITHIN_S} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise NotHad(f"{argv[0]}: {said[0][:300]}")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        try:
            make(wanted)
        except NotHad as trouble:
            print(f"{wanted}: {trouble}")
