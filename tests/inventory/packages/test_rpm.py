from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.inventory.packages.package import Package, PackageError
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.system import process

NAMES = ["amazon-ssm-agent", "awscli", "cloud-init", "never-heard-of"]
RPM = Rpm()


def query(root: Path, *names: str, timeout_s: float = SOON_S) -> list[Package]:
    return RPM.query(root, names or NAMES, timeout_s=timeout_s)


def refusal(call: Callable[[Path], object], root: Path) -> str:
    with pytest.raises(PackageError) as caught:
        call(root)
    return str(caught.value)


def database(root: Path) -> Path:
    return root / "var/lib/rpm/rpmdb.sqlite"


def forget_journal(root: Path) -> None:
    for suffix in ("-shm", "-wal"):
        database(root).with_name(f"rpmdb.sqlite{suffix}").unlink(missing_ok=True)


def test_what_is_installed_every_version_of_it(rpm_root: Path) -> None:
    assert RPM.present(rpm_root)
    assert sorted(query(rpm_root), key=lambda package: (package.name, package.version)) == [
        Package("rpm", "amazon-ssm-agent", "2.3.714.0-1.amzn2", "noarch", "installed"),
        Package("rpm", "amazon-ssm-agent", "3.1.1188.0-1.amzn2", "noarch", "installed"),
        Package("rpm", "awscli", "1:1.18.147-1.amzn2.0.2", "noarch", "installed"),
        Package("rpm", "cloud-init", "19.3-46.amzn2.0.1", "noarch", "installed"),
    ]


def test_what_is_not_installed_is_an_empty_list(rpm_root: Path) -> None:
    assert query(rpm_root, "never-heard-of", "nor-of-this") == []
    assert RPM.query(rpm_root, [], timeout_s=20) == []


def test_reading_changes_nothing(rpm_root: Path, listing) -> None:
    forget_journal(rpm_root)
    before, content = listing(rpm_root), database(rpm_root).read_bytes()
    assert len(query(rpm_root)) == 4
    assert listing(rpm_root) == before
    assert database(rpm_root).read_bytes() == content


def test_an_unprivileged_user_reads_it_too(rpm_root: Path, as_nobody) -> None:
    assert as_nobody(lambda: len(query(rpm_root))) == "4"


def test_no_database(tmp_path: Path) -> None:
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    assert not RPM.present(tmp_path)
    with pytest.raises(PackageError, match="no rpm database"):
        query(tmp_path)
    assert list((tmp_path / "var/lib/rpm").iterdir()) == []


@pytest.mark.parametrize("target", ["../../usr/lib/sysimage/rpm", "/usr/lib/sysimage/rpm"])
def test_the_newer_place_with_a_link_at_the_older(rpm_root: Path, target: str) -> None:
    (rpm_root / "usr/lib/sysimage").mkdir(parents=True)
    shutil.move(rpm_root / "var/lib/rpm", rpm_root / "usr/lib/sysimage/rpm")
    assert len(query(rpm_root)) == 4
    (rpm_root / "var/lib/rpm").symlink_to(target)
    assert len(query(rpm_root)) == 4


def test_two_databases_are_one_too_many(rpm_root: Path) -> None:
    shutil.copytree(rpm_root / "var/lib/rpm", rpm_root / "usr/lib/sysimage/rpm")
    with pytest.raises(PackageError, match="two rpm databases"):
        query(rpm_root)


def test_two_formats_are_one_too_many(rpm_root: Path) -> None:
    database(rpm_root).with_name("Packages").touch()
    with pytest.raises(PackageError, match="two rpm databases"):
        query(rpm_root)


def test_a_database_that_ends_in_the_middle(rpm_root: Path) -> None:
    forget_journal(rpm_root)
    with database(rpm_root).open("r+b") as file:
        file.truncate(20_000)
    with pytest.raises(PackageError, match="malformed"):
        query(rpm_root)


