from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import cloud_init
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

INSTANCE = "/var/lib/cloud/instance"


def looked(root: Path) -> tuple[list[Scheduled], list[str]]:
    files = SystemFiles(root)
    return list(cloud_init.look(files)), files.troubles


def test_scripts_by_their_directories(tmp_path: Path) -> None:
    files = {
        "/var/lib/cloud/scripts/per-boot/a": SCRIPT,
        "/var/lib/cloud/scripts/per-boot/off": "x",
        "/var/lib/cloud/scripts/per-instance/b": SCRIPT,
        "/var/lib/cloud/scripts/per-once/c": SCRIPT,
        "/var/lib/cloud/instances/i-1/scripts/part-001": SCRIPT,
        "/var/lib/cloud/instances/i-1/boothooks/part-002": SCRIPT,
        INSTANCE: Path("instances/i-1"),
    }
    found, troubles = looked(made(tmp_path, files))
    assert troubles == []
    assert [(each.command, each.kind) for each in found] == [
        (("/var/lib/cloud/scripts/per-boot/a",), "boot"),
        (("/var/lib/cloud/scripts/per-instance/b",), "once"),
        (("/var/lib/cloud/scripts/per-once/c",), "once"),
        ((f"{INSTANCE}/scripts/part-001",), "once"),
        ((f"{INSTANCE}/boothooks/part-002",), "boot"),
    ]
    assert {each.how_often for each in found} == {"at each boot", "once, when an instance is new"}


def test_commands_of_configurations(tmp_path: Path) -> None:
    files = {
        "/etc/cloud/cloud.cfg": "#cloud-config\nbootcmd:\n - curl x\n - [wget, -q, y, 1]\n - []\n - {}\n",
        "/etc/cloud/cloud.cfg.d/9.cfg": "runcmd: [z]\n",
        "/etc/cloud/cloud.cfg.d/README": "runcmd: [no]\n",
        f"{INSTANCE}/cloud-config.txt": "bootcmd: text\nruncmd: [q]\n",
    }
    found, troubles = looked(made(tmp_path, files))
    assert troubles == []
    assert [(each.command, each.kind, each.place.path) for each in found] == [
        ("curl x", "boot", "/etc/cloud/cloud.cfg"),
        (("wget", "-q", "y", "1"), "boot", "/etc/cloud/cloud.cfg"),
        ("z", "once", "/etc/cloud/cloud.cfg.d/9.cfg"),
        ("q", "once", f"{INSTANCE}/cloud-config.txt"),
    ]


def test_modules_may_be_told_to_run_always(tmp_path: Path) -> None:
    files = {
        "/var/lib/cloud/instance/scripts/part-001": SCRIPT,
        f"{INSTANCE}/cloud-config.txt": "cloud_final_modules:\n- [scripts-user, always]\n- [runcmd, always]\nruncmd: [x]\n",
    }
    found, _ = looked(made(tmp_path, files))
    assert [(each.command, each.kind) for each in found] == [((f"{INSTANCE}/scripts/part-001",), "boot"), ("x", "boot")]


def test_user_data_is_what_the_next_instance_is_given(tmp_path: Path) -> None:
    files = {
        f"{INSTANCE}/user-data.txt": gzip.compress(b"#!/bin/bash\ncurl x\n"),
        f"{INSTANCE}/vendor-data.txt": "#cloud-config\nbootcmd: [y]\nruncmd: [[z]]\n",
        f"{INSTANCE}/vendor-data2.txt": "#part-handler\nimport os\n",
        f"{INSTANCE}/user-data.txt.i": "#cloud-boothook\nnot read: it is the same\n",
    }
    found, troubles = looked(made(tmp_path, files))
    assert troubles == []
    assert [(each.command, each.kind, each.place) for each in found] == [
        ("#!/bin/bash\ncurl x\n", "once", Place(f"{INSTANCE}/user-data.txt")),
        ("y", "boot", Place(f"{INSTANCE}/vendor-data.txt")),
        (("z",), "once", Place(f"{INSTANCE}/vendor-data.txt")),
        ("#!/usr/bin/python3\n#part-handler\nimport os\n", "once", Place(f"{INSTANCE}/vendor-data2.txt")),
    ]


HOOK = "#cloud-boothook\n#!/bin/sh\nx\n"
BOOTCMD = "#cloud-config\nbootcmd: [y]\nruncmd: [z]\n"
AGAIN = "#cloud-config\ncloud_final_modules:\n- [scripts-user, always]\n"
ARCHIVE = "#cloud-config-archive\n- |\n  #cloud-config\n  cloud_final_modules: [[scripts-user, always]]\n- |\n  #!/bin/sh\n  q\n"


