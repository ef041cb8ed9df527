from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import quadlets
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

AT, UNITS = "/etc/containers/systemd", "/etc/systemd/system"
WEB = """[Unit]
Description=x

[Container]
Image=registry/web:2
Exec=serve --port "80 81"
Environment=A=b C=d
Environment="E=f g"
WorkingDir=/srv

[Install]
WantedBy=multi-user.target default.target
"""


def test_one_that_the_boot_starts(tmp_path: Path) -> None:
    made(
        tmp_path,
        {f"{AT}/web.container": WEB, "/usr/share/containers/systemd/web.container": "[Container]\nImage=old\n"},
    )
    (found,) = quadlets.look(SystemFiles(tmp_path))
    assert (found.image, found.command, found.whole) == ("registry/web:2", ("serve", "--port", "80 81"), False)
    assert (found.kind, found.how_often, found.place) == ("boot", AT_BOOT, Place(f"{AT}/web.container", 5))
    assert found.own_network
    assert (found.environment, found.directory) == ({"A": "b", "C": "d", "E": "f g"}, "/srv")


def test_one_that_a_timer_starts(tmp_path: Path) -> None:
    timer = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
    target = "[Unit]\nWants=timers.target\n"
    units = {f"{UNITS}/job.timer": timer, "/usr/lib/systemd/system/multi-user.target": target}
    link = {f"{UNITS}/timers.target.wants/job.timer": Path("/etc/systemd/system/job.timer")}
    made(tmp_path, {**units, **link, "/usr/lib/systemd/system/timers.target": "[Unit]\n"})
    made(
        tmp_path,
        {
            f"{AT}/job.container": "[Container]\nImage=job.image\nEntrypoint=/run\nNetwork=host\n",
            f"{AT}/job.image": "[Image]\nImage=acme/job:1\n",
        },
    )
    (found,) = quadlets.look(SystemFiles(tmp_path))
    assert (found.image, found.command, found.whole) == ("acme/job:1", ("/run",), True)
    assert (found.kind, found.how_often, found.every_s) == ("scheduled", "daily", 86400.0)
    assert not found.own_network


def test_one_of_a_pod_that_the_boot_starts(tmp_path: Path) -> None:
    pod = "[Pod]\n[Install]\nWantedBy=default.target\n"
    made(tmp_path, {f"{AT}/a.container": "[Container]\nImage=x\nPod=a.pod\n", f"{AT}/a.pod": pod})
    assert [(each.image, each.kind) for each in quadlets.look(SystemFiles(tmp_path))] == [("x", "boot")]


def test_what_nothing_starts_is_no_schedule(tmp_path: Path) -> None:
    made(tmp_path, {f"{AT}/a.container": "[Container]\nImage=x\n", f"{AT}/b.network": WEB, f"{AT}/c.container": ""})
    assert list(quadlets.look(SystemFiles(tmp_path))) == []
    assert list(quadlets.look(SystemFiles(tmp_path / "none"))) == []


KUBE = """kind: Pod
metadata: {name: p}
spec:
  containers:
  - {image: "x:1", command: [/a]}
  - {image: "y:1", livenessProbe: {exec: {command: [/b]}}}
"""


def test_pods_that_a_unit_plays(tmp_path: Path) -> None:
    unit = "[Kube]\nYaml=pods/p.yml\nNetwork=host\n[Install]\nWantedBy=default.target\n"
    files = SystemFiles(made(tmp_path, {f"{AT}/p.kube": unit, f"{AT}/pods/p.yml": KUBE}))
    found = list(quadlets.look(files))
    assert [(each.image, each.command, each.kind) for each in found] == [
        ("x:1", ("/a",), "boot"),
        ("y:1", (), "boot"),
        ("y:1", ("/b",), "scheduled"),
    ]
    assert {(each.place, each.own_network) for each in found} == {(Place(f"{AT}/pods/p.yml"), False)}
    assert files.take_left_out() == ()
    (tmp_path / AT[1:] / "pods/p.yml").unlink()
    assert list(quadlets.look(files)) == []
    assert files.take_left_out() == (LeftOut(f"{AT}/p.kube", unread.NO_SCRIPT),)


@pytest.mark.parametrize(
    ("said", "checks"),
    [
        ("HealthCmd=curl x", [("/bin/sh", "-c", "curl x")]),
        ('HealthCmd=["CMD", "a", "b"]', [("a", "b")]),
        ("HealthCmd=none", []),
    ],
)
def test_how_its_health_is_checked(tmp_path: Path, said: str, checks: list[tuple[str, ...]]) -> None:
    made(tmp_path, {f"{AT}/a.container": f"[Container]\nImage=x\n{said}\n[Install]\nWantedBy=a\n"})
    begins, *found = quadlets.look(SystemFiles(tmp_path))
    assert (begins.check, [each.command for each in found]) == ((), checks)
    assert all(each.whole and each.kind == "scheduled" for each in found)


def test_where_nothing_is_said_of_its_health_the_image_counts(tmp_path: Path) -> None:
    made(tmp_path, {f"{AT}/web.container": WEB})
    assert [each.check for each in quadlets.look(SystemFiles(tmp_path))] == [None]


def test_drop_ins_directories_and_volumes_count(tmp_path: Path) -> None:
    drop_in = "[Container]\nExec=/srv/x\nVolume=/opt:/srv:ro\nVolume=data:/data\n[Install]\nWantedBy=a\n"
    files = {f"{AT}/deep/a.container": "[Container]\nImage=x\n", f"{AT}/deep/a.container.d/x.conf": drop_in}
    files[f"{AT}/users/1000/b.container"] = WEB
    (found,) = quadlets.look(SystemFiles(made(tmp_path, files)))
    assert (found.image, found.command, found.mounts) == ("x", ("/srv/x",), (("/opt", "/srv"),))


@pytest.mark.parametrize(("limit", "place"), [("FILES_MAX", AT), ("DIRECTORIES_MAX", AT)])
def test_more_than_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, place: str) -> None:
    files = SystemFiles(made(tmp_path, {f"{AT}/{at}{name}.container": WEB for at in ("", "a/", "b/") for name in "xy"}))
    assert len(list(quadlets.look(files))) == 2
    monkeypatch.setattr(quadlets, limit, 1)
    assert len(list(quadlets.look(files))) == (1 if limit == "FILES_MAX" else 2)
    assert LeftOut(place, unread.MORE) in files.take_left_out()
