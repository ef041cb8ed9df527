from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from imds_probe.inventory.schedules.scheduled import ONCE, Place
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.written_files import started, written

SCRIPT, PLACE = "#!/bin/sh\ncurl x\n", Place("/var/lib/cloud/instance/user-data.txt")


def entry(path: str, content: object = SCRIPT, **more: object) -> Mapping[object, object]:
    return {"path": path, "content": content, **more}


def begun(root: Path, entries: list[Mapping[object, object]], *commands: str) -> list[object]:
    files = written({"write_files": entries})
    found = list(started(files, commands, PLACE, SystemFiles(root)))
    assert all((each.place, each.kind, each.how_often, each.every_s) == (PLACE, "once", ONCE, None) for each in found)
    return [each.command for each in found]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("", SCRIPT),
        ("text/plain", SCRIPT),
        ("b64", base64.b64encode(SCRIPT.encode()).decode()),
        ("base64", base64.b64encode(SCRIPT.encode())),
        ("gz+b64", base64.b64encode(gzip.compress(SCRIPT.encode())).decode()),
        ("gzip", gzip.compress(SCRIPT.encode())),
    ],
)
def test_contents_are_decoded(encoding: str, content: object) -> None:
    (file,) = written({"write_files": [entry("/opt/x", content, encoding=encoding)]})
    assert file.text == SCRIPT


def test_a_damaged_content_is_empty_and_no_entry_of_another_shape_counts() -> None:
    entries = [entry("/a", "x", encoding="gz"), entry("/b", "=", encoding="b64"), entry("c"), "d", {"path": 1}, None]
    assert [(each.path, each.text) for each in written({"write_files": entries})] == [("/a", ""), ("/b", "")]
    assert written({"write_files": {"path": "/a"}}) == written({}) == []


def test_the_last_entry_of_a_path_counts_unless_it_appends() -> None:
    (file,) = written({"write_files": [entry("/a", "1"), entry("/a/../a", "2"), entry("/a", "3", append=True)]})
    assert file.text == "23"


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [(None, False), ("0644", False), ("0755", True), ("0o755", True), (493, True), (420, False), ("x", True)],
)
def test_permissions(permissions: object, expected: bool) -> None:
    (file,) = written({"write_files": [entry("/a", permissions=permissions)]})
    assert file.executable is expected


@pytest.mark.parametrize("command", ["/opt/x.sh --now", "bash -c '/opt/x.sh; true'", "cd / && (sudo /opt/x.sh)"])
def test_a_command_starts_what_it_names(tmp_path: Path, command: str) -> None:
    assert begun(tmp_path, [entry("/opt/x.sh"), entry("/opt/y.sh")], command) == [SCRIPT]


def test_a_command_that_only_looks_on_starts_nothing(tmp_path: Path) -> None:
    assert begun(tmp_path, [entry("/opt/x.sh")], "chmod +x /opt/x.sh", "cat /opt/x.sh\nrm /opt/x.sh") == []
    assert begun(tmp_path, [entry("/opt/x.sh")], "/opt/x.sh.bak /opt/x.shadow") == []


def test_a_script_that_is_started_starts_others_and_a_path_finds_them(tmp_path: Path) -> None:
    entries = [
        entry("/opt/b.py", "import os\n"),
        entry("/usr/local/bin/a", "#!/bin/sh\npython3 /opt/b.py\n"),
        entry("/c"),
    ]
    assert begun(tmp_path, entries, "a") == [
        "#!/bin/sh\npython3 /opt/b.py\n",
        "#!/usr/bin/env python3\nimport os\n",
    ]


@pytest.mark.parametrize(
    ("path", "permissions", "expected"),
    [
        ("/etc/cron.daily/x", "0755", True),
        ("/etc/cron.daily/x", "0644", False),
        ("/var/lib/cloud/scripts/per-boot/x", "0755", True),
        ("/etc/rc.local", "0755", True),
        ("/etc/profile.d/x.sh", None, True),
        ("/etc/network/if-up.d/x", "0755", True),
        ("/opt/x", "0755", False),
    ],
)
def test_a_place_may_start_a_script(tmp_path: Path, path: str, permissions: object, expected: bool) -> None:
    assert begun(tmp_path, [entry(path, permissions=permissions)]) == ([SCRIPT] if expected else [])


def test_crontabs_and_units_have_commands(tmp_path: Path) -> None:
    entries = [
        entry("/etc/cron.d/x", "A=1\n*/5 * * * * root curl $A\n"),
        entry("/var/spool/cron/crontabs/ana", "@daily /opt/y.sh\n"),
        entry("/etc/systemd/system/z.service", "[Service]\nEnvironment=B=2\nExecStart=/usr/bin/curl $B\n"),
        entry("/etc/systemd/system/z.timer", "[Timer]\nOnBootSec=1\n"),
        entry("/opt/y.sh"),
    ]
    assert begun(tmp_path, entries) == ["curl $A", "/opt/y.sh", ("/usr/bin/curl", "2"), SCRIPT]
