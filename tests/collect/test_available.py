"""Repositories' metadata that apt and dnf really made, from repositories of packages that the tests build."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from contexts import context

from imds_probe.collect.available import QUESTION, NotKnown, with_available
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import InRepository, Installed, Software
from imds_probe.system import process

DEB = Software("cloud-init", "dpkg", "cloud-init", "18.3-6", "dpkg database")
RPM = Software("aws-cli-v1", "rpm", "awscli", "1.16.1-1.amzn2", "rpm database")


def run(*argv: str | Path, cwd: Path | None = None) -> bytes:
    environment = {"PATH": process.SEARCH_PATH, "HOME": "/dev/null", "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, f"{argv}: {done.stdout!r}{done.stderr!r}"
    return done.stdout


@pytest.fixture(scope="module")
def apt_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with cloud-init 18.3-6 and awscli 2.0-1 installed, of which its repository has 22.4-1 and nothing newer."""
    folder = tmp_path_factory.mktemp("apt")
    repository, root = folder / "repository", folder / "root"
    control = folder / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    repository.mkdir()
    for name, version in (("cloud-init", "19.4-1"), ("cloud-init", "22.4-1"), ("awscli", "2.0-1")):
        control.write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
        )
        run("dpkg-deb", "--root-owner-group", "--build", folder / "tree", repository / f"{name}_{version}.deb")
    (repository / "Packages").write_bytes(run("dpkg-scanpackages", "--multiversion", ".", cwd=repository))
    for directory in ("etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (root / directory).mkdir(parents=True)
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    record = (
        "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: all\nMaintainer: A\nDescription: x\n\n"
    )
    status.write_text(record.format("cloud-init", "18.3-6") + record.format("awscli", "2.0-1"))
    places = ("-o", f"Dir={root}", "-o", f"Dir::State::status={status}", "-o", "APT::Sandbox::User=root")
    run("apt-get", *places, "update")
    return root


def test_apt_has_a_newer_one(apt_root: Path) -> None:
    current = Software("aws-cli-v2", "dpkg", "awscli", "2.0-1", "dpkg database")
    found = with_available([DEB, current, RPM], [DEB, current], apt_root)
    assert [entry.available for entry in found] == [
        InRepository("22.4-1", "apt-cache policy"),
        InRepository(None, "apt-cache policy"),
        None,
    ]


def test_asking_apt_writes_nothing(apt_root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in apt_root.rglob("*")}
    with_available([DEB], [DEB], apt_root)
    assert {path: path.stat().st_mtime_ns for path in apt_root.rglob("*")} == before


def test_what_apt_does_not_know_is_not_asked_again(apt_root: Path) -> None:
    strange = replace(DEB, package="never-heard-of")
    assert with_available([strange], [strange], apt_root)[0].available is None


@pytest.fixture(scope="module")
def dnf_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose repository has awscli 1.18.147 and 1:1.22.1; its metadata was fetched."""
    folder = tmp_path_factory.mktemp("dnf")
    repository, root = folder / "repository", folder / "root"
    repository.mkdir()
    for epoch, version in (("", "1.18.147"), ("Epoch: 1", "1.22.1")):
        spec = folder / "package.spec"
        spec.write_text(
            f"Name: awscli\nVersion: {version}\nRelease: 1.amzn2\nSummary: x\nLicense: none\nBuildArch: noarch\n{epoch}\n"
            "%description\nx\n%files\n"
        )
        run(
            "rpmbuild", "--quiet", "-bb", "--define", f"_topdir {folder}/top", "--define", f"_rpmdir {repository}", spec
        )
    run("createrepo_c", "--quiet", repository)
    repos = root / "etc/yum.repos.d"
    repos.mkdir(parents=True)
    (repos / "own.repo").write_text(f"[own]\nname=own\nbaseurl=file://{repository}\nenabled=1\ngpgcheck=0\n")
    run("dnf", "--installroot", root, "--releasever=2", "--quiet", "makecache")
    return root


def test_dnf_has_a_newer_one(dnf_root: Path) -> None:
    missing = replace(RPM, package="never-heard-of")
    found = with_available([RPM, missing], [RPM, missing], dnf_root)
    assert [entry.available for entry in found] == [
        InRepository("1:1.22.1-1.amzn2", "dnf repoquery"),
        InRepository(None, "dnf repoquery"),
    ]


def test_asking_dnf_writes_nothing(dnf_root: Path) -> None:
    def files() -> dict[Path, int]:  # rpm itself touches SQLite's -shm when it reads
        found = (path for path in dnf_root.rglob("*") if path.is_file() and path.suffix != ".sqlite-shm")
        return {path: path.stat().st_mtime_ns for path in found}

    before = files()
    with_available([RPM], [RPM], dnf_root)
    assert files() == before


def test_without_metadata_on_disk_it_is_not_known(tmp_path: Path) -> None:
    repos = tmp_path / "etc/yum.repos.d"
    repos.mkdir(parents=True)
    (repos / "own.repo").write_text("[own]\nname=own\nbaseurl=file:///nowhere\nenabled=1\ngpgcheck=0\n")
    with pytest.raises(NotKnown, match="dnf"):
        with_available([RPM], [RPM], tmp_path)


def test_containers_are_not_the_hosts_repositories(apt_root: Path) -> None:
    inside = replace(DEB, container="web")
    assert with_available([inside], [inside], apt_root) == (inside,)


def test_a_missing_tool_is_said(apt_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(NotKnown, match="apt-cache is not installed"):
        with_available([DEB], [DEB], apt_root)


def test_without_lists_apt_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(NotKnown, match="apt has no package lists"):
        with_available([DEB], [DEB], tmp_path)


def test_another_system_is_not_asked_for_its_repositories(apt_root: Path) -> None:
    facts = Facts(privileged=True, collectors=(), sections=(Installed((DEB,)),))
    with pytest.raises(NotKnown, match="on the running system only"):
        QUESTION.ask(context(apt_root), facts, [DEB])
