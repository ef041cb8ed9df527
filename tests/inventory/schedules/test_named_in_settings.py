from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import named_in_settings
from imds_probe.inventory.schedules.system_files import SystemFiles

SCRIPT = "#!/bin/sh\n"
OWN = "/usr/local/bin/x"
CURL = "curl -s http://169.254.169.254/latest/meta-data/"


def looked(at: Path, path: str, content: str, *, executable: bool = False) -> list[tuple[object, ...]]:
    files = {path: content, OWN: SCRIPT, "/etc/passwd": "ana:x:1:1::/home/ana:/bin/sh\n"}
    root = made(at, files, executable=(OWN, *([path] if executable else [])))
    return [(each.command, each.place.line, each.kind) for each in named_in_settings.look(SystemFiles(root))]


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("/etc/nagios/nrpe.d/x.cfg", f"# x\ncommand[x]={OWN} -w 5\n", 2),
        ("/etc/zabbix/zabbix_agentd.d/x.conf", f"UserParameter=x,{OWN} $1\n", 1),
        ("/etc/collectd/collectd.conf", f'<Plugin exec>\n  Exec "nobody" "{OWN}"\n</Plugin>\n', 2),
        ("/etc/telegraf/telegraf.d/x.conf", f'[[inputs.exec]]\ncommands = ["{OWN} -j"]\n', 2),
        ("/etc/keepalived/keepalived.conf", f'vrrp_instance a {{\n  notify_master "{OWN} up"\n}}\n', 2),
        ("/etc/logrotate.d/x", f"/var/log/x {{\n postrotate\n  {OWN}\n endscript\n}}\n", 3),
        ("/etc/udev/rules.d/9.rules", f'ACTION=="add", RUN+="{OWN}"\n', 1),
        ("/etc/supervisor/conf.d/x.conf", f"[program:x]\ncommand={OWN}\n", 2),
        ("/etc/monit/conf.d/x", f"check program x with path {OWN}\n", 1),
        ("/var/spool/incron/root", f"/tmp IN_CREATE {OWN}\n", 1),
        ("/home/ana/.config/systemd/user/x.service", f"[Service]\nExecStart={OWN}\n", 2),
        ("/etc/apt/apt.conf.d/99x", f'DPkg::Post-Invoke {{"{OWN}";}};\n', 1),
        ("/etc/aliases", f'x: "|{OWN}"\n', 1),
    ],
)
def test_programs_by_their_paths(tmp_path: Path, path: str, content: str, line: int) -> None:
    assert looked(tmp_path, path, content) == [((OWN,), line, "scheduled")]


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("/etc/ssh/sshd_config", f"AuthorizedKeysCommand {OWN} %u\n", "login"),
        ("/etc/pam.d/sshd", f"session optional pam_exec.so {OWN}\n", "login"),
        ("/etc/inittab", f"x:2345:respawn:{OWN}\n", "boot"),
    ],
)
def test_programs_of_the_boot_and_of_logins(tmp_path: Path, path: str, content: str, kind: str) -> None:
    found = looked(tmp_path, path, content)
    assert found == [((OWN,), 1, kind)]


@pytest.mark.parametrize(
    ("path", "content", "command"),
    [
        ("/etc/nrpe.d/x.cfg", f'command[x]=/bin/sh -c "{CURL}"\n', f'/bin/sh -c "{CURL}"'),
        ("/etc/logrotate.d/x", f"/x {{\n prerotate\n {CURL} | logger\n endscript\n}}\n", f"{CURL} | logger"),
    ],
)
def test_a_command_in_the_text(tmp_path: Path, path: str, content: str, command: str) -> None:
    assert [each[0] for each in looked(tmp_path, path, content)] == [command]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/nagios/nrpe.d/x.cfg", f"# command[x]={OWN}\ninclude={OWN}\ncommand[y]=/usr/bin/true\n"),
        ("/etc/logrotate.d/x", "/var/log/x { weekly }\n"),
        ("/etc/telegraf/telegraf.conf", f"urls = ['http://x{OWN}']\n"),
        ("/var/spool/cron/atjobs/.SEQ", "1"),
    ],
)
def test_what_runs_nothing(tmp_path: Path, path: str, content: str) -> None:
    assert looked(tmp_path, path, content) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/systemd/system-generators/x", "boot"),
        ("/usr/lib/systemd/system-sleep/x", "scheduled"),
        ("/opt/elasticbeanstalk/hooks/appdeploy/post/x.sh", "scheduled"),
        ("/var/app/current/.platform/hooks/postdeploy/x.sh", "scheduled"),
    ],
)
def test_directories_of_scripts(tmp_path: Path, path: str, kind: str) -> None:
    assert looked(tmp_path, path, SCRIPT, executable=True) == [((path,), None, kind)]
    assert looked(tmp_path / "other", path, "x") == []


def test_a_job_of_at_is_for_a_shell(tmp_path: Path) -> None:
    path = "/var/spool/cron/atjobs/a0001"
    assert looked(tmp_path, path, SCRIPT) == [(("/bin/sh", path), None, "scheduled")]
