"""What lies on the disks of a made-up host, and what even a search of everything leaves alone and names."""

from __future__ import annotations

from pathlib import Path

import pytest
from sdk_systems import System, container, record

from imds_probe.collect.sdks import SearchOptions
from imds_probe.system.walk import DEPTH_MAX

DEEP = SearchOptions(deep=())
SITE = "lib/python3.9/site-packages"


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def mounted(system: System, pid: int, *mounts: tuple[str, str]) -> None:
    """As a process sees them: proc_pid_mountinfo(5)."""
    lines = [
        f"{at} 1 8:{at} / {point} rw - {kind} /dev/x rw\n" for at, (point, kind) in enumerate((("/", "ext4"), *mounts))
    ]
    at = system.proc / str(pid)
    at.mkdir(exist_ok=True)
    (at / "mountinfo").write_text("".join(lines))


def found(system: System, request: SearchOptions = DEEP, **more: object) -> list[str]:
    looked = system.look(request=request, **more)
    return sorted(path for each in looked.software if each.sdk for path in each.sdk.paths)


@pytest.mark.parametrize(
    "place",
    ["var/app", "apps", "u01", "mnt/x", "etc/x", "srv/dev", "opt/proc/sys", "export/home/a/.local", "var/opt/y"],
)
def test_a_deep_search_is_of_all_places(system: System, place: str) -> None:
    record(system.root, "botocore", "1.12.0", f"{place}/{SITE}")
    assert found(system) == [f"/{place}/{SITE}/botocore-1.12.0.dist-info"]


def test_what_the_kernel_has_at_the_root_is_no_disk(system: System) -> None:
    for place in ("proc/self", "sys/x", "dev/shm"):
        record(system.root, "botocore", "1.12.0", f"{place}/{SITE}")
    assert found(system) == []


def test_local_file_systems_are_searched_and_others_are_named(system: System) -> None:
    points = (
        ("/data", "xfs"),
        ("/u01/app", "btrfs"),
        ("/mnt/efs", "nfs4"),
        ("/mnt/s3", "fuse.s3fs"),
        ("/mnt/ntfs", "fuseblk"),
    )
    mounted(system, 1, *points, ("/sys/fs/cgroup", "cgroup2"), ("/run/user/1", "tmpfs"))
    for point, _ in points:
        record(system.root, "botocore", f"1.12.{len(point)}", f"{point.strip('/')}/a/{SITE}")
    assert [path.partition("/a/")[0] for path in found(system)] == ["/data", "/mnt/ntfs", "/u01/app"]
    assert system.look(request=DEEP).left_out == (
        "/mnt/efs was not searched for SDKs: its files are not on this machine (nfs4)",
        "/mnt/s3 was not searched for SDKs: its files are not on this machine (fuse.s3fs)",
    )
    given = SearchOptions(deep=("/mnt/efs",))
    assert "/mnt/efs" in [path.partition("/a/")[0] for path in found(system, given)]
    assert [each.split()[0] for each in system.look(request=given).left_out] == ["/mnt/s3"]


def test_the_storage_of_containers_is_named(system: System) -> None:
    record(system.root, "botocore", "1.12.0", f"var/lib/docker/overlay2/x/merged/{SITE}")
    mounted(system, 1, ("/var/lib/docker/overlay2/x/merged", "overlay"), ("/var/lib/kubelet/pods/y", "tmpfs"))
    assert found(system) == []
    assert system.look(request=DEEP).left_out == (
        "/var/lib/docker was not searched for SDKs: it has the roots of other systems, which are inspected where they run",
    )


def test_volumes_of_a_container_are_searched_as_well(system: System) -> None:
    inside = system.image("inside")
    record(inside, "botocore", "1.12.0", f"data/{SITE}")
    web = container("web", system.process(6, inside, exe="/usr/bin/web"))
    mounted(system, 6, ("/data", "ext4"), ("/share", "cifs"))
    assert found(system, containers=[web]) == [f"/data/{SITE}/botocore-1.12.0.dist-info"]
    assert found(system, SearchOptions(), containers=[web]) == []
    left_out = system.look(request=DEEP, containers=[web]).left_out
    assert left_out == ("web: /share was not searched for SDKs: its files are not on this machine (cifs)",)


def test_copies_without_a_record_are_found_by_their_own_constant(system: System) -> None:
    for place in ("u01/tool/vendor", f"opt/x/{SITE}", "opt/lambda"):
        at = system.root / place / "botocore"
        at.mkdir(parents=True)
        (at / "__init__.py").write_text("__version__ = '1.12.253'\n")
    record(system.root, "botocore", "1.12.0", "opt/lambda")
    (system.root / "srv/botocore/notes").mkdir(parents=True)  # only called so
    (system.root / SITE / "awscli/botocore").mkdir(parents=True)  # AWS CLI 2's own
    (system.root / SITE / "awscli/botocore/__init__.py").write_text("__version__ = '2.0.0dev155'\n")
    assert found(system) == [
        "/opt/lambda/botocore-1.12.0.dist-info",
        f"/opt/x/{SITE}/botocore",
        "/u01/tool/vendor/botocore",
    ]


def test_what_is_too_deep_is_named(system: System) -> None:
    record(system.root, "botocore", "1.12.0", f"srv/{'/'.join('d' * (DEPTH_MAX + 1))}/{SITE}")
    looked = system.look(request=DEEP)
    assert looked.software == ()
    (said,) = looked.left_out
    assert said.endswith("it is too deep")


def test_the_sdk_for_php_is_found_however_it_was_put_there(system: System) -> None:
    source = "<?php\nnamespace Aws;\nclass Sdk\n{\n    const VERSION = '3.100.1';\n"
    for place in ("opt/site/lib/Aws", "u01/plugin/vendor_prefixed/aws/aws-sdk-php/src"):
        (system.root / place).mkdir(parents=True)
        (system.root / place / "Sdk.php").write_text(source)
    (system.root / "srv").mkdir()
    (system.root / "srv/aws.phar").write_bytes(b"<?php __HALT_COMPILER(); ?>" + source.encode() + b"\3\0\0\0GBMB")
    assert found(system) == [
        "/opt/site/lib/Aws/Sdk.php",
        "/srv/aws.phar",
        "/u01/plugin/vendor_prefixed/aws/aws-sdk-php/src/Sdk.php",
    ]
