"""What containers may do to who reads their databases, and that it costs themselves only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from contexts import CATALOG, reader
from fuse_share import share
from soon import SOON_S

from imds_probe.collect.container_software import ContainerSoftware, look
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.reading import reader as readers
from imds_probe.reading.remote_files import REPLY_S

STATUS = "Package: cloud-init\nStatus: install ok installed\nVersion: 18.3-6\nArchitecture: all\n\n"
MIB = 1024 * 1024


def container(pid: int, name: str) -> DiscoveredContainer:
    return DiscoveredContainer(f"{pid:064x}", "docker", name, None, None, None, (pid,), pid, None, "own")


@pytest.fixture
def beside(tmp_path: Path) -> Callable[[Path], ContainerSoftware]:
    """What is found with a container of this root between two honest ones."""
    proc = tmp_path / "proc"

    def found(root: Path, reply_s: float = SOON_S) -> ContainerSoftware:
        roots = {7: tmp_path / "a", 8: root, 9: tmp_path / "b"}
        for pid, place in roots.items():
            (proc / str(pid)).mkdir(parents=True)
            (proc / str(pid) / "root").symlink_to(place)
        for pid in (7, 9):
            (roots[pid] / "var/lib/dpkg").mkdir(parents=True)
            (roots[pid] / "var/lib/dpkg/status").write_text(STATUS)
        names = [container(7, "first"), container(8, "hostile"), container(9, "last")]
        return look(proc, names, CATALOG, reader(reply_s), deadline=time.monotonic() + SOON_S)

    return found


def both_honest(found: ContainerSoftware) -> bool:
    return [(each.component, each.container, each.also_in) for each in found.software] == [
        ("cloud-init", "first", ("last",))
    ]


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("lib/apk/db/installed", b"P:aws-cli\nV:1-r0\nA:x86_64\n\n"),
        ("lib/apk/db/installed", b"\n\n"),
        ("var/lib/dpkg/status", b"Package: a\n\n"),
        ("var/lib/dpkg/status", b"a:\n"),
    ],
)
def test_a_long_database_is_not_more_than_its_budget(
    tmp_path: Path, beside: Callable[[Path], ContainerSoftware], path: str, record: bytes
) -> None:
    root = tmp_path / "hostile"
    (root / path).parent.mkdir(parents=True)
    (root / path).write_bytes(record * (60 * MIB // len(record)))
    found = beside(root)
    assert both_honest(found)
    (trouble,) = found.troubles
    assert trouble.startswith("hostile: ")
    assert any(
        said in trouble for said in (readers.OUT_OF_MEMORY, readers.OUT_OF_TIME, "is not a package", "no version")
    )


@pytest.mark.parametrize("operation", ["lookup", "open", "read"])
def test_a_share_that_never_answers_keeps_nobody_else(
    tmp_path: Path, beside: Callable[[Path, float], ContainerSoftware], operation: str
) -> None:
    place = tmp_path / "share"
    with share(place, operation) as (server, _):
        found = beside(Path(f"/proc/{server}/root") / str(place).lstrip("/"), REPLY_S)
    assert both_honest(found)
