from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_commands as by_line
from imds_probe.inventory.schedules.settings_commands import Language


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_line.nrpe, "command[a]=x -a\ncommand_prefix=/usr/bin/sudo\n", ["/usr/bin/sudo x -a"]),
        (by_line.zabbix, "UserParameter=a[*],x $1,2\nUser=y\n", ["x $1,2"]),
        (by_line.snmpd, "extend -cacheTime 5 .1.3.6 name /x a\npass .1.3.6 /y\nsyslocation /z\n", ["/x a", "/y"]),
        (by_line.snmpd, "extend name python3 /x\npass_persist -p 3 .1.3 /y\n", ["python3 /x", "/y"]),
        (by_line.sshd, "Match User x\n  ForceCommand /x a\nBanner /y\nSubsystem z /z -l\n", ["/x a", "/z -l"]),
        (by_line.pam, "auth optional pam_exec.so log=/y quiet /x a\nauth required pam_x.so /z\n", ["/x a"]),
        (by_line.logrotate, "/v {\n postrotate\n a\n  b\n endscript\n daily\n}\n", [" a\n  b"]),
        (by_line.upstart, "exec /x a\npre-start script\n b\nend script\nenv A=/y\n", ["/x a", " b"]),
        (
            by_line.udev,
            'PROGRAM=="/x %k", IMPORT{program}="y", IMPORT{builtin}="z", RUN{builtin}+="q"\n',
            ["/x %k", "y"],
        ),
        (
            by_line.udev,
            'TAG+="systemd", ENV{SYSTEMD_WANTS}="a.service b@$env{X}.service"\nENV{SYSTEMD_WANTS}+="c@%k"\n',
            ["systemctl start a.service b@x.service", "systemctl start c@x"],
        ),
        (by_line.udev, 'ENV{SYSTEMD_WANTS}=="a.service", ENV{ID}="b"\n', []),
        (by_line.udev, 'NAME="/x" # RUN\n# RUN+="/y"\n', []),
        (by_line.incron, "/d IN_CREATE,IN_MODIFY x $@/$#\n/e\n", ["x $@/$#"]),
        (by_line.acpi, "event=button\naction=/x a\n", ["/x a"]),
        (by_line.inetd, "x stream tcp nowait root /x x -a\ny stream tcp nowait root internal\n", ["/x -a"]),
        (by_line.rsyslog, 'action(type="omprog" binary="/x a")\n*.* ^/y;T\n*.* /var/log/z\n', ["/x a", "/y"]),
        (by_line.aliases, 'a: b, "|/x a"\nc: |/y\nd: /z\n', ["/x a", "/y"]),
        (by_line.fail2ban, "actionban = x <ip>\n  y\nactioncheck =\n[Init]\nname = /z\n", ["x _", "y"]),
        (by_line.inittab, "a:2:wait:/x a\nid:3:initdefault:\n::respawn:/y\n", ["/x a", "/y"]),
        (by_line.dhclient, 'timeout 5;\nscript "/x";\n', ["/x"]),
        (by_line.wireguard, "[Interface]\nPostUp = x -i %i; y\n# PreUp = z\nAddress = 1\n", ["x -i %i; y"]),
        (by_line.openvpn, 'up "/etc/x a"\nclient-connect ./y\nverb 3\n', ["/etc/x a", "./y"]),
        (by_line.postgresql, "archive_command = 'x %p'  \n#restore_command = 'y'\n", ["x %p"]),
        (by_line.certbot, "[renewalparams]\npre_hook = x\nserver = y\n", ["x"]),
        (by_line.uwsgi, "[uwsgi]\nattach-daemon = x\nmodule = y\n", ["x"]),
        (
            by_line.postgresql,
            "archive_command = 'x %p'\t\t# why\nrestore_command 'echo ''a'' # b'\nArchive_Cleanup_Command = ''\nport = 'z'\n",
            ["x %p", "echo 'a' # b"],
        ),
        (by_line.nagios, "define command {\n command_line /x $HOST$\n}\n", ["/x $HOST$"]),
        (
            by_line.nagios,
            "command_name $USER1$/a\ncommand_line\t$USER1$/check_x -H $HOST$\n",
            [f"PATH={':'.join(by_line.PLUGINS)}:$PATH; check_x -H $HOST$"],
        ),
    ],
)
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands
