"""Whole systems: Debian as debootstrap makes it, and rpm databases that rpm and dnf filled, with the names and release
strings of Amazon Linux, Red Hat and SUSE; and what the catalog makes of them, each by its own distribution's thresholds.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from contexts import collected, context
from package_contents import read

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.os_release import os_release
from imds_probe.collect.software import COLLECTORS, packages
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.system import process

CATALOG = Catalog.load()
DEBIAN = {"bullseye": "11", "bookworm": "12", "trixie": "13"}


def run(*argv: str | Path, home: Path = Path("/nonexistent")) -> None:
    environment = {"PATH": process.SEARCH_PATH, "HOME": str(home), "LC_ALL": "C"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


@pytest.fixture(params=DEBIAN)
def debian(request: pytest.FixtureRequest) -> tuple[str, Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = cache / "imds-probe/debian-roots" / request.param
    assert (root / "var/lib/dpkg/status").exists(), "tests/debian_roots.sh makes this root"
    return request.param, root


def names_in(root: Path) -> list[str]:
    lines = (root / "var/lib/dpkg/status").read_text().splitlines()
    return [line.removeprefix("Package: ") for line in lines if line.startswith("Package: ")]


def test_every_package_of_debian(debian: tuple[str, Path]) -> None:
    suite, root = debian
    assert os_release(root).version_id == DEBIAN[suite]
    names = names_in(root)
    assert len(names) > 70
    packages = Dpkg().query(root, names, timeout_s=20)
    assert sorted(package.name for package in packages) == sorted(names)
    assert {package.status for package in packages} == {"installed"}


def test_read_as_a_container_it_is_the_same(debian: tuple[str, Path]) -> None:
    _, root = debian
    names = names_in(root)
    inside = read(root, {"dpkg": names}, time.monotonic() + 60)
    assert sorted(inside.packages, key=str) == sorted(Dpkg().query(root, names, timeout_s=20), key=str)
    assert inside.troubles == ()


# name, epoch, version, release, and what the catalog must say. Versions are ones that the distributions really shipped.
SYSTEMS = {
    "amazon-linux-2": (
        'ID="amzn"\nVERSION_ID="2"\nID_LIKE="centos rhel fedora"\n',
        [
            ("cloud-init", "", "19.3", "46.amzn2.0.1", "unknown"),
            ("amazon-ssm-agent", "", "3.1.1188.0", "1.amzn2", "ok"),
            ("awscli", "", "1.18.147", "1.amzn2.0.2", "ok"),
            ("ec2-instance-connect", "", "1.1", "11.amzn2", "too-old"),
            ("ec2-instance-connect", "", "1.1", "19.amzn2", "ok"),
            ("amazon-efs-utils", "", "1.35.0", "1.amzn2", "ok"),
        ],
    ),
    "amazon-linux-2023": (
        'ID="amzn"\nVERSION_ID="2023"\nID_LIKE="fedora"\n',
        [
            ("cloud-init", "", "22.2.2", "1.amzn2023.1.12", "ok"),
            ("amazon-ssm-agent", "", "3.3.987.0", "1.amzn2023", "ok"),
            ("awscli-2", "", "2.15.30", "1.amzn2023.0.1", "ok"),
            ("python3-botocore", "", "1.29.4", "1.amzn2023.0.2", "ok"),
        ],
    ),
    "rhel-7": (
        'ID="rhel"\nVERSION_ID="7.9"\nID_LIKE="fedora"\n',
        [
            ("cloud-init", "", "18.5", "6.el7_8.4", "ok"),
            ("cloud-init", "", "18.5", "3.el7", "unknown"),
            ("cloud-init", "", "19.4", "7.el7_9.6", "ok"),
            ("awscli", "", "1.14.28", "5.el7_5.1", "too-old"),
        ],
    ),
    "rhel-8": (
        'ID="rhel"\nVERSION_ID="8.9"\nID_LIKE="fedora"\n',
        [
            ("cloud-init", "", "23.1.1", "10.el8", "ok"),
            ("amazon-ssm-agent", "", "2.3.612.0", "1", "too-old"),
        ],
    ),
    "rhel-9": (
        'ID="rhel"\nVERSION_ID="9.3"\nID_LIKE="fedora"\n',
        [
            ("cloud-init", "", "23.1.1", "11.el9", "ok"),
            ("datadog-agent", "1", "7.40.1", "1", "needs-setting"),
        ],
    ),
    "sles-15": (
        'ID="sles"\nVERSION_ID="15.5"\nID_LIKE="suse"\n',
        [
            ("cloud-init", "", "23.3", "150100.8.71.1", "ok"),
            ("cloud-init", "", "19.4", "8.30.1", "ok"),
            ("cloud-init", "", "18.2", "5.1", "unknown"),
        ],
    ),
}


def built(folder: Path, name: str, epoch: str, version: str, release: str) -> Path:
    spec = folder / "package.spec"
    spec.write_text(
        f"Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: test\nLicense: none\nBuildArch: noarch\n"
        f"{f'Epoch: {epoch}' if epoch else ''}\n%description\ntest\n%files\n"
    )
    run("rpmbuild", "--quiet", "-bb", "--define", f"_topdir {folder}/top", "--define", f"_rpmdir {folder}", spec)
    return folder / "noarch" / f"{name}-{version}-{release}.noarch.rpm"


def judged(root: Path) -> list[tuple[str, str, str]]:
    """Name, version and the catalog's word for everything that a run would find below the root."""
    system = os_release(root)
    given = context(root)
    collected(given, COLLECTORS)
    found = packages(given)
    return sorted(
        (
            entry.package,
            entry.version,
            CATALOG.judge(
                entry.component,
                manager=entry.manager,
                version=entry.version,
                os_id=system.id,
                os_version_id=system.version_id,
                os_id_like=system.id_like,
            ).status,
        )
        for entry in found
    )


