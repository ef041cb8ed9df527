from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_agents as by_agent
from imds_probe.inventory.schedules.settings_commands import Language

SPLUNK = by_agent.splunk("../../..")
WAZUH = """<ossec_config>
<!-- <localfile><command>/z</command></localfile> -->
<wodle name="command">
 <disabled>no</disabled><command>/x "a" &amp;&amp; b</command></wodle>
<wodle name="command"><command>/z</command><disabled>yes</disabled></wodle>
<localfile><log_format>full_command</log_format><command>df -P</command></localfile>
<localfile><location>/z</location></localfile>
<command>
 <name>own</name><executable>own.sh</executable></command>
<active-response><disabled>no</disabled><command>z</command></active-response>
<integration><name>slack</name></integration><integration><name>custom-x</name></integration>
</ossec_config>
"""
RUNNER = """[[runners]]
  name = "pre_build_script = 'z'"
  pre_build_script = "a \\"b\\"\\nc"
  post_build_script = '''
d
'''
  [runners.custom]
    run_exec = '/x'
"""
FSTAB = """# goofys#z /mnt fuse
UUID=1 / ext4 defaults 0 1
/swap none swap sw 0 0
goofys#b /mnt/s3 fuse _netdev 0 0
b:p /mnt/r fuse.rclone noauto
fs-1:/ /efs efs _netdev 0 0
"""


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (SPLUNK, "[script://./bin/x.sh a]\ninterval = 5\n[monitor:///z]\n", ["cd .. && ./bin/x.sh a"]),
        (SPLUNK, "[script://$SPLUNK_HOME/bin/x.sh]\n", ["cd .. && ../../../bin/x.sh"]),
        (SPLUNK, "[script://./bin/x.py a]\n[aws_sqs://own]\nx = y\n[tcp://:514]\n", ["./bin/x.py", "bin/aws_sqs.py"]),
        (SPLUNK, "[script://./bin/x.sh]\ndisabled = true\n[script://]\n[default]\n", []),
        (by_agent.ossec, WAZUH,
         ['/x "a" && b', "df -P", "/var/ossec/active-response/bin/own.sh", "/var/ossec/integrations/custom-x"]),
        (by_agent.ossec, "<localfile><command>x</command><!-- ", ["x"]),
        (by_agent.gitlab_runner, RUNNER, ['a "b"\nc', "d", "/x"]),
        (by_agent.mrpe, "# a /z\nA /x b\nB\t(interval=5:appendage=1) /y\nC\n", ["/x b", "/y"]),
        (by_agent.collectd, 'NotificationExec nobody:x "/x" "b c"\n  LogFile "/y"\n', ["/x 'b c'"]),
        (by_agent.collectd, '<Plugin python>\n ModulePath "/m"\n Import "a.b"\n</Plugin>\n',
         ["/m/a/b.py", "/m/a/b/__init__.py"]),
        (by_agent.collectd, '<Plugin "perl">\n IncludeDir "/p"\n BaseName "C::P"\n LoadPlugin X\n</Plugin>\n', ["/p/C/P/X.pm"]),
        (by_agent.collectd, '<Plugin python>\n Import "a"\n Import "b; c"\n</Plugin>\nImport "d"\n',
         ["python3 -c 'import a'"]),
        (by_agent.fluent_bit, "[INPUT]\n  Name exec\n  Command /x a\n[FILTER]\n  script y.lua\n", ["/x a", "y.lua"]),
        (by_agent.fluent_bit, "pipeline:\n  inputs:\n    - name: exec\n      command: /x 'a'\n", ["/x 'a'"]),
        (by_agent.vector, '[sources.x]\ntype = "exec"\ncommand = ["/x", "a b"]\n', ["/x 'a b'"]),
        (by_agent.vector, "sources:\n  x:\n    command:\n      - /x\n      - a b\n", ["/x 'a b'"]),
        (by_agent.vector, '{"sources": {"x": {"command": ["/x"]}}}', ["/x"]),
        (by_agent.fstab, FSTAB,
         ["mount.ext4 UUID=1 /", "goofys b /mnt/s3", "rclone b:p /mnt/r", "mount.efs fs-1:/ /efs"]),
        (by_agent.orchestrator, '{"PostMasterFailoverProcesses": [\n"/x {a}", "y"], "Other": ["/z"]}', ["/x {a}", "y"]),
        (by_agent.logstash, 'input { exec { command => "/x a" interval => 5 } }\n', ["/x a"]),
        (by_agent.beanstalk, 'commands:\n  a:\n    test: "[ -e \\"/y\\" ]"\n    command: |\n      b\n      c\n    cwd: /z\n',
         ['[ -e "/y" ]', "b\nc"]),
        (by_agent.beanstalk, '{"container_commands": {"a": {"command": "x \\"b\\""}}}', ['x "b"']),
        (by_agent.beanstalk, "container_commands:\n  a:\n    command: >-\n      b\n      c\n", ["b c"]),
        (by_agent.confd, '[template]\nsrc = "z"\nreload_cmd = "/x a"\n', ["/x a"]),
        (by_agent.galera, "[mysqld]\nwsrep_notify_cmd=/x\nwsrep_sst_method=rsync\n", ["/x"]),
        (by_agent.maxscale, "[m]\nscript=/x --event=$EVENT\n", ["/x --event=$EVENT"]),
        (by_agent.mha, "master_ip_failover_script= /x\nuser=z\n", ["/x"]),
    ],
)  # fmt: skip
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands


def test_what_a_program_loads_is_read() -> None:
    found = by_agent.collectd("Exec u /x\n<Plugin python>\nModulePath /m\nImport a\n</Plugin>\n")
    assert [(each.command, each.reads) for each in found] == [
        ("/x", False),
        ("/m/a.py", True),
        ("/m/a/__init__.py", True),
    ]


def test_what_splunk_runs_lies_beside_the_settings_directory() -> None:
    assert [(each.line, each.directory, each.reads) for each in SPLUNK("[script://./a.sh]\n[script://./b.py]\n")] == [
        (1, ".", False),
        (2, ".", True),
    ]
