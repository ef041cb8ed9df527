from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.owning import owners

SITE = "/opt/env/lib/python3.11/site-packages"
DPKG = {
    "/var/lib/dpkg/status": "Package: restic\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.11.0-1+b6\n\n"
    "Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: 1:2.0\n\n",
    "/var/lib/dpkg/info/restic.list": "/.\n/usr\n/usr/bin\n/usr/bin/restic\n",
    "/var/lib/dpkg/info/tool:amd64.list": "/lib/tool/ask.sh\n/usr/bin/restic-not\n",
}


def owned(root: Root, *paths: str) -> list[str]:
    return [each.said for each in owners(root.path, paths, time.monotonic() + 60)]


def test_files_of_dpkg_also_where_directories_were_merged_since(tmp_path: Path) -> None:
    root = Root(tmp_path).put(DPKG)
    assert owned(root, "/usr/bin/restic", "/usr/lib/tool/ask.sh", "/usr/bin/rest", "/usr/local/bin/restic") == [
        "restic 0.11.0-1+b6 (dpkg)",
        "tool 1:2.0 (dpkg)",
    ]


@pytest.mark.parametrize(
    ("path", "files", "said"),
    [
        (
            f"{SITE}/pkg/a.py",
            {f"{SITE}/Pkg_Name-1.2.dist-info/RECORD": "pkg/__init__.py,,\npkg/a.py,sha256=x,1\n"},
            "Pkg_Name 1.2 (pypi)",
        ),
        (f"{SITE}/pkg/a.py", {f"{SITE}/pkg-1.2.egg-info/PKG-INFO": ""}, "pkg 1.2 (pypi)"),
        (f"{SITE}/pkg/a.py", {f"{SITE}/other-1.2.dist-info/RECORD": "other.py,,\n"}, None),
        (
            "/srv/node_modules/@a/b/lib/x.js",
            {"/srv/node_modules/@a/b/package.json": '{"version": "3.1.0"}'},
            "@a/b 3.1.0 (npm)",
        ),
        ("/srv/node_modules/b/x.js", {"/srv/node_modules/b/package.json": '{"version": {}}'}, "b (npm)"),
        ("/var/lib/gems/3.1.0/gems/fog-aws-3.1.0-x86_64-linux/lib/a.rb", {}, "fog-aws 3.1.0 (gem)"),
        (
            "/srv/vendor/acme/client/src/a.php",
            {"/srv/vendor/composer/installed.json": '{"packages": [{"name": "acme/client", "version": "v1.0"}]}'},
            "acme/client v1.0 (composer)",
        ),
        ("/srv/lib/minio-8.0.1.jar", {}, "minio 8.0.1 (maven)"),
        ("/snap/restic/42/bin/restic", {}, "restic (snap)"),
        ("/opt/own/tool", {}, None),
    ],
)
def test_files_of_languages(tmp_path: Path, path: str, files: dict[str, str], said: str | None) -> None:
    assert owned(Root(tmp_path).put({path: "", **files}), path) == ([said] if said else [])


def test_files_of_rpm(tmp_path: Path) -> None:
    texts = [b"restic", b"0.11.0", b"1.fc40", b"x86_64", b"restic", b"/usr/bin/"]
    offsets = [sum(len(text) + 1 for text in texts[:number]) for number in range(len(texts))]
    data = b"".join(text + b"\0" for text in texts) + struct.pack(">I", 0)
    kinds = [(1000, 6), (1001, 6), (1002, 6), (1022, 6), (1117, 8), (1118, 8)]
    entries = [(tag, kind, offset, 1) for (tag, kind), offset in zip(kinds, offsets, strict=True)]
    entries.append((1116, 4, len(data) - 4, 1))
    blob = (
        struct.pack(">II", len(entries), len(data)) + b"".join(struct.pack(">IIII", *each) for each in entries) + data
    )
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "var/lib/rpm/rpmdb.sqlite")) as database, database:
        database.execute("create table Packages (hnum integer primary key autoincrement, blob blob not null)")
        database.execute("insert into Packages (blob) values (?)", (blob,))
    assert owned(Root(tmp_path), "/usr/bin/restic", "/usr/bin/rest") == ["restic 0.11.0-1.fc40 (rpm)"]


def test_a_database_that_makes_no_sense_owns_nothing_and_keeps_nothing_from_others(tmp_path: Path) -> None:
    root = Root(tmp_path).put({**DPKG, "/var/lib/dpkg/status": "nonsense", "/var/lib/rpm/rpmdb.sqlite": "nonsense"})
    assert owned(root, "/usr/bin/restic", "/srv/lib/a-1.0.jar") == ["a 1.0 (maven)"]


def test_without_time_nothing_is_looked_up(tmp_path: Path) -> None:
    root = Root(tmp_path).put(DPKG)
    assert list(owners(root.path, ["/usr/bin/restic", "/srv/a-1.jar"], time.monotonic() - 1)) == []


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/opt/tool/vendor/botocore/utils.py", "__version__ = '1.12.253'\n", "botocore 1.12.253 (pypi)"),
        ("/opt/tool/vendor/botocore/vendored/x.py", "", "botocore (pypi)"),
        ("/opt/tool/vendor/other/utils.py", "__version__ = '1.0'\n", None),
    ],
)
def test_a_library_that_was_copied_into_a_project(tmp_path: Path, path: str, content: str, said: str | None) -> None:
    name = path.split("/")[4]
    root = Root(tmp_path).put({f"/opt/tool/vendor/{name}/__init__.py": content, path: "x"})
    found = list(owners(root.path, [path], time.monotonic() + 60, ["botocore", "boto"]))
    assert [(each.said, each.copied) for each in found] == ([(said, True)] if said else [])
    assert list(owners(root.path, [path], time.monotonic() + 60)) == []
