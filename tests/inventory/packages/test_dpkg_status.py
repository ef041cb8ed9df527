from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.inventory.packages import dpkg_status
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.package import Package, PackageError
from imds_probe.inventory.packages.text import Lines

NAMES = ["amazon-ssm-agent", "awscli", "cloud-init", "removed", "never-heard-of"]


def packages_of(content: bytes, names: Collection[str], *, has_status: bool = True) -> list[Package]:
    lines = Lines("dpkg", "status", io.BytesIO(content), len(content))
    return dpkg_status.packages_of(lines, names, has_status=has_status)


def test_it_finds_what_dpkg_query_finds(dpkg_root: Path) -> None:
    content = (dpkg_root / "var/lib/dpkg/status").read_bytes()
    by_dpkg = Dpkg().query(dpkg_root, NAMES, timeout_s=20)
    assert sorted(packages_of(content, NAMES), key=str) == sorted(by_dpkg, key=str)
    assert len(by_dpkg) == 3


def record(status: str = "install ok installed", extra: str = "") -> bytes:
    return f"Package: awscli\nStatus: {status}\nVersion: 1:2.9-1\nArchitecture: all\n{extra}\n".encode()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("hold ok installed", "installed"),
        ("install ok triggers-pending", "installed"),
        ("install ok triggers-awaited", "installed"),
        ("install ok unpacked", "unpacked"),
        ("install ok half-configured", "half-configured"),
        ("install ok half-installed", "half-installed"),
        ("install reinstreq installed", "reinstall-required"),
    ],
)
def test_states(status: str, state: str) -> None:
    assert packages_of(record(status), ["awscli"]) == [Package("dpkg", "awscli", "1:2.9-1", "all", state)]


@pytest.mark.parametrize("status", ["deinstall ok config-files", "purge ok not-installed"])
def test_what_is_gone_is_not_installed(status: str) -> None:
    assert packages_of(record(status), ["awscli"]) == []


def test_texts_of_several_lines_are_not_fields() -> None:
    description = "Description: x\n Version: 9\nConffiles:\n /etc/x 1\n"
    assert packages_of(record(extra=description), ["awscli"])[0].version == "1:2.9-1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (record()[:-20], "ends within a line"),
        (record("install ok"), "no state of awscli"),
        (record("install ok perfect"), "no state of awscli"),
        (b"Package: awscli\nVersion: 1\n\n", "no state of awscli"),
        (record().replace(b"1:2.9-1", b""), "no version of awscli"),
        (record().replace(b"1:2.9-1", b"1 2"), "a field that cannot be right"),
        (b"garbage\n\n", "not a package"),
        (b"\0\1\2\n", "not a package"),
    ],
)
def test_what_makes_no_sense_is_an_error(content: bytes, said: str) -> None:
    with pytest.raises(PackageError, match=said):
        packages_of(content, ["awscli"])


def test_a_part_of_a_distroless_image_has_no_status() -> None:
    part = b"Package: awscli\nVersion: 1.0\nArchitecture: amd64\n"
    assert packages_of(part, ["awscli"], has_status=False)[0].status == "installed"


@given(st.binary(max_size=300))
def test_any_bytes_give_packages_or_one_error(content: bytes) -> None:
    try:
        assert isinstance(packages_of(record() + content, ["awscli"]), list)
    except PackageError as error:
        assert error.manager == "dpkg"
