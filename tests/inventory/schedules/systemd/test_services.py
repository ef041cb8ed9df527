from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services

ETC, LIB = "/etc/systemd/system", "/usr/lib/systemd/system"
AGENT = """[Unit]
Description=x

[Service]
User=ana
WorkingDirectory=/srv/%i
Environment=URL=http://x
ExecStartPre=-/usr/bin/curl $URL ; /bin/y
ExecStart=/opt/%p --name=%i
ExecStop=/bin/z
[Install]
WantedBy=multi-user.target
"""


def test_all_commands_of_what_is_started(tmp_path: Path) -> None:
    files = {
        f"{LIB}/agent@.service": AGENT,
        f"{ETC}/agent@one.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/opt/other\n",
        f"{ETC}/multi-user.target.wants/agent@one.service": Path(f"{LIB}/agent@.service"),
        f"{LIB}/idle.service": AGENT,
        "/etc/passwd": "ana:x:7:7::/home/ana:/bin/sh\n",
    }
    found = list(services.look(SystemFiles(made(tmp_path, files))))
    assert [(each.command, each.place) for each in found] == [
        (("/usr/bin/curl", "http://x"), Place(f"{LIB}/agent@.service", 8)),
        (("/bin/y",), Place(f"{LIB}/agent@.service", 8)),
        (("/bin/z",), Place(f"{LIB}/agent@.service", 10)),
        (("/opt/other",), Place(f"{ETC}/agent@one.service.d/x.conf", 3)),
    ]
    assert {(each.user, each.directory) for each in found} == {("ana", "/srv/one")}
    assert [each.kind for each in found] == ["boot", "boot", "scheduled", "boot"]
    assert found[0].environment["HOME"] == "/home/ana"


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ("", {"x": "boot", "reload": "scheduled", "stop": "scheduled", "post": "scheduled"}),
        (
            "Type=oneshot\nRemainAfterExit=yes\n",
            {"x": "boot", "reload": "scheduled", "stop": "scheduled", "post": "scheduled"},
        ),
        # It stops as soon as it has done its work.
        ("Type=oneshot\n", {"x": "boot", "reload": "scheduled", "stop": "boot", "post": "boot"}),
    ],
)
def test_a_boot_that_was_watched_need_not_have_stopped_it(tmp_path: Path, settings: str, kinds: dict[str, str]) -> None:
    lines = "ExecStart=/x\nExecReload=/reload\nExecStop=/stop\nExecStopPost=/post\n"
    files = {
        f"{ETC}/a.service": f"[Service]\n{settings}{lines}",
        f"{ETC}/multi-user.target.wants/a.service": Path(f"{ETC}/a.service"),
    }
    found = list(services.look(SystemFiles(made(tmp_path, files))))
    assert {each.command[0].lstrip("/"): each.kind for each in found} == kinds
    assert {each.how_often for each in found if each.kind == "scheduled"} <= {
        "whenever it is reloaded",
        "whenever it is stopped",
    }
    assert {each.every_s for each in found} == {None}


def test_commands_stand_there_once_for_each_way_in_which_they_start(tmp_path: Path) -> None:
    files = {
        f"{ETC}/timers.target.wants/a.timer": Path(f"{LIB}/a.timer"),
        f"{LIB}/a.timer": "[Timer]\nOnBootSec=1\nOnUnitActiveSec=1h\n",
        f"{LIB}/a.service": "[Service]\nExecStart=/x\n",
    }
    found = list(services.look(SystemFiles(made(tmp_path, files))))
    assert [(each.kind, each.how_often, each.every_s) for each in found] == [
        ("scheduled", "hourly", 3600),
        ("boot", "at each boot", None),
    ]


@pytest.mark.parametrize(
    ("line", "every_s"),
    [
        ("[Service]\nExecCondition=/bin/sh -c '[ $(date +%%d) = 01 ]'", None),
        ("[Service]\nExecCondition=-/usr/bin/test -e /run/flag", None),
        ("[Unit]\nConditionPathExists=/run/flag", None),
        ("[Unit]\nConditionPathExists=!/usr/bin/x", 3600),
        ("[Service]\nExecStartPre=/bin/mkdir -p /run/x", 3600),
        ("[Service]\nExecStartPre=+/usr/bin/test -e /run/flag", None),
    ],
)
def test_a_unit_with_a_condition_has_no_set_time(tmp_path: Path, line: str, every_s: float | None) -> None:
    files = {
        f"{ETC}/timers.target.wants/a.timer": Path(f"{LIB}/a.timer"),
        f"{LIB}/a.timer": "[Timer]\nOnUnitActiveSec=1h\n",
        f"{LIB}/a.service": f"{line}\n[Service]\nExecStart=/x\n",
    }
    assert {each.every_s for each in services.look(SystemFiles(made(tmp_path, files)))} == {every_s}


def test_what_a_generator_made_of_an_init_script_and_images_of_disks_are_left_alone(tmp_path: Path) -> None:
    generated = "/run/systemd/generator.late"
    files = {
        f"{generated}/a.service": "[Unit]\nSourcePath=/etc/init.d/a\n[Service]\nExecStart=/etc/init.d/a start\n",
        f"{generated}/multi-user.target.wants/a.service": Path("../a.service"),
        f"{LIB}/b.service": "[Service]\nRootImage=/srv/x\nExecStart=/y\n",
        f"{LIB}/multi-user.target.wants/b.service": Path("../b.service"),
    }
    given = SystemFiles(made(tmp_path, files))
    assert list(services.look(given)) == []
    assert given.troubles == [f"{LIB}/b.service runs in a root of its own, which was not followed"]


def test_a_unit_may_have_a_root_of_its_own(tmp_path: Path) -> None:
    files = {
        f"{LIB}/b@.service": "[Service]\nRootDirectory=/srv/%i/\nWorkingDirectory=/z\nExecStart=/y\n",
        f"{LIB}/multi-user.target.wants/b@one.service": Path("../b@.service"),
    }
    (found,) = services.look(SystemFiles(made(tmp_path, files)))
    assert (found.root, found.command, found.directory) == ("/srv/one", ("/y",), "/z")


def test_without_systemd_there_is_nothing(tmp_path: Path) -> None:
    assert list(services.look(SystemFiles(tmp_path))) == []
