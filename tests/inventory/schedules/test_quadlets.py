from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules import quadlets
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place
from imds_probe.inventory.schedules.system_files import SystemFiles

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