@pytest.mark.parametrize(
    ("user_data", "unpacked", "kinds"),
    [
        (HOOK, {}, ["boot"]),
        (HOOK, {f"{INSTANCE}/boothooks/part-001": "not executable"}, ["once"]),
        (BOOTCMD, {}, ["boot", "once"]),
        (BOOTCMD, {f"{INSTANCE}/cloud-config.txt": "#cloud-config\n"}, ["once", "once"]),
        (f"{AGAIN}runcmd: [z]\n", {}, ["boot"]),
        (f"{AGAIN}runcmd: [z]\n", {f"{INSTANCE}/scripts/runcmd": "not executable"}, ["once"]),
        (f"{BOOTCMD}cloud_config_modules: [[runcmd, always]]\n", {}, ["boot", "boot"]),
        (ARCHIVE, {}, ["boot"]),
        ("#!/bin/sh\nq\n", {"/etc/cloud/cloud.cfg": AGAIN}, ["boot"]),
        ("#!/bin/sh\nq\n", {}, ["once"]),
    ],
)
def test_what_runs_at_each_boot_counts_where_cloud_init_has_unpacked_it(
    tmp_path: Path, user_data: str, unpacked: dict[str, str], kinds: list[str]
) -> None:
    found, troubles = looked(made(tmp_path, {f"{INSTANCE}/user-data.txt": user_data, **unpacked}))
    assert [each.kind for each in found] == kinds
    assert troubles == []


def test_a_part_of_user_data_has_scripts_run_again_that_lie_unpacked(tmp_path: Path) -> None:
    made(tmp_path, {f"{INSTANCE}/user-data.txt": ARCHIVE, f"{INSTANCE}/scripts/part-002": SCRIPT})
    assert [(each.place.path, each.kind) for each in looked(tmp_path)[0]] == [
        (f"{INSTANCE}/scripts/part-002", "boot"),
        (f"{INSTANCE}/user-data.txt", "once"),
    ]


def test_user_data_that_was_changed_runs_at_the_next_boot(tmp_path: Path) -> None:
    old = {f"{INSTANCE}/user-data.txt": "#!/bin/sh\nq\n", f"{INSTANCE}/cloud-config.txt": "#cloud-config\n"}
    system = SystemFiles(made(tmp_path, {**old, f"{INSTANCE}/scripts/part-001": SCRIPT}))
    kinds = {
        text: [each.kind for each in cloud_init.served(text.encode(), system)] for text in (BOOTCMD, HOOK, ARCHIVE)
    }
    assert kinds == {BOOTCMD: ["boot", "once"], HOOK: ["boot"], ARCHIVE: ["boot"]}
    assert list(cloud_init.served(b"#!/bin/sh\nq\n", system)) == []


def test_what_cannot_be_opened_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    files = {
        "/etc/cloud/cloud.cfg": "a: [",
        "/var/lib/cloud/scripts/per-boot/a": SCRIPT,
        f"{INSTANCE}/user-data.txt": gzip.compress(bytes(50 * 2**20)),
        f"{INSTANCE}/vendor-data.txt": "#include\nhttp://x\n",
    }
    found, troubles = looked(made(tmp_path, files))
    assert [each.command for each in found] == [("/var/lib/cloud/scripts/per-boot/a",)]
    assert troubles == [
        "/etc/cloud/cloud.cfg is not YAML",
        f"{INSTANCE}/user-data.txt: it is compressed and has more than 4194304 bytes",
        f"{INSTANCE}/vendor-data.txt: it includes what lies behind a URL, which was not read",
    ]


def test_a_boothook_is_what_stands_behind_its_first_line(tmp_path: Path) -> None:
    made(tmp_path, {f"{INSTANCE}/user-data.txt": "#cloud-boothook\n#!/usr/bin/python3\nx\n"})
    assert [each.command for each in looked(tmp_path)[0]] == ["#!/usr/bin/python3\nx\n"]


def test_files_that_are_written_and_started(tmp_path: Path) -> None:
    wrote = "#cloud-config\nwrite_files:\n- {path: /opt/x.sh, content: 'curl y'}\n"
    files = {
        f"{INSTANCE}/user-data.txt": f"{wrote}runcmd: [[sh, /opt/x.sh]]\n",
        f"{INSTANCE}/cloud-config.txt": f"{wrote}runcmd: [[sh, /opt/x.sh]]\n",
        "/etc/cloud/cloud.cfg.d/1.cfg": wrote,
    }
    found, _ = looked(made(tmp_path, files))
    assert [(each.command, each.place.path) for each in found] == [
        (("sh", "/opt/x.sh"), f"{INSTANCE}/cloud-config.txt"),
        (("sh", "/opt/x.sh"), f"{INSTANCE}/user-data.txt"),
        ("curl y", f"{INSTANCE}/user-data.txt"),
    ]


@pytest.mark.parametrize(
    ("key", "of_image", "left_out"), [("bootcmd", False, True), ("runcmd", False, False), ("runcmd", True, True)]
)
def test_commands_that_are_too_many_are_left_out_where_they_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, *, of_image: bool, left_out: bool
) -> None:
    monkeypatch.setattr(cloud_init, "COMMANDS_MAX", 2)
    system = SystemFiles(made(tmp_path, {"/etc/cloud/cloud.cfg": f"{key}: [a, b, c]\n"}), of_image=of_image)
    assert len(list(cloud_init.look(system))) == 2
    assert system.take_left_out() == ((LeftOut("/etc/cloud/cloud.cfg", unread.MORE),) if left_out else ())
