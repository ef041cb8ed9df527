from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import pm2
from imds_probe.inventory.schedules.commands.programs import READ
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

NODE, SERVER = "/usr/local/bin/node", "/opt/app/server.js"
SAVED, ANAS = "/root/.pm2/dump.pm2", "/home/ana/.pm2/dump.pm2"
PASSWD = "ana:x:1000:1::/home/ana:/bin/sh\n"
WEB = {"pm_exec_path": SERVER, "exec_interpreter": "node", "pm_cwd": "/opt/app"}


def looked(root: Path, *applications: object, path: str = SAVED) -> tuple[list[Scheduled], SystemFiles]:
    made(root, {path: json.dumps(applications), "/etc/passwd": PASSWD, NODE: ""}, executable=(NODE,))
    files = SystemFiles(root)
    return list(pm2.look(files)), files


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ({}, ("node", SERVER)),
        ({"exec_interpreter": NODE}, (NODE, SERVER)),
        ({"node_args": ["--trace-gc"], "args": ["--port", 80]}, ("node", "--trace-gc", SERVER, "--port", "80")),
        ({"args": "--port 80"}, ("node", SERVER, "--port", "80")),
        ({"exec_interpreter": "none", "args": ["x"]}, (SERVER, "x")),
        # Nobody knows where such an interpreter will come from: the script is read by itself.
        ({"exec_interpreter": "/root/.nvm/node"}, (READ, SERVER)),
        ({"exec_interpreter": "node", "env": {"PATH": "/opt/bin"}}, (READ, SERVER)),
    ],
)
def test_what_was_saved_is_started_at_boot(tmp_path: Path, more: dict[str, object], command: tuple[str, ...]) -> None:
    (found,), files = looked(tmp_path, {**WEB, **more})
    assert (found.command, found.place, found.kind, found.how_often) == (command, Place(SAVED), "boot", AT_BOOT)
    assert (found.directory, found.user, found.owner_uid, files.troubles) == ("/opt/app", "root", None, [])


def test_an_application_of_a_user_is_his(tmp_path: Path) -> None:
    ((found,), _) = looked(tmp_path, {**WEB, "env": {"A": "b", "C": 1}}, path=ANAS)
    assert (found.user, found.owner_uid) == ("ana", 1000)
    assert found.environment == {"PATH": PATH, "HOME": "/home/ana", "A": "b"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[", unread.DAMAGED),
        ("[" * 100_000, unread.DAMAGED),
        ("{}", unread.DAMAGED),
        ("[1]", unread.NO_SCRIPT),
        ('[{"pm_exec_path": "server.js"}]', unread.NO_SCRIPT),
        ('[{"pm_exec_path": ["/x"]}]', unread.NO_SCRIPT),
    ],
)
def test_what_makes_no_sense_is_left_out(tmp_path: Path, content: str, why: str) -> None:
    files = SystemFiles(made(tmp_path, {ANAS: content, "/etc/passwd": PASSWD}))
    assert list(pm2.look(files)) == []
    assert files.take_left_out() == (LeftOut(ANAS, why, 1000),)


def test_more_applications_than_anybody_reads_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pm2, "APPLICATIONS_MAX", 1)
    found, files = looked(tmp_path, WEB, WEB)
    assert (len(found), files.take_left_out()) == (1, (LeftOut(SAVED, unread.MORE),))


def test_without_pm2_nothing_is_said(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/root/.pm2/pm2.log": "[]"}))
    assert (list(pm2.look(files)), files.troubles) == ([], [])
