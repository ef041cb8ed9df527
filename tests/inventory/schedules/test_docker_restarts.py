from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import docker_restarts
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

AT = "/var/lib/docker/containers/1"
RECORD = {
    "State": {"Running": False, "ExitCode": 137},
    "Path": "/bin/sh",
    "Args": ["-c", "x"],
    "Config": {"Image": "acme/app:1", "Env": ["A=b=c", "odd"], "WorkingDir": "/srv"},
}
SETTINGS = {"RestartPolicy": {"Name": "always"}, "NetworkMode": "default"}


def look(
    root: Path, record: object = RECORD, settings: object = SETTINGS, at: str = AT, **more: str
) -> tuple[list[Scheduled], list[str]]:
    files = {f"{at}/config.v2.json": json.dumps(record), f"{at}/hostconfig.json": json.dumps(settings), **more}
    system = SystemFiles(made(root, files))
    return list(docker_restarts.look(system)), system.troubles


def test_a_stopped_container_starts_again_with_docker(tmp_path: Path) -> None:
    (found,), troubles = look(tmp_path)
    assert found == Scheduled(
        ("/bin/sh", "-c", "x"),
        Place(f"{AT}/config.v2.json"),
        "boot",
        "at each boot",
        environment={"A": "b=c"},
        directory="/srv",
        image="acme/app:1",
        whole=True,
    )
    assert troubles == []


@pytest.mark.parametrize(
    ("policy", "changes", "starts"),
    [
        ("always", {"HasBeenManuallyStopped": True}, True),
        ("unless-stopped", {}, True),
        ("unless-stopped", {"HasBeenManuallyStopped": True}, False),
        ("on-failure", {}, True),
        ("on-failure", {"State": {"ExitCode": 0}}, False),
        ("no", {}, False),
        ("", {}, False),
        ("always", {"State": {"Running": True}}, False),  # it is found by its processes
    ],
)
def test_which_docker_starts_again(tmp_path: Path, policy: str, changes: dict[str, object], starts: bool) -> None:
    found, _ = look(tmp_path, {**RECORD, **changes}, {"RestartPolicy": {"Name": policy}})
    assert len(found) == starts


@pytest.mark.parametrize(
    ("policy", "changes", "starts"),
    [
        ("always", {}, True),
        ("unless-stopped", {}, True),
        ("on-failure", {"State": {"Running": True, "ExitCode": 0}}, True),
        ("no", {}, False),
        ("on-failure", {"State": {"Running": False, "ExitCode": 0}}, False),
    ],
)
def test_what_ran_while_an_image_was_made_starts_with_its_instances(
    tmp_path: Path, policy: str, changes: dict[str, object], starts: bool
) -> None:
    record = {**RECORD, "State": {"Running": True}, **changes}
    files = {f"{AT}/config.v2.json": json.dumps(record)}
    files[f"{AT}/hostconfig.json"] = json.dumps({"RestartPolicy": {"Name": policy}})
    system = SystemFiles(made(tmp_path, files), of_image=True)
    assert len(list(docker_restarts.look(system))) == starts


def test_what_of_the_host_lies_in_it(tmp_path: Path) -> None:
    points = {
        "/app": {"Type": "bind", "Source": "/srv/app"},
        "/data": {"Type": "volume", "Source": "/var/lib/docker/volumes/data/_data"},
        "/tmp": {"Type": "tmpfs", "Source": ""},
        "odd": {"Source": "/x"},
        "/none": [],
    }
    (found,), _ = look(tmp_path, {**RECORD, "MountPoints": points})
    assert found.mounts == (("/srv/app", "/app"), ("/var/lib/docker/volumes/data/_data", "/data"))


@pytest.mark.parametrize(
    ("mode", "own"),
    [("bridge", True), ("backend", True), ("host", False), ("none", False), ("container:ab", False), (None, True)],
)
def test_its_network(tmp_path: Path, mode: str | None, own: bool) -> None:
    (found,), _ = look(tmp_path, settings={**SETTINGS, "NetworkMode": mode})
    assert found.own_network is own


def test_docker_may_keep_them_elsewhere(tmp_path: Path) -> None:
    daemon = {"/etc/docker/daemon.json": '{"data-root": "/srv/docker/"}'}
    (found,), _ = look(tmp_path, at="/srv/docker/containers/2", **daemon)
    assert found.place.path == "/srv/docker/containers/2/config.v2.json"


@pytest.mark.parametrize("settings", [[], {"RestartPolicy": []}, {"RestartPolicy": {"Name": ["always"]}}])
def test_what_makes_no_sense_starts_nothing(tmp_path: Path, settings: object) -> None:
    assert look(tmp_path, settings=settings) == ([], [])


def test_what_is_not_json_is_said(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {f"{AT}/hostconfig.json": "{", f"{AT}/config.v2.json": "{}"}))
    assert list(docker_restarts.look(files)) == []
    assert files.troubles == [f"{AT}/hostconfig.json is not JSON"]


HEALTH = {"Test": ["CMD-SHELL", "curl x"], "Interval": 5_000_000_000}


def test_how_its_health_is_checked_once_it_runs(tmp_path: Path) -> None:
    found, _ = look(tmp_path, {**RECORD, "Config": {**RECORD["Config"], "Healthcheck": HEALTH}})
    assert [(each.command, each.kind, each.every_s, each.image, each.whole) for each in found] == [
        (("/bin/sh", "-c", "x"), "boot", None, "acme/app:1", True),
        (("/bin/sh", "-c", "curl x"), "scheduled", 5.0, "acme/app:1", True),
    ]
    assert found[1].environment == {"A": "b=c"}


def test_more_containers_than_are_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look(tmp_path)
    look(tmp_path, at=AT.replace("/1", "/2"))
    system = SystemFiles(tmp_path)
    monkeypatch.setattr(docker_restarts, "CONTAINERS_MAX", 1)
    assert len(list(docker_restarts.look(system))) == 1
    assert system.take_left_out() == (LeftOut("/var/lib/docker/containers", unread.MORE),)
