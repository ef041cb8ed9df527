from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.package import Package, PackageError
from imds_probe.system import process

NAMES = ["amazon-ssm-agent", "awscli", "cloud-init", "removed", "never-heard-of"]
DPKG = Dpkg()


def query(root: Path, *names: str) -> list[Package]:
    return DPKG.query(root, names or NAMES, timeout_s=SOON_S)


def refusal(call: Callable[[Path], object], root: Path) -> str:
    with pytest.raises(PackageError) as caught:
        call(root)
    return str(caught.value)


def status_file(root: Path) -> Path:
    return root / "var/lib/dpkg/status"


def edit(root: Path, old: str, new: str) -> None:
    text = status_file(root).read_text()
    assert old in text
    status_file(root).write_text(text.replace(old, new, 1))


def test_what_is_installed_and_in_which_state(dpkg_master: Path) -> None:
    assert DPKG.present(dpkg_master)
    assert sorted(query(dpkg_master), key=lambda package: package.name) == [
        Package("dpkg", "amazon-ssm-agent", "3.2.582.0-1", "all", "unpacked"),
        Package("dpkg", "awscli", "2.9.19-1", "all", "installed"),  # on hold
        Package("dpkg", "cloud-init", "20.4.1-2+deb11u1", "all", "installed"),
    ]


def test_what_is_not_installed_is_an_empty_list(dpkg_master: Path) -> None:
    assert query(dpkg_master, "removed") == []
    assert query(dpkg_master, "never-heard-of") == []
    assert DPKG.query(dpkg_master, [], timeout_s=20) == []


def test_the_running_system() -> None:
    assert DPKG.present(Path("/"))
    (package,) = query(Path("/"), "dpkg")
    assert (package.name, package.status) == ("dpkg", "installed")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("install ok installed", "installed"),
        ("deinstall ok installed", "installed"),
        ("install ok half-configured", "half-configured"),
        ("install ok half-installed", "half-installed"),
        ("install ok unpacked", "unpacked"),
        ("install reinstreq half-installed", "reinstall-required"),
        ("install ok triggers-pending\nTriggers-Pending: ldconfig", "installed"),
        ("install ok triggers-awaited\nTriggers-Awaited: awscli", "installed"),
    ],
)
def test_states(dpkg_root: Path, state: str, expected: str) -> None:
    edit(dpkg_root, "Package: cloud-init\nStatus: install ok installed", f"Package: cloud-init\nStatus: {state}")
    assert [package.status for package in query(dpkg_root, "cloud-init")] == [expected]


def test_both_architectures_of_a_package(dpkg_root: Path) -> None:
    record = "Package: {}\nStatus: install ok installed\nArchitecture: {}\nMulti-Arch: same\nVersion: 1:2.0-1\n"
    record += "Maintainer: A <a@example.org>\nDescription: test\n\n"
    with status_file(dpkg_root).open("a") as file:
        file.write(record.format("both", "amd64") + record.format("both", "i386"))
    found = query(dpkg_root, "both")
    assert {(package.name, package.version, package.arch) for package in found} == {
        ("both", "1:2.0-1", "amd64"),
        ("both", "1:2.0-1", "i386"),
    }


def test_reading_changes_nothing(dpkg_root: Path, listing) -> None:
    before = listing(dpkg_root)
    query(dpkg_root)
    assert listing(dpkg_root) == before


def test_no_database(tmp_path: Path) -> None:
    assert not DPKG.present(tmp_path)
    with pytest.raises(PackageError, match="status is missing"):
        query(tmp_path)


def test_a_status_file_that_ends_in_the_middle(dpkg_root: Path) -> None:
    text = status_file(dpkg_root).read_bytes()
    status_file(dpkg_root).write_bytes(text[: text.index(b"Version: 20.4") + 4])
    with pytest.raises(PackageError, match="status"):
        query(dpkg_root)


def test_a_status_file_that_ends_between_two_packages(dpkg_root: Path) -> None:
    text = status_file(dpkg_root).read_text()
    kept = [record for record in text.split("\n\n") if record and "Package: cloud-init" not in record]
    status_file(dpkg_root).write_text("\n\n".join(kept) + "\n")
    with pytest.raises(PackageError, match="no record of cloud-init") as caught:
        query(dpkg_root)
    assert "status-old" in caught.value.remedy
    assert len(query(dpkg_root, "awscli")) == 1


