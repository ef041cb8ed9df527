"""The rpm through its whole life, by rpm and by dnf, in roots that have nothing but rpm's database."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from package_roots import contents, must, run

CONFIGURATION = "etc/imds-probe/imds-probe.toml"
# Debian's rpm keeps its database in a home directory unless told otherwise, and would rather be dpkg.
DATABASE = "/var/lib/rpm"
KEPT_BY_MANAGERS = ("var", "root", "dev", "run", "tmp", "etc/dnf")


class Rpm:
    """`rpm --root`."""

    def __init__(self, root: Path, packages, work: Path) -> None:
        self.root, self._packages = root, packages
        must([*self._rpm(), "--initdb"])

    def _rpm(self) -> list[str]:
        return ["rpm", "--root", str(self.root), "--dbpath", DATABASE]

    def install(self) -> None:
        must([*self._rpm(), "--force-debian", "--install", self._packages.rpm()])

    def upgrade(self) -> None:
        must([*self._rpm(), "--force-debian", "--upgrade", "--nosignature", self._packages.rpm("next")])

    def downgrade(self) -> None:
        must([*self._rpm(), "--force-debian", "--upgrade", "--oldpackage", self._packages.rpm()])

    def erase(self) -> None:
        must([*self._rpm(), "--force-debian", "--erase", "imds-probe"])


class Dnf:
    """`dnf --installroot`, from one file or from a repository of both versions."""

    def __init__(self, root: Path, packages, work: Path, *, repository: bool) -> None:
        self.root, self._packages, self._repository = root, packages, repository
        self._directory = work / "repository"
        self._directory.mkdir()
        self._configuration = work / "dnf.conf"
        self._configuration.write_text(f"[main]\ncachedir={work}/cache\nlogdir={work}/log\npersistdir={work}/persist\n")
        if repository:
            for name in (packages.rpm(), packages.rpm("next")):
                shutil.copy(name, self._directory)
            must(["createrepo_c", "--quiet", self._directory])

    def _dnf(self, *arguments: str | Path) -> None:
        argv = ["dnf", "--quiet", "--assumeyes", f"--installroot={self.root}", f"--config={self._configuration}"]
        argv += ["--releasever=9", "--nogpgcheck", "--setopt=reposdir=/nonexistent", "--setopt=install_weak_deps=False"]
        argv += [f"--repofrompath=local,{self._directory}"] if self._repository else ["--disablerepo=*"]
        must([*argv, *arguments], env={"HOME": str(self._directory.parent)})

    def _package(self, of: str) -> str | Path:
        path = self._packages.rpm(of)
        return path.name.removesuffix(".rpm") if self._repository else path

    def install(self) -> None:
        self._dnf("install", self._package("this"))

    def upgrade(self) -> None:
        self._dnf("upgrade", self._package("next"))

    def downgrade(self) -> None:
        self._dnf("downgrade", self._package("this"))

    def erase(self) -> None:
        self._dnf("remove", "imds-probe")


@pytest.fixture(params=["rpm", "dnf, one file", "dnf, repository"])
def manager(request, tmp_path, packages):
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    # Scriptlets need a shell, and nothing else: no systemd, no /proc.
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    if request.param == "rpm":
        return Rpm(root, packages, tmp_path)
    return Dnf(root, packages, tmp_path, repository="repository" in request.param)


def others(root: Path) -> set[str]:
    return {path for path in contents(root) if path.split("/")[0] not in KEPT_BY_MANAGERS}


def test_from_one_file_to_nothing_left(manager, assessed):
    root = manager.root
    before = others(root)
    manager.install()
    assert must(["/usr/bin/imds-probe", "--version"], root=root).startswith("imds-probe ")
    installed = others(root)
    assert (root / "usr/lib/systemd/system-preset/80-imds-probe.preset").exists()

    # There is no program in this root to ask for the packages; Debian's dnf does not even keep them where rpm looks.
    assessed(root, frozenset(["package-manager-failed" if isinstance(manager, Rpm) else "no-package-manager"]))
    shutil.rmtree(root / "sys")
    shutil.rmtree(root / "proc")
    assert others(root) == installed

    (root / CONFIGURATION).write_text('state_directory = "/var/lib/imds-probe"\n')
    manager.upgrade()
    assert "state_directory" in (root / CONFIGURATION).read_text()
    manager.downgrade()
    assert "state_directory" in (root / CONFIGURATION).read_text()
    (root / "var/lib/imds-probe").mkdir(parents=True)
    (root / "var/lib/imds-probe/report.json").write_text("{}")
    manager.erase()
    assert (root / "var/lib/imds-probe/report.json").exists()
    left = {path for path in others(root) - before if "imds-probe" in path}
    assert left <= {"etc/imds-probe", f"{CONFIGURATION}.rpmsave"}
    assert f"{CONFIGURATION}.rpmsave" in left


def test_the_scriptlets_do_as_systemds_own_macros_do(tmp_path, packages):
    """With a systemctl that writes down what it is told, once with PID 1 being systemd and once not."""
    for booted in (False, True):
        root = tmp_path / str(booted)
        (root / "bin").mkdir(parents=True)
        (root / "dev").mkdir()
        (root / "dev/null").touch()
        shutil.copy("/bin/busybox", root / "bin/busybox")
        (root / "bin/sh").symlink_to("busybox")
        (root / "bin/systemctl").write_text('#!/bin/sh\necho "$*" >>/said\n')
        (root / "bin/systemctl").chmod(0o755)
        if booted:
            (root / "run/systemd/system").mkdir(parents=True)
        manager = Rpm(root, packages, tmp_path)
        said = []
        for step in (manager.install, manager.upgrade, manager.erase):
            step()
            said.append((root / "said").read_text().splitlines() if (root / "said").exists() else [])
            (root / "said").unlink(missing_ok=True)
        both = "imds-probe.timer imds-probe-daemon.service"
        all_three = f"{both} imds-probe-boot.service"
        preset, disable = f"--no-reload preset {all_three}", f"--no-reload disable {all_three}"
        if booted:
            stop = "stop imds-probe.timer imds-probe.service imds-probe-daemon.service imds-probe-boot.service"
            started = ["daemon-reload", "--quiet is-enabled imds-probe.timer", "start imds-probe.timer"]
            assert said[0] == [preset, *started]
            assert said[1] == ["daemon-reload", "daemon-reload", f"try-restart {both}"]
            assert said[2] == [disable, stop, "daemon-reload"]
        else:
            assert said == [[preset], [], [disable]]


def test_the_signed_one_is_signed(tmp_path, packages):
    database = ["--dbpath", str(tmp_path / "db")]
    must(["rpmkeys", *database, "--import", packages.key])
    assert "digests signatures OK" in must(["rpmkeys", *database, "--checksig", packages.rpm("next")])
    assert "signatures" not in run(["rpmkeys", *database, "--checksig", packages.rpm()]).stdout