@pytest.mark.parametrize("system", SYSTEMS)
def test_rpm_systems(system: str, tmp_path: Path) -> None:
    release, packages = SYSTEMS[system]
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text(release)
    for name, epoch, version, revision, _ in packages:
        rpm = built(tmp_path, name, epoch, version, revision)
        where = ("--root", root, "--dbpath", "/var/lib/rpm")
        run("rpm", *where, "-i", "--nodeps", "--force", "--force-debian", "--noscripts", rpm)
    expected = sorted(
        (name, f"{f'{epoch}:' if epoch else ''}{version}-{revision}", status)
        for name, epoch, version, revision, status in packages
    )
    assert judged(root) == expected
    names = CATALOG.package_names("rpm")
    inside = read(root, {"rpm": names}, time.monotonic() + 60)
    assert sorted(inside.packages, key=str) == sorted(Rpm().query(root, names, timeout_s=20), key=str)


def test_a_root_that_dnf_installed(tmp_path: Path) -> None:
    repository, root = tmp_path / "noarch", tmp_path / "root"
    built(tmp_path, "cloud-init", "", "22.2.2", "1.amzn2023.1.12")
    built(tmp_path, "amazon-ssm-agent", "", "3.3.987.0", "1.amzn2023")
    run("createrepo_c", "--quiet", repository)
    (root / "etc/yum.repos.d").mkdir(parents=True)
    (root / "etc/os-release").write_text(SYSTEMS["amazon-linux-2023"][0])
    (root / "etc/yum.repos.d/own.repo").write_text(f"[own]\nname=own\nbaseurl=file://{repository}\ngpgcheck=0\n")
    # Debian's rpm keeps its database in the home directory; dnf takes no --dbpath.
    (tmp_path / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")
    install = ("--assumeyes", "--quiet", "install", "cloud-init", "amazon-ssm-agent")
    run("dnf", "--installroot", root, "--releasever=2023", *install, home=tmp_path)
    assert judged(root) == [
        ("amazon-ssm-agent", "3.3.987.0-1.amzn2023", "ok"),
        ("cloud-init", "22.2.2-1.amzn2023.1.12", "ok"),
    ]