def test_a_corrupt_database(rpm_root: Path) -> None:
    forget_journal(rpm_root)
    with database(rpm_root).open("r+b") as file:
        file.seek(4096)  # the first page, with the schema, stays
        file.write(random.Random(1).randbytes(100_000))
    with pytest.raises(PackageError, match="malformed") as caught:
        query(rpm_root)
    assert "verifydb" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_no_database_at_all_in_the_file(rpm_root: Path, content: bytes) -> None:
    forget_journal(rpm_root)
    database(rpm_root).write_bytes(content)
    with pytest.raises(PackageError, match="error"):
        query(rpm_root)


@pytest.mark.parametrize("name", ["Packages", "Packages.db"])
def test_a_format_that_this_rpm_cannot_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(random.Random(2).randbytes(40_960))
    assert RPM.present(tmp_path)
    with pytest.raises(PackageError, match="database"):
        query(tmp_path)
    assert [path.name for path in folder.iterdir()] == [name]  # rpm, left to itself, makes an empty one beside it


def test_a_database_that_another_process_has_locked(rpm_root: Path) -> None:
    with contextlib.closing(sqlite3.connect(database(rpm_root), isolation_level=None)) as writer:
        writer.execute("PRAGMA locking_mode=EXCLUSIVE")
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("CREATE TABLE held (a)")
        started = time.monotonic()
        with pytest.raises(PackageError, match="did not end within 1") as caught:
            query(rpm_root, timeout_s=1)
        assert time.monotonic() - started < SOON_S
        assert "fuser" in caught.value.remedy


def test_a_database_that_may_not_be_read(rpm_root: Path, as_nobody) -> None:
    database(rpm_root).chmod(0)
    said = as_nobody(lambda: refusal(query, rpm_root))
    assert "unable to open database file" in said


def test_a_folder_that_may_not_be_entered(rpm_root: Path, as_nobody) -> None:
    (rpm_root / "var/lib/rpm").chmod(0)
    said = as_nobody(lambda: refusal(RPM.present, rpm_root))
    assert "cannot be looked at" in said and "Run as root" in said


def test_the_tool_is_missing(rpm_master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(PackageError, match="rpm is not"):
        query(rpm_master)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "said nothing about"),
        ("echo hello", "unexpected"),
        (r"printf '\036cloud-init\037(none)\0371.0\0371\037noarch\037\036cut'", "unexpected"),
        (r"printf '\036other\037(none)\0371.0\0371\037noarch\037'", "unexpected"),
        (r"printf '\036cloud-init\037(none)\0371.0\037\037noarch\037'", "unexpected"),
        (r"printf '\036cloud-init\037(none)\0371.0\n\0371\037noarch\037'", "cannot be right"),
        (r"printf '\036cloud-init\037(none)\0371.0\033[1m\0371\037noarch\037'", "cannot be right"),
        (r"printf '\036cloud-init\037(none)\0371.0\0371\037noarch\037package x is\n'", "unexpected"),
        (r"printf 'package other is not installed\n'", "said nothing about"),
        (r"printf 'package cloud-init is not installed\n'; echo 'error: \033[31mred' >&2", "error: …"),
        (r"printf 'package cloud-init is not installed\n'; echo 'warning: using dummy database, x' >&2", "dummy"),
        ("exec sleep 60", "did not end within"),
        ("exec yes", "printed more than"),
    ],
)
def test_a_tool_that_does_not_do_its_work(rpm_master: Path, tool, script: str, said: str) -> None:
    tool("rpm", script)
    with pytest.raises(PackageError, match=said) as caught:
        RPM.query(rpm_master, ["cloud-init"], timeout_s=1 if "sleep" in script else SOON_S)
    assert str(caught.value).isprintable()
    assert len(caught.value.problem) < 400
    assert caught.value.remedy


def test_an_rpm_of_before_the_choice_of_backends(tmp_path: Path, tool) -> None:
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm/Packages").touch()
    tool(
        "rpm",
        r"""case "$*" in
        *--eval*) echo '%{_db_backend}' ;;
        *_db_backend*) echo 'error: asked for a backend' >&2 ;;
        *) printf '\036cloud-init\037(none)\03718.5\0376.el7\037x86_64\037' ;;
        esac""",
    )
    assert query(tmp_path, "cloud-init") == [Package("rpm", "cloud-init", "18.5-6.el7", "x86_64", "installed")]
