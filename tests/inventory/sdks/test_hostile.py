"""A root that somebody hostile prepared, with every trick at each place that is looked into."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S, cpu_s

from imds_probe.catalog.catalog import Catalog
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.inventory.sdks.running import Running
from imds_probe.inventory.sdks.scan import Scan
from imds_probe.system import process
from imds_probe.system.walk import Budget

CATALOG = Catalog.load()
NAMES = {ecosystem: CATALOG.package_names(ecosystem) for ecosystem in RECOGNISED}
PACKAGE = json.dumps({"name": "aws-sdk", "version": "2.1.0"})
METADATA = "Name: botocore\nVersion: 1.12.0\n"
SITE = "usr/lib/python3/dist-packages"
# Each a file that some recogniser reads, where it lies in a root.
FILES = (
    f"{SITE}/botocore-1.0.dist-info/METADATA",
    f"{SITE}/botocore-2.0.egg-info",
    "srv/node_modules/aws-sdk/package.json",
    "srv/bundle.js",
    "srv/vendor/composer/installed.json",
    "srv/net/App.deps.json",
    "srv/net2/AWSSDK.Core.dll",
    "srv/jars/a.jar",
    "srv/app.pyz",
    "usr/bin/program",
    "opt/cli/libaws-cpp-sdk-core.so.1",
)
# As processes name them: all of it at once, in each ecosystem.
PROCESS = Running(
    7,
    "/usr/bin/program",
    frozenset({"/usr/bin/program", "/srv/jars/a.jar", "/opt/cli/libaws-cpp-sdk-core.so.1", "/srv/app.pyz"}),
    tuple(
        (ecosystem, place)
        for ecosystem, place in (
            ("pypi", f"/{SITE}"),
            ("npm", "/srv/node_modules"),
            ("composer", "/srv/vendor/composer"),
            ("nuget", "/srv/net"),
            ("nuget", "/srv/net2"),
            ("maven", "/srv/jars"),
            ("gem", "/srv/gems"),
        )
    ),
    scripts=("/srv/bundle.js", "/srv/app.pyz"),
    prefixes=("/srv/env",),
    base=(("pypi", "/usr/lib/python3*/dist-packages"),),
    without_tls="/usr/lib/python3*/lib-dynload",
)


def look(root: Path) -> list[tuple[str, str | None]]:
    """Everything that is found in a root, by processes and on disk; it takes little time and leaves nothing open."""
    descriptors = len(os.listdir("/proc/self/fd"))
    started = cpu_s()
    scan = Scan(root, NAMES)
    uses = [*scan.of_processes([PROCESS]), *scan.on_disk(["/"], Budget(time.monotonic() + 5 * SOON_S, 1_000_000))]
    assert cpu_s() - started < 15
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert all(len(trouble) < 600 and "\x1b" not in trouble for trouble in scan.troubles), scan.troubles
    return [(use.located.found.package, use.located.found.version) for use in uses]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What must not be reached: SDKs of the host."""
    for name, content in ((FILES[0], METADATA), (FILES[2], PACKAGE)):
        (tmp_path / "outside" / name).parent.mkdir(parents=True)
        (tmp_path / "outside" / name).write_text(content)
    return tmp_path / "outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def place(root: Path, name: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    return root / name


@pytest.mark.parametrize("way", ["absolute", "relative", "climbing"])
def test_links_lead_nowhere_else(root: Path, outside: Path, way: str) -> None:
    for name in ("usr", "srv"):
        target = {
            "absolute": str(outside / name),
            "relative": f"../outside/{name}",
            "climbing": f"/../../../../../..{outside / name}",
        }[way]
        (root / name).symlink_to(target)
    assert look(root) == []


def test_links_of_single_files_lead_nowhere_else(root: Path, outside: Path) -> None:
    place(root, FILES[2]).symlink_to(outside / FILES[2])
    place(root, FILES[0]).symlink_to(f"../../../../../../outside/{FILES[0]}")
    # A record without its file still has name and version in the name of its directory.
    assert look(root) == [("botocore", "1.0")] * 2


