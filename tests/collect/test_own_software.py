"""What the probe passes over as its own, and what is only called so."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sdk_systems import System, record

from imds_probe.collect.own_software import PACKAGED, RUNTIME, OwnFiles, OwnPackage, is_copy, own_package

PACKAGE = "/opt/probe/imds_probe/__init__.py"


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


@pytest.fixture
def own(system: System) -> OwnPackage:
    """The probe's file, on the host."""
    file = system.root / PACKAGE.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text("")
    status = file.stat()
    return OwnPackage(PACKAGE.rpartition("/")[0], PACKAGE, status.st_dev, status.st_ino)


def used(system: System, *pids: int, own: OwnPackage | None) -> list[int]:
    found = system.look(*pids, own=own)
    assert not found.unseen
    return [pid for entry in found.software for pid in entry.pids]


@pytest.mark.parametrize("argv", [("/usr/bin/imds-probe", "daemon"), ("-m", "imds_probe", "daemon")])
def test_a_process_that_runs_the_probe_uses_nothing(system: System, own: OwnPackage, argv: tuple[str, ...]) -> None:
    record(system.root, "botocore", "1.12.0")
    system.process(5, system.root, argv=("/usr/bin/python3", *argv))
    system.process(6, system.root, argv=("/usr/bin/python3", "/opt/app/main.py"))
    assert used(system, 5, 6, own=own) == [6]
    assert used(system, 5, 6, own=None) == [5, 6]


def test_what_is_only_called_so_counts(system: System, own: OwnPackage) -> None:
    """The same name in a system that has another file there, or none."""
    other, without = system.image("other"), system.image("without")
    there = other / PACKAGE.lstrip("/")
    there.parent.mkdir(parents=True)
    there.write_text("")
    for pid, root in ((5, other), (6, without)):
        record(root, "botocore", "1.12.0")
        # A process whose program is not below its root counts as the host's.
        system.process(pid, root, exe=f"{root}/usr/bin/python3", argv=("/usr/bin/python3", "/usr/bin/imds-probe"))
    assert used(system, 5, 6, own=own) == [5, 6]


def copied(root: Path, directory: str) -> None:
    """The probe's own package, of whatever release, at this place."""
    here = own_package()
    assert here is not None
    shutil.copytree(here.path, root / directory.lstrip("/"), ignore=shutil.ignore_patterns("__pycache__", "schema"))


def test_another_copy_is_the_probe_too_and_what_a_user_calls_so_is_not(system: System, own: OwnPackage) -> None:
    image = system.image("image")
    copied(image, PACKAGED)
    record(image, "botocore", "1.12.0")
    argv = ("/usr/bin/python3", "/usr/bin/imds-probe", "daemon")
    system.process(5, image, exe=f"{image}/usr/bin/python3", argv=argv)
    assert used(system, 5, own=own) == []
    assert is_copy(image, PACKAGED)
    for change in (lambda path: path.chmod(0o666), lambda path: os.chown(path, 1000, 0), lambda path: path.unlink()):
        copied(image, (other := f"/opt/{len(list(image.iterdir()))}/imds_probe"))
        assert is_copy(image, other)
        change(image / other[1:] / "imds/client.py")
        assert not is_copy(image, other)
        shutil.rmtree(image / other[1:])


def test_a_file_is_its_own_by_the_directory_that_it_lies_in(system: System, own: OwnPackage) -> None:
    copied(system.root, "/srv/imds_probe/lib/imds_probe")
    files = OwnFiles(system.root, own)
    assert files.has("/srv/imds_probe/lib/imds_probe/watch/ancestry.py")
    assert files.has(PACKAGE)
    assert not files.has("/srv/imds_probe/main.py")
    assert not files.has("/srv/imds_probe/lib/main.py")
    assert not OwnFiles(system.root).has(PACKAGE)


def test_its_runtime_on_disk_is_not_searched(system: System) -> None:
    record(system.root, "botocore", "1.12.0", f"{RUNTIME.lstrip('/')}/runtime/lib/python3.13/site-packages")
    assert system.look().software == ()
    record(system.root, "botocore", "1.12.0", "usr/lib/imds-probes/lib/python3.13/site-packages")
    assert [entry.package for entry in system.look().software] == ["botocore"]


def test_its_own_package_is_that_of_the_package_which_runs() -> None:
    file = own_package()
    assert file is not None
    assert file.in_root(Path("/")) == file.path
    assert not replace(file, inode=file.inode + 1).in_root(Path("/"))
