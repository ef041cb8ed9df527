from __future__ import annotations

from pathlib import Path

from small_roots import SCRIPT, made

from imds_probe.inventory.schedules import init_scripts
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles


def looked(root: Path) -> list[tuple[str, ...] | str]:
    found = list(init_scripts.look(SystemFiles(root)))
    assert {each.kind for each in found} <= {"boot"}
    assert all(each.place == Place(each.command[0]) for each in found)
    return [each.command for each in found]


def test_scripts_of_run_levels_run_once_each(tmp_path: Path) -> None:
    files = {
        "/etc/init.d/agent": SCRIPT,
        "/etc/init.d/stopped": SCRIPT,
        "/etc/rc3.d/S20agent": Path("../init.d/agent"),
        "/etc/rc5.d/S20agent": Path("../init.d/agent"),
        "/etc/rc0.d/S20stopped": Path("../init.d/stopped"),
        "/etc/rc3.d/K20stopped": Path("../init.d/stopped"),
        "/etc/rc3.d/S30gone": Path("../init.d/gone"),
        "/etc/rcS.d/S01own": SCRIPT,
        "/etc/rc.d/rc5.d/S99more": SCRIPT,
    }
    assert looked(made(tmp_path, files)) == [
        ("/etc/init.d/agent", "start"),
        ("/etc/rcS.d/S01own", "start"),
        ("/etc/rc.d/rc5.d/S99more", "start"),
    ]


def test_a_unit_of_the_name_stands_in_a_scripts_place(tmp_path: Path) -> None:
    files = {
        "/etc/init.d/agent": SCRIPT,
        "/etc/init.d/hwclock.sh": SCRIPT,
        "/etc/init.d/other": SCRIPT,
        "/etc/rc3.d/S20agent": Path("../init.d/agent"),
        "/etc/rc3.d/S20hwclock.sh": Path("../init.d/hwclock.sh"),
        "/etc/rc3.d/S20other": Path("../init.d/other"),
        "/usr/lib/systemd/system/agent.service": "",
        "/usr/lib/systemd/system/hwclock.service": Path("/dev/null"),
        "/run/systemd/generator.late/other.service": "[Unit]\nSourcePath=/etc/init.d/other\n",
    }
    assert looked(made(tmp_path, files)) == [("/etc/init.d/other", "start")]


def test_local_scripts_have_to_be_executable_and_run_once(tmp_path: Path) -> None:
    files = {
        "/etc/rc.d/rc.local": SCRIPT,
        "/etc/rc.local": Path("rc.d/rc.local"),
        "/etc/init.d/boot.local": "x",
        "/etc/local.d/a.start": SCRIPT,
        "/etc/local.d/a.stop": SCRIPT,
    }
    assert looked(made(tmp_path, files)) == [("/etc/rc.local", "start"), ("/etc/local.d/a.start",)]


def test_openrcs_run_levels(tmp_path: Path) -> None:
    files = {
        "/etc/init.d/crond": "#!/sbin/openrc-run\n",
        "/etc/init.d/halt": "#!/sbin/openrc-run\n",
        "/etc/runlevels/default/crond": Path("/etc/init.d/crond"),
        "/etc/runlevels/shutdown/halt": Path("/etc/init.d/halt"),
    }
    assert looked(made(tmp_path, files)) == [("/etc/init.d/crond", "start")]
