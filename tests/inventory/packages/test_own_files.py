from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import rpm_databases
from small_roots import made

from imds_probe.inventory.packages import own_files as module
from imds_probe.inventory.packages.own_files import OwnFiles, own_files
from imds_probe.inventory.packages.wanted import Mention, Wanted

TOOL = Wanted("dpkg", "tool", "1.0-1")


def found(root: Path, *wanted: Wanted, left_s: float = 30) -> dict[str, OwnFiles]:
    return {each.name: own for each, own in own_files(root, wanted, time.monotonic() + left_s)}


def test_of_dpkg_also_where_a_list_is_of_an_architecture(tmp_path: Path) -> None:
    changes = "tool (1.0-1) x; urgency=low\n\n  * Add support for IMDSv2\n"
    lists = "var/lib/dpkg/info"
    root = made(
        tmp_path,
        {
            f"{lists}/tool:amd64.list": "/.\n/usr\n/usr/bin\n/usr/bin/tool\n",
            f"{lists}/tool-doc.list": "/usr/share/doc/tool-doc\n",
            f"{lists}/other.list": "/usr/bin/other\nnonsense\n",
            f"{lists}/tool:amd64.md5sums": "",
            "usr/share/doc/tool/changelog": changes,
        },
    )
    assert found(root, TOOL, Wanted("dpkg", "other", "2"), Wanted("dpkg", "absent", "2")) == {
        "tool": OwnFiles(
            ("/.", "/usr", "/usr/bin", "/usr/bin/tool"),
            Mention("/usr/share/doc/tool/changelog", "1.0-1", "imdsv2"),
        ),
        "other": OwnFiles(("/usr/bin/other",)),
    }
    assert found(root, TOOL, left_s=-1) == {}


@pytest.fixture(scope="module")
def rpm_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packages that rpmbuild made, in rpm's own database."""
    folder = tmp_path_factory.mktemp("own")
    tree = made(folder / "tree", {"usr/bin/tool": "#!/bin/sh\n", "opt/tool/lib.sh": ""})
    changes = "* Thu Jan 23 2020 A <a@example.org> - 1.0-1\n- Use IMDSv2\n"
    tool = rpm_databases.build_rpm(folder, "tool", "1.0", "1.amzn2", files=tree, changelog=changes)
    later = made(folder / "later", {"usr/bin/tool2": "#!/bin/sh\n"})
    second = rpm_databases.build_rpm(folder, "tool", "2.0", "1", epoch="1", files=later)
    rpm_databases.install(folder / "root", tool, rpm_databases.build_rpm(folder, "empty", "1", "1"), second)
    return folder / "root"


def test_of_rpm_by_the_headers_that_it_made(rpm_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(rpm_root, tmp_path / "root")
    wanted = (Wanted("rpm", "tool", "1.0-1.amzn2"), Wanted("rpm", "empty", "1-1"), Wanted("rpm", "absent", "1-1"))
    by_sqlite = found(root, *wanted)
    assert by_sqlite == {
        "tool": OwnFiles(("/opt/tool/lib.sh", "/usr/bin/tool"), Mention("the rpm database", "1.0-1", "imdsv2")),
        "empty": OwnFiles(()),
    }
    assert found(root, Wanted("rpm", "tool", "1:2.0-1")) == {"tool": OwnFiles(("/usr/bin/tool2",))}
    old = tmp_path / "old/var/lib/rpm/Packages"
    old.parent.mkdir(parents=True)
    rpm_databases.berkeley(old, rpm_databases.blobs_of(rpm_root, tmp_path))
    assert found(tmp_path / "old", *wanted) == by_sqlite
    assert found(root, *wanted, left_s=-1) == {}


def test_of_apk(tmp_path: Path) -> None:
    database = "P:tool\nV:1-r0\nF:usr/bin\nR:tool\na:0:0:755\nF:etc\nR:tool.conf\n\nP:other\nV:1\nF:bin\nR:x\n\n"
    root = made(tmp_path, {"lib/apk/db/installed": database})
    assert found(root, Wanted("apk", "tool", "1-r0")) == {"tool": OwnFiles(("/usr/bin/tool", "/etc/tool.conf"))}


def test_of_a_snap_all_that_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(
        tmp_path,
        {
            "snap/agent/7/bin/agent": "",
            "snap/agent/7/lib/deep/er/x.py": "",
            "snap/agent/6/bin/old": "",
            "snap/agent/current": Path("7"),
            "snap/agent/7/bin/link": Path("/etc/passwd"),
        },
    )
    agent = Wanted("snap", "agent", "1.0")
    assert found(root, agent, Wanted("snap", "absent", "1")) == {
        "agent": OwnFiles(("/snap/agent/7/bin/agent", "/snap/agent/7/lib/deep/er/x.py"))
    }
    monkeypatch.setattr(module, "SNAP_ENTRIES_MAX", 1)
    assert found(root, agent) == {}


def test_a_list_longer_than_any_is_none_however_short_what_it_is_put_together_from(
    rpm_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = {f"var/lib/dpkg/info/tool:{each}.list": f"/usr/bin/{each}\n" for each in ("amd64", "i386")}
    inside = "P:tool\nF:" + "d" * 60_000 + "\n" + "R:x\n" * 1000 + "\nP:other\nF:bin\nR:x\n\n"
    root = made(tmp_path, {**lists, "lib/apk/db/installed": inside})
    apk = (Wanted("apk", "tool", "1"), Wanted("apk", "other", "1"))
    assert found(root, *apk) == {"other": OwnFiles(("/bin/x",))}
    monkeypatch.setattr(module, "LIST_MAX_BYTES", 20)
    assert found(root, TOOL, *apk) == {"other": OwnFiles(("/bin/x",))}
    assert found(rpm_root, Wanted("rpm", "tool", "1.0-1.amzn2"), Wanted("rpm", "empty", "1-1")) == {
        "empty": OwnFiles(())
    }


def test_a_database_that_makes_no_sense_has_no_lists_and_keeps_nothing_from_others(tmp_path: Path) -> None:
    root = made(tmp_path, {"var/lib/rpm/rpmdb.sqlite": "nonsense", "lib/apk/db/installed": "P:tool\nF:bin\nR:x\n\n"})
    assert found(root, Wanted("rpm", "tool", "1-1"), Wanted("apk", "tool", "1")) == {"tool": OwnFiles(("/bin/x",))}
