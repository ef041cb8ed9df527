from __future__ import annotations

import pkgutil
import tarfile
from pathlib import Path

import pytest
from package_roots import CACHE
from small_roots import SCRIPT, made

from imds_probe.inventory import schedules as package
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import sources
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.sources import SOURCES, of_source, schedules
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles


def test_every_kind_is_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")}
    listed = {each.look.__module__ for each in SOURCES}
    assert {name for name in modules if hasattr(__import__(name, fromlist=["x"]), "look")} == {
        name for name in listed if ".systemd." not in name
    }
    assert len(listed) == len(SOURCES)


def test_all_kinds_of_one_system_and_what_was_not_read(tmp_path: Path) -> None:
    files = {
        "/etc/crontab": "@daily root a\nodd\n",
        "/etc/cron.daily/b": SCRIPT,
        "/etc/rc.local": SCRIPT,
        "/etc/systemd/system/multi-user.target.wants/c.service": Path("/etc/systemd/system/c.service"),
        "/etc/systemd/system/c.service": "[Service]\nExecStart=/c\n",
        "/etc/profile.d/d.sh": "",
        "/var/spool/cron/atjobs/a1": "",
        "/var/spool/fcron/x": "",
    }
    found = list(schedules(made(tmp_path, files)))
    assert [each.kind for each in found if isinstance(each, Scheduled)] == [
        "scheduled",
        "scheduled",
        "boot",
        "boot",
        "login",
        "scheduled",
    ]
    assert [each for each in found if isinstance(each, str)] == [
        "line 2 of /etc/crontab is not a line of a crontab",
        "crontabs of fcron were not read, and /var/spool/fcron/x has some",
    ]


def test_only_what_somebody_starts(tmp_path: Path) -> None:
    made(
        tmp_path,
        {"/etc/crontab": "@daily root a\n", "/etc/cron.daily/b": SCRIPT, "/etc/rc.local": SCRIPT, "/etc/profile": ""},
    )
    kinds = {
        by: [each.kind for each in schedules(tmp_path, [by]) if isinstance(each, Scheduled)] for by in ("cron", "init")
    }
    assert kinds == {"cron": ["scheduled", "scheduled"], "init": ["boot", "login"]}


def test_of_one_kind_there_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SCHEDULED_MAX", 2)
    found = list(schedules(made(tmp_path, {"/etc/crontab": "@daily root a\n" * 5, "/etc/profile": ""})))
    assert [each if isinstance(each, str) else each.kind for each in found] == [
        "scheduled",
        "scheduled",
        "crontabs: more than 2 were found, and the rest was not read",
        "login",
    ]


def test_no_user_takes_the_room_of_another_or_of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "OF_USER_MAX", 2)
    passwd = "".join(f"{name}:x:{uid}:1::/home/{name}:/bin/sh\n" for name, uid in (("ann", 7), ("zoe", 8), ("root", 0)))
    spool = {f"/var/spool/cron/{name}": "@daily a\n" * lines for name, lines in (("ann", 9), ("root", 3), ("zoe", 2))}
    files = SystemFiles(made(tmp_path, {"/etc/passwd": passwd, **spool}))
    found = [each.user for source in SOURCES for each in of_source(source, files)]
    assert found == ["root"] * 3 + ["ann"] * 2 + ["zoe"] * 2
    assert files.take_left_out() == (LeftOut("/var/spool/cron/ann", unread.MORE, 7),)
    assert files.owner_uid is None


def test_what_is_of_users_comes_last() -> None:
    of_users = [each.of_users for each in SOURCES]
    assert of_users == sorted(of_users)


def test_debians_own_system(tmp_path: Path) -> None:
    """What Debian's packages bring, as their manuals have it."""
    with tarfile.open(CACHE / "debian-roots" / "bullseye-systemd.tar") as archive:
        wanted = ("./etc/", "./lib", "./usr/lib/systemd/", "./lib/systemd/", "./root/")
        members = [member for member in archive if member.name.startswith(wanted) and not member.isdev()]
        archive.extractall(tmp_path, members, filter="tar")
    found = [each for each in schedules(tmp_path) if isinstance(each, Scheduled)]
    by_place = {(each.place.path, each.kind): each for each in found}
    assert by_place["/etc/cron.d/e2scrub_all", "scheduled"].how_often in ("weekly", "daily")
    assert by_place["/etc/cron.daily/dpkg", "scheduled"].how_often == "daily"
    assert by_place["/usr/lib/systemd/system/fstrim.service", "scheduled"].how_often == "weekly"
    assert by_place["/usr/lib/systemd/system/apt-daily.service", "scheduled"].every_s == 24 * 3600
    assert by_place["/usr/lib/systemd/system/systemd-journald.service", "boot"].command == (
        "/lib/systemd/systemd-journald",
    )
    assert by_place["/etc/profile", "login"].command == ("/bin/sh", "/etc/profile")
    assert not any(each.place.path.startswith("/etc/init.d/") for each in found)
