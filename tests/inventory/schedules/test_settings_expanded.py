from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_expanded as by_expanded
from imds_probe.inventory.schedules.settings_commands import Language

TOLD = "/x %(ENV_A)s %(program_name)s-%(process_num)02d %(ENV_PATH)s 5%%"


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_expanded.keepalived, 'script "/x a"\nscript_user y\nnotify /z\n', ["/x a", "/z"]),
        (by_expanded.keepalived, 'notify_master "/x eip" root\n  notify_backup\t"/x \\"a b\\"" root adm\n',
         ["/x eip", '/x "a b"']),
        (by_expanded.keepalived, "notify_fault /x a # why\n! notify /z\n#notify /z\nnotify_fifo /z\n", ["/x a"]),
        (by_expanded.keepalived, 'vrrp_script a { script "/x" }\nquorum_up "/y" u\nvrrp_instance b {\n}\n',
         ["/x", "/y"]),
        (by_expanded.keepalived, '$AT=/etc/k\n$W = "eip"\nnotify "${AT}/x $W $OTHER" root\n', ["/etc/k/x eip $OTHER"]),
        (by_expanded.keepalived, 'notify ""\nnotify\n', []),
        (by_expanded.supervisor, "[supervisord]\ncommand=y\n[eventlistener:a]\ncommand=x\n", ["x"]),
        (by_expanded.supervisor, '[program:a]\nenvironment=HOME="/opt",B=\'c d\'\ncommand=%(ENV_HOME)s/x.sh\n',
         ['HOME="/opt" B="c d" /opt/x.sh']),
        (by_expanded.supervisor, "[program:x.sh]\ncommand=/opt/%(program_name)s ; why\n", ["/opt/x.sh"]),
        (by_expanded.supervisor, f"[program:x]\ncommand={TOLD}\n", ["/x ${A} x-0 ${PATH} 5%"]),
        (by_expanded.supervisor, "[supervisord]\nenvironment=A=b\n[program:x]\ncommand=/%(ENV_A)s/x\n",
         ['A="b" /b/x']),
        (by_expanded.supervisor, "[program:x]\nenvironment =\n  PATH=\"/v/bin:%(ENV_PATH)s\",\n  C=d\ncommand =\n  run\n  -a\n",
         ['PATH="/v/bin:${PATH}" C="d" run -a']),
        (by_expanded.supervisor, "[program:x]\nenvironment=A=\"b\ncommand=x\n", ["x"]),
        (by_expanded.supervisor, "[program:x]\n  autostart=false\n  command=x\n[group:y]\ncommand=x\n", []),
    ],
)  # fmt: skip
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands


@pytest.mark.parametrize(
    ("text", "line", "directory"),
    [
        ("[program:x]\ndirectory=/opt/x\ncommand=./run\n", 3, "/opt/x"),
        ("[program:x]\ncommand=./run\ndirectory=/opt/%(program_name)s\n", 2, "/opt/x"),
        ("[program:x]\ncommand=%(here)s/run\n", 2, "."),
        ("[program:x]\ncommand=run\n", 2, "/"),
    ],
)
def test_a_program_of_supervisor_has_a_directory(text: str, line: int, directory: str) -> None:
    assert [(each.line, each.directory) for each in by_expanded.supervisor(text)] == [(line, directory)]