def test_an_empty_status_file(dpkg_root: Path) -> None:
    status_file(dpkg_root).write_text("")
    with pytest.raises(PackageError, match="no record of"):
        query(dpkg_root)


@pytest.mark.parametrize("content", [b"\0\xff\x1e" * 1000, b"Package: cloud-init\nStatus: what\n", b"Package\n"])
def test_a_corrupt_status_file(dpkg_root: Path, content: bytes) -> None:
    status_file(dpkg_root).write_bytes(content)
    with pytest.raises(PackageError) as caught:
        query(dpkg_root)
    assert caught.value.manager == "dpkg"
    assert caught.value.remedy
    assert caught.value.problem.isprintable()


@pytest.mark.parametrize("version", ["1.0\x1f2", "1.0\x1e2", "1.0\x1b[31m", "1.0 2"])
def test_a_version_that_none_can_be(dpkg_root: Path, version: str) -> None:
    edit(dpkg_root, "Version: 20.4.1-2+deb11u1", f"Version: {version}")
    with pytest.raises(PackageError) as caught:
        query(dpkg_root, "cloud-init")
    assert str(caught.value).isprintable()


def test_a_status_file_that_may_not_be_read(dpkg_root: Path, as_nobody) -> None:
    status_file(dpkg_root).chmod(0)
    said = as_nobody(lambda: refusal(query, dpkg_root))
    assert "Permission denied" in said


def test_a_folder_that_may_not_be_entered(dpkg_root: Path, as_nobody) -> None:
    (dpkg_root / "var").chmod(0)
    said = as_nobody(lambda: refusal(DPKG.present, dpkg_root))
    assert "cannot be looked at" in said and "Run as root" in said


def test_a_link_is_read_as_the_other_system_would(dpkg_root: Path) -> None:
    (dpkg_root / "var/lib/dpkg").rename(dpkg_root / "moved")
    (dpkg_root / "var/lib/dpkg").symlink_to("/moved")
    assert len(query(dpkg_root, "cloud-init")) == 1
    (dpkg_root / "var/lib/dpkg").unlink()
    (dpkg_root / "var/lib/dpkg").symlink_to("/var/lib/dpkg")  # of this machine, were it followed
    with pytest.raises(PackageError, match="too many symbolic links"):
        DPKG.present(dpkg_root)


def test_the_tool_is_missing(dpkg_master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    assert DPKG.present(dpkg_master)
    with pytest.raises(PackageError, match="dpkg-query is not"):
        query(dpkg_master)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "said nothing about"),
        ("echo hello", "unexpected"),
        (r"printf '\036cloud-init\0371.0\037all\037ii \037\036cut'", "unexpected"),
        (r"printf '\036other\0371.0\037all\037ii \037'", "unexpected"),
        (r"printf '\036cloud-init\0371.0\037all\037i? \037'", "unexpected"),
        (r"printf '\036cloud-init\037\037all\037ii \037'", "unexpected"),
        (r"printf '\036cloud-init\0371.0\n\037all\037ii \037'", "cannot be right"),
        (r"printf '\036cloud-init\0371.0\n\036cloud-init\0372.0\037all\037ii \037'", "unexpected"),
        ("echo 'dpkg-query: error: \033[31mred' >&2; exit 2", "dpkg-query: error: …"),
        ("exit 2", "ended with 2"),
        ("kill -9 $$", "ended with -9"),
        ("exec sleep 60", "did not end within"),
        ("exec yes", "printed more than"),
    ],
)
def test_a_tool_that_does_not_do_its_work(dpkg_master: Path, tool, script: str, said: str) -> None:
    tool("dpkg-query", script)
    with pytest.raises(PackageError, match=said) as caught:
        DPKG.query(dpkg_master, ["cloud-init"], timeout_s=1 if "sleep" in script else SOON_S)
    assert str(caught.value).isprintable()
    assert len(caught.value.problem) < 400
    assert caught.value.remedy
