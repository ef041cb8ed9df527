"""Packages of a stage, by nfpm, signed where a key is given."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import yaml
from architectures import Architecture
from build_error import BuildError, beside_python, run
from stage import PACKAGING, Build

KINDS = ("deb", "rpm")
# The file that holds an armoured secret key. A passphrase would be in NFPM_PASSPHRASE, which nfpm reads itself.
KEY_VARIABLE = "IMDS_PROBE_SIGNING_KEY"
SIZE_LIMIT_BYTES = 16_000_000


def make(stage: Path, architecture: Architecture, build: Build, out: Path, *, compression: str = "xz") -> list[Path]:
    """Make one package of each kind in `out`. Raises BuildError, also where one is larger than it may be."""
    values = {
        "ARCHITECTURE": architecture.debian,
        "VERSION": build.version,
        "STAGE": str(stage),
        "PACKAGING": str(PACKAGING),
        "TIME": datetime.fromtimestamp(build.epoch, UTC).isoformat().replace("+00:00", "Z"),
        "COMPRESSION": compression,
    }
    description = yaml.safe_load(Template((PACKAGING / "nfpm.yaml").read_text()).substitute(values))
    description["contents"] = list(_each_document(description["contents"]))
    key = os.environ.get(KEY_VARIABLE)
    if key:
        if not Path(key).is_file():
            raise BuildError(f"{KEY_VARIABLE} names no file: {key}")
        for kind in KINDS:
            description[kind]["signature"] = {"key_file": key}
    made = []
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(description, file)
        file.flush()
        for kind in KINDS:
            with tempfile.TemporaryDirectory(dir=out) as fresh:
                argv = [beside_python("nfpm"), "package", "--config", file.name, "--packager", kind, "--target", fresh]
                run(argv, env={"SOURCE_DATE_EPOCH": str(build.epoch)})
                (package,) = Path(fresh).iterdir()
                if compression == "xz" and package.stat().st_size > SIZE_LIMIT_BYTES:
                    raise BuildError(f"{package.name} has {package.stat().st_size} bytes, which is too large")
                package.chmod(0o644)
                made.append(package.rename(out / package.name))
    return made


def _each_document(contents: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same, with a line for each file of a directory of documents: nfpm knows no patterns there."""
    for each in contents:
        directory, star, rest = each.get("src", "").partition("/*")
        if each.get("type") != "doc" or not star or rest:
            yield each
            continue
        for path in sorted(Path(directory).iterdir()):
            yield each | {"src": str(path), "dst": f"{each['dst']}{path.name}"}
