"""Units that a command starts have their commands run, whether or not they are enabled."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import units_started
from imds_probe.inventory.schedules.commands.followed import InRoot
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.units_started import Asked, Units, asked, with_kind
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

UNITS = "/etc/systemd/system"
FILES: dict[str, str | bytes | Path] = {
    f"{UNITS}/n.service": (
        "[Unit]\nWants=w.service\n[Service]\nEnvironment=A=b\nWorkingDirectory=/opt\n"
        "ExecStartPre=/usr/bin/a\nExecStart=/bin/sh -c 'exec $A'\nExecReload=/opt/reload\nExecStop=/opt/stop\n"
    ),
    f"{UNITS}/w.service": "[Service]\nExecStart=/opt/w\n",
    f"{UNITS}/n.timer": "[Timer]\nOnCalendar=daily\n",
    f"{UNITS}/job@.service": "[Service]\nExecStart=/opt/%i\n",
    f"{UNITS}/jail.service": "[Service]\nRootDirectory=/srv/jail\nExecStart=/opt/inner\n",
    f"{UNITS}/round.service": "[Service]\nExecStart=/usr/bin/a\nExecStartPost=/usr/bin/systemctl restart round\n",
    "/lib/systemd/system/shipped.service": "[Service]\nExecStart=/usr/bin/b\n",
    "/etc/init.d/old": SCRIPT + "a\n",
    **{f"/opt/{name}": SCRIPT for name in ("w", "reload", "stop", "one")},
}
STARTED = ["a", "b", "/opt/reload", "/opt/stop", "/opt/w"]


@pytest.fixture
def root(root: Path) -> Path:
    scripts = [name for name in FILES if not name.startswith((UNITS, "/lib"))]
    (root / "usr/lib").mkdir(parents=True, exist_ok=True)
    return made(root, FILES, executable=scripts)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("systemctl start n.service", STARTED),
        ("/usr/bin/systemctl --no-block -t service restart n", STARTED),
        ("sudo systemctl try-restart n", STARTED),
        ("systemctl start n.timer", STARTED),
        ("systemctl enable --now n", STARTED),
        ("systemctl isolate n", STARTED),
        ("service n restart", STARTED),
        ("/usr/sbin/invoke-rc.d --quiet n start", STARTED),
        ("systemctl reload n", ["/opt/reload"]),
        ("systemctl stop n", ["/opt/stop"]),
        ("systemctl disable --now n", ["/opt/stop"]),
        ("systemctl enable n", []),
        ("systemctl is-active n", []),
        ("systemctl status n", []),
        ("systemctl --user start n", []),
        ("systemctl -H other start n", []),
        ("systemctl start none", []),
        ("systemctl", []),
        ("systemctl start job@one", ["/opt/one"]),
        ("systemctl start round", ["a"]),
        ("systemctl restart 'ship*'", ["b"]),
        ("service old restart", ["/etc/init.d/old", "a"]),
        ("service none restart", []),
        ("for s in w shipped; do systemctl restart $s; done", ["/opt/w", "b"]),
        ('restart() { systemctl restart "$1"; }; restart w', ["/opt/w"]),
    ],
)
def test_what_a_command_has_systemd_run(root: Path, command: str, expected: list[str]) -> None:
    found = followed(root, command)
    assert names(found) == expected
    assert found.unfollowed == ()
    assert not any(each.perhaps for each in found.started)


def test_a_units_command_has_its_surroundings_and_is_a_text_of_its_own(root: Path) -> None:
    found = followed(root, "systemctl start n")
    (a, *_) = found.started
    assert (a.environment["A"], a.directory) == ("b", "/opt")
    assert f"{UNITS}/n.service" in {each.path for each in found.held}
    assert "/bin/sh -c 'exec $A'" in {each.text for each in found.held}
    assert followed(root, "systemctl start jail").roots == (
        InRoot(
            "/srv/jail", ("/opt/inner",), "/", {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        ),
    )


def test_units_of_which_only_a_part_is_known_are_perhaps_started(root: Path) -> None:
    found = followed(root, "systemctl restart ship$NONE")
    assert [(name, each.perhaps) for name, each in zip(names(found), found.started, strict=True)] == [("b", True)]
    found = followed(root, "systemctl restart $NONE")
    assert "/opt/w" in names(found)
    assert "b" in names(found)  # of n.service; a distribution's own is started by itself or not at all
    assert all(each.perhaps for each in found.started)


def test_what_was_looked_up_for_one_schedule_is_noted_for_the_next(root: Path) -> None:
    files = SystemFiles(root)
    commands = Following(files)
    for place in (1, 2):
        files.trail = set()
        commands.follow(
            Scheduled("systemctl start w", Place("/etc/crontab", place), "boot", "x", directory=f"/opt/{place}")
        )
        assert {f"{UNITS}/w.service", "/opt/w"} <= files.trail


def test_names_are_whole_and_what_is_asked_is_told(tmp_path: Path) -> None:
    assert [with_kind(each) for each in ("n", "n.timer", "a.b")] == ["n.service", "n.timer", "a.b.service"]
    assert asked("systemctl", ("systemctl", "start", None, "b")) == Asked("start", (2, 3))
    assert asked("service", ("service", "--status-all")) is None
    assert asked("ls", ("ls", "start", "n")) is None
    assert Units(SystemFiles(tmp_path)).commands(UNKNOWN, "start") == ()


def test_units_that_are_too_many_are_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = Units(SystemFiles(root))
    whole = {each.place.path for each in units.commands("n.service", "start")}
    assert (whole, units.files.take_left_out()) == ({f"{UNITS}/n.service", f"{UNITS}/w.service"}, ())
    monkeypatch.setattr(units_started, "UNITS_MAX", 1)
    units = Units(SystemFiles(root))
    assert {each.place.path for each in units.commands("n.service", "start")} == {f"{UNITS}/n.service"}
    assert units.files.take_left_out() == (LeftOut(f"{UNITS}/n.service", unread.MORE),)