@pytest.mark.parametrize("magic", ["/proc/self/root", "/proc/1/root", "/proc/self/cwd", "/proc/self/fd/0"])
def test_magic_links_lead_nowhere(root: Path, magic: str) -> None:
    (root / "proc").symlink_to("/proc")
    for name in ("usr", "srv", "opt"):
        (root / name).symlink_to(magic)
    assert look(root) == []


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "directory", "loop"])
def test_what_is_no_file_blocks_nothing(root: Path, kind: str) -> None:
    for name in FILES:
        path = place(root, name)
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "socket":
                directory = os.open(path.parent, os.O_PATH)
                with socket.socket(socket.AF_UNIX) as listening:
                    listening.bind(f"/proc/self/fd/{directory}/{path.name}")
                os.close(directory)
            case "device":
                # /dev/zero never ends. Only root may make one; who may not gets a FIFO, which never begins.
                os.mknod(path, 0o644 | (0o020000 if os.getuid() == 0 else 0o010000), os.makedev(1, 5))
            case "directory":
                path.mkdir()
            case "loop":
                path.symlink_to(path.name)
    assert set(look(root)) <= {("botocore", "1.0"), ("botocore", "2.0"), ("aws-sdk", None), ("AWSSDK.Core", None)}


@pytest.mark.parametrize(
    "head", [b"", b"\x7fELF\2\1\1" + b"\0" * 9, b"PK\3\4", b"{", b"Name: botocore\n", b"\xff" * 64]
)
def test_giants_that_are_all_hole_are_not_read(root: Path, head: bytes) -> None:
    for name in FILES:
        path = place(root, name)
        path.write_bytes(head)
        os.truncate(path, 1 << 40)
        path.chmod(0o755)
    assert {version for _, version in look(root)} <= {None, "1.0", "2.0"}


def test_names_that_steer_a_terminal(root: Path) -> None:
    name = "srv/\x1b[2J\n/node_modules/aws-sdk/package.json"
    place(root, name).write_text(PACKAGE)
    assert look(root) == [("aws-sdk", "2.1.0")]


def test_ten_thousand_directories_in_each_other_and_beside(root: Path) -> None:
    deep = root
    for _ in range(400):
        deep = deep / "d"
    deep.mkdir(parents=True)
    for number in range(20_000):
        (root / f"n{number}").mkdir()
    place(root, "srv/node_modules/aws-sdk/package.json").write_text(PACKAGE)
    assert ("aws-sdk", "2.1.0") in look(root)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name": "aws-sdk", "version": ["2"]}',
        b"null",
        b"\xff\xfe",
        b'{"packages": 3}',
    ],
)
def test_json_that_makes_no_sense(root: Path, content: bytes) -> None:
    for name in FILES:
        place(root, name).write_bytes(content)
    assert {version for _, version in look(root)} <= {None, "1.0", "2.0"}


MOUNTED = """
import subprocess, sys, time
from pathlib import Path
from test_hostile import NAMES
from imds_probe.system.mounts import mount_points
from imds_probe.inventory.sdks.scan import Scan
from imds_probe.system.walk import Budget
root, outside = Path(sys.argv[1]), Path(sys.argv[2])
(root / "opt/with blank").mkdir(parents=True)
subprocess.run(["mount", "--bind", outside, root / "opt/with blank"], check=True)
points = {point.removeprefix(str(root)) for point in mount_points(Path("/proc"), "self") if point.startswith(str(root))}
print(sorted(points), Scan(root, NAMES).on_disk(["/"], Budget(time.monotonic() + 60, 100_000), points))
"""


def test_a_bind_mount_is_another_place(root: Path, outside: Path) -> None:
    """On the same file system, so that its device does not give it away."""
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", sys.executable, "-c", MOUNTED, root, outside],
        env={
            "PATH": process.SEARCH_PATH,
            "PYTHONPATH": f"{Path(__file__).parents[3]}:{Path(__file__).parents[2]}:{Path(__file__).parent}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "['/opt/with blank'] []\n", done.stderr
