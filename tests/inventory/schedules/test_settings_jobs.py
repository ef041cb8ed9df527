from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_jobs as by_job
from imds_probe.inventory.schedules.settings_commands import PLUGINS, Language

PATH = f"PATH={':'.join(PLUGINS)}:$PATH; "
CIB = """<cib>
<configuration><resources>
<primitive id="vip" class="ocf" provider="heartbeat" type="awsvip"/>
<template id="t" type='own'
 provider='acme' class='ocf'/><primitive id="a" template="t"/>
<primitive id="f" class="stonith" type="fence_aws">
<primitive id="l" class="lsb" type="job"/>
<primitive id="s" class="systemd" type="nginx"/><primitive class="ocf" provider=".." type="../x"/>
</resources><alerts><alert id="x" path="/opt/tell me.sh"/><alert id="y" path="x"/></alerts></configuration></cib>
"""


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_job.sentinel, "sentinel monitor m 1 2 3\n# sentinel notification-script m /z\n", []),
        (by_job.sentinel, 'sentinel notification-script m /x\nsentinel client-reconfig-script m "/y"\n', ["/x", "/y"]),
        (by_job.repmgr, "node_name='a'\npromote_command='/x ''a'' b' # c\nfollow_command = /y -f\n", ["/x 'a' b", "/y -f"]),
        (by_job.pgpool, "failover_command = '/x %d'\nport = '1'\nrecovery_1st_stage_command='y'\n", ["/x %d", "y"]),
        (by_job.patroni, "postgresql:\n  callbacks:\n    on_start: /x a # b\n    on_stop: '/y'\n  # on_reload: /z\n",
         ["/x a", "/y"]),
        (by_job.patroni, "callbacks: {on_start: /x a, on_stop: \"/y, b\"}\nname: /z\n", ["/x a", "/y, b"]),
        (by_job.patroni, "bootstrap:\n  own:\n    command: sh -c '/x'\nurl: http://command/z\n", ["sh -c '/x'"]),
        (by_job.newrelic, "integrations:\n- name: a\n  exec: /x b\n- exec:\n    - /y\n    - 'b c'\n  interval: 1\n",
         ["/x b", "/y 'b c'"]),
        (by_job.newrelic, "integrations:\n- exec: [/x, 'b c']\n", ["/x 'b c'"]),
        (by_job.newrelic, "exec:\n", []),
        (by_job.borgmatic, "source_directories:\n    - /home\nbefore_backup:\n    - /x a\n    # - /no\n    - '/y'\nkeep_daily: 7\n"
         "exclude_patterns:\n- /z\non_error:\n- /w\n", ["/x a", "/y", "/w"]),
        (by_job.borgmatic, "commands:\n    - before: action\n      when: [a]\n      run:\n          - /x\n    - after: error\n",
         ["/x"]),
        (by_job.rsnapshot, "cmd_preexec\t/x a\n#cmd_postexec\t/y\nretain\tdaily\t7\n", ["/x a"]),
        (by_job.newrelic, 'exec: "/x \\"a b\\" \\\\ c"\n', ['/x "a b" \\ c']),
        (by_job.newrelic, "- exec: |\n    /x\n\n    /y\n  interval: 1\n- exec: >- # why\n    a\n    b\n", ["/x\n\n/y", "a b"]),
        (by_job.icinga, 'object CheckCommand "a" {\n command = [ "/x", "b c" ]\n}\n', ["/x 'b c'"]),
        (by_job.icinga, 'command = [ PluginDir + "/x" ]\ncommand = [ ConfigDir + "/scripts/y" ]\n',
         [f"{PATH}x", "/etc/icinga2/scripts/y"]),
        (
            by_job.pacemaker,
            CIB,
            [
                "/usr/lib/ocf/resource.d/heartbeat/awsvip monitor",
                "/usr/lib/ocf/resource.d/acme/own monitor",
                "/usr/sbin/fence_aws",
                "/etc/init.d/job status",
                "'/opt/tell me.sh'",
            ],
        ),
    ],
)  # fmt: skip
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands


def test_each_stands_in_its_line() -> None:
    assert [each.line for each in by_job.pacemaker(CIB)] == [3, 4, 6, 7, 9]
    assert [each.line for each in by_job.patroni("a:\n  on_stop: x\n")] == [2]
