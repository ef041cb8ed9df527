from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules.scheduled import When
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.activation import (
    ON_CONNECTION,
    ON_FAILURE,
    ON_PATH,
    WITH_TARGET,
    Activations,
    led_to,
)
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

ETC, LIB = "/etc/systemd/system", "/usr/lib/systemd/system"
BOOT = When("boot", "at each boot")


def started(root: Path, files: dict[str, str | bytes | Path]) -> dict[str, list[When]]:
    units = UnitFiles(SystemFiles(made(root, files)))
    return {name: whens for name, whens in Activations(units).found.items() if units.unit(name)}


def test_what_boot_draws_in(tmp_path: Path) -> None:
    files = {
        f"{LIB}/multi-user.target": "[Unit]\n",
        f"{LIB}/a.service": "[Unit]\nWants=b.service\nRequires=c@%N.service\nOnFailure=f.service\n",
        f"{LIB}/b.service": "[Unit]\nWants=a.service\n",
        f"{LIB}/c@.service": "[Unit]\n",
        f"{LIB}/f.service": "[Unit]\n",
        f"{LIB}/idle.service": "[Unit]\n",
        f"{ETC}/multi-user.target.wants/a.service": Path(f"{LIB}/a.service"),
    }
    assert started(tmp_path, files) == {
        "multi-user.target": [BOOT],
        "a.service": [BOOT],
        "b.service": [BOOT],
        "c@a.service": [BOOT],
        "f.service": [When("scheduled", ON_FAILURE)],
    }


def test_links_count_also_where_the_target_has_no_file(tmp_path: Path) -> None:
    files = {f"{ETC}/multi-user.target.wants/a.service": Path(f"{LIB}/a.service"), f"{LIB}/a.service": "[Unit]\n"}
    assert started(tmp_path, files) == {"a.service": [BOOT]}


def test_the_default_target_counts_by_what_it_leads_to(tmp_path: Path) -> None:
    files = {
        f"{LIB}/kiosk.target": "[Unit]\n",
        f"{LIB}/graphical.target": "[Unit]\n",
        f"{ETC}/default.target": Path(f"{LIB}/kiosk.target"),
        f"{LIB}/kiosk.target.wants/a.service": Path("../a.service"),
        f"{LIB}/graphical.target.wants/b.service": Path("../b.service"),
        f"{LIB}/a.service": "[Unit]\n",
        f"{LIB}/b.service": "[Unit]\n",
    }
    assert set(started(tmp_path, files)) == {"kiosk.target", "a.service"}


def test_timers_paths_and_sockets_start_others(tmp_path: Path) -> None:
    files = {
        f"{ETC}/timers.target.wants/a.timer": Path(f"{LIB}/a.timer"),
        f"{ETC}/paths.target.wants/b.path": Path(f"{LIB}/b.path"),
        f"{ETC}/sockets.target.wants/c.socket": Path(f"{LIB}/c.socket"),
        f"{LIB}/a.timer": "[Timer]\nOnCalendar=daily\nOnBootSec=5min\n",
        f"{LIB}/b.path": "[Path]\n",
        f"{LIB}/c.socket": "[Socket]\nAccept=yes\n",
        f"{LIB}/off.timer": "[Timer]\nOnCalendar=daily\n",
        **{f"{LIB}/{name}.service": "[Unit]\n" for name in ("a", "b", "c@", "off")},
    }
    found = started(tmp_path, files)
    assert found["a.service"] == [When("scheduled", "daily", 86400), BOOT]
    assert found["b.service"] == [When("scheduled", ON_PATH)]
    assert found["c@.service"] == [When("scheduled", ON_CONNECTION)]
    assert "off.service" not in found


def test_what_an_administrator_linked_elsewhere_was_enabled_for_something(tmp_path: Path) -> None:
    files = {
        f"{ETC}/sleep.target.wants/a.service": Path(f"{LIB}/a.service"),
        f"{LIB}/initrd.target.wants/b.service": Path("../b.service"),
        f"{LIB}/a.service": "[Unit]\n",
        f"{LIB}/b.service": "[Unit]\n",
    }
    assert started(tmp_path, files) == {"a.service": [When("scheduled", WITH_TARGET)]}


def test_links_between_units_in_circles_come_to_an_end(tmp_path: Path) -> None:
    files: dict[str, str | bytes | Path] = {
        f"{LIB}/x{at}.target": f"[Unit]\nWants=x{(at + 1) % 50}.target\n" for at in range(50)
    }
    files |= {f"{ETC}/multi-user.target.wants/x0.target": Path(f"{LIB}/x0.target")}
    assert len(started(tmp_path, files)) == 50


def test_what_is_started_with_a_unit_ends_where_units_start_each_other(tmp_path: Path) -> None:
    unit = "/etc/systemd/system"
    root = made(
        tmp_path,
        {
            f"{unit}/a.service": "[Unit]\nWants=b.service none.service\nOnFailure=e.service\n[Service]\nExecStart=/x\n",
            f"{unit}/b.service": "[Unit]\nRequires=a.service c.timer\n",
            f"{unit}/c.timer": "[Timer]\nUnit=d.service\nOnCalendar=daily\n",
            f"{unit}/d.service": "[Service]\nExecStart=/y\n",
            f"{unit}/e.service": "[Service]\nExecStart=/z\n",
        },
    )
    units = UnitFiles(SystemFiles(root))
    assert [each.name for each in led_to(units, ["a.service"], 10)] == [
        "a.service",
        "b.service",
        "e.service",
        "c.timer",
        "d.service",
    ]
    assert len(led_to(units, ["a.service"], 2)) == 2
