"""The project and the Python packages it needs, as they lie in the interpreter's dist-packages."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from architectures import PREFIX
from build_error import BuildError

PACKAGES = f"{PREFIX[1:]}/lib/python3/dist-packages"
# What the probe reports to, each in the newest version of its interface, which is the one that botocore takes. The other
# 400 services, and former versions, are most of botocore's size.
SERVICES = {"cloudwatch", "logs", "s3", "ssm", "sts", "ec2", "autoscaling"}
SERVICES |= {"sso", "sso-oidc"}  # by which operators sign in
# Of the largest interfaces, those calls alone that are made: EC2's has 700.
OPERATIONS = {
    # HeadBucket is botocore's own, to find the Region of a bucket that is elsewhere.
    "s3": {"HeadBucket", "HeadObject", "PutObject"},
    "ec2": {
        "DescribeImages",
        "DescribeInstances",
        "DescribeLaunchTemplateVersions",
        "DescribeRegions",
        "GetInstanceMetadataDefaults",
    },
    "autoscaling": {
        "DescribeAutoScalingGroups",
        "DescribeAutoScalingInstances",
        "DescribeLaunchConfigurations",
    },
}
# Machine code whose place a parser written in Python takes; worked examples; zones by name, where nothing is told but UTC; what
# browsers do; what only authors of packages, of tests and of other servers import.
LEFT_OUT = (
    *("yaml/_yaml*.so", "botocore/data/*/*/examples-*", "dateutil/zoneinfo/*.tar.gz", "*.dist-info/RECORD"),
    *("urllib3/contrib/emscripten", "urllib3/contrib/socks.py", "botocore/stub.py"),
    *(
        f"packaging/{name}"
        for name in ("licenses", "metadata.py", "pylock.py", "dependency_groups.py", "direct_url.py")
    ),
    *(
        f"prometheus_client/{name}"
        for name in ("aiohttp", "django", "twisted", "bridge", "parser.py", "openmetrics/parser.py")
    ),
)


def put(wheels: Sequence[Path], project: Path, stage: Path) -> None:
    """Lay out the wheels and the project's package. Raises BuildError where a wheel wants more than unpacking."""
    place = stage / PACKAGES
    place.mkdir(parents=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            elsewhere = [name for name in archive.namelist() if name.split("/")[0].endswith(".data")]
            if odd := [name for name in elsewhere if name.split("/")[1] != "scripts"]:
                raise BuildError(f"{wheel.name} wants files elsewhere: {odd[0]}")
            archive.extractall(place, sorted(set(archive.namelist()) - set(elsewhere)))
    for pattern in LEFT_OUT:
        for path in sorted(place.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _cut_botocore(place / "botocore/data")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(project / "imds_probe", place / "imds_probe", ignore=ignored)


def _cut_botocore(data: Path) -> None:
    if not data.is_dir():
        return
    missing = SERVICES - {path.name for path in data.iterdir()}
    if missing:
        raise BuildError(f"botocore has no data of {', '.join(sorted(missing))}")
    for path in data.iterdir():
        if path.is_dir():
            versions = sorted(path.iterdir())
            for unused in versions[:-1] if path.name in SERVICES else [path]:
                shutil.rmtree(unused)
            if path.name in OPERATIONS:  # what pages through and waits for calls that are not there
                for name in ("paginators-1", "paginators-1.sdk-extras", "waiters-2"):
                    for other in versions[-1].glob(f"{name}.json*"):
                        other.unlink()
    prefixes = set()
    for model in sorted(data.glob("*/*/service-2.json.gz")):
        described = json.loads(gzip.decompress(model.read_bytes()))
        prefixes.add(described["metadata"]["endpointPrefix"])
        if (service := model.parent.parent.name) in OPERATIONS:
            described = only(described, OPERATIONS[service])
        # Not compressed, as the package is, and its compression finds what models have in common.
        model.with_suffix("").write_text(json.dumps(_without_words(described), separators=(",", ":")))
        model.unlink()
    _cut_endpoints(data / "endpoints.json", prefixes)


def _cut_endpoints(path: Path, prefixes: Collection[str]) -> None:
    """Leave the Regions and addresses of these services alone: each client is made of the whole file."""
    described = json.loads(path.read_bytes())
    for partition in described["partitions"]:
        partition["services"] = {name: value for name, value in partition["services"].items() if name in prefixes}
    path.write_text(json.dumps(described, separators=(",", ":")))


def only(described: dict[str, Any], operations: Collection[str]) -> dict[str, Any]:
    """A model with these operations and the shapes that they are made of. Raises BuildError where it lacks one."""
    if missing := set(operations) - set(described["operations"]):
        raise BuildError(f"botocore knows no operation {', '.join(sorted(missing))}")
    kept = {name: value for name, value in described["operations"].items() if name in operations}
    shapes: dict[str, Any] = {}
    wanted = list(_shapes_in(kept))
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = described["shapes"][name]
            wanted += _shapes_in(shapes[name])
    in_order = {name: value for name, value in described["shapes"].items() if name in shapes}
    return described | {"operations": kept, "shapes": in_order}


def _shapes_in(described: Any) -> Iterator[str]:
    """The shapes that a part of a model names. A member may be called "shape" as well, and then it is no name."""
    if isinstance(described, dict):
        for name, value in described.items():
            if name == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _shapes_in(value)
    elif isinstance(described, list):
        for each in described:
            yield from _shapes_in(each)


def _without_words(described: Any) -> Any:
    """A model without the manual in it, which is most of it. A member of that name has no text for its value."""
    if isinstance(described, list):
        return [_without_words(each) for each in described]
    if not isinstance(described, dict):
        return described
    return {
        name: _without_words(value)
        for name, value in described.items()
        if not (name == "documentation" and isinstance(value, str))
    }
