from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import named_in_settings
from imds_probe.inventory.schedules.commands.settings_named import ANACRONTAB, PROVIDERS, NamedSettings
from imds_probe.inventory.schedules.settings_known import FAIL2BAN, SETTINGS
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

SCRIPT = "#!/bin/sh\n"
OWN = "/usr/local/bin/x"
CURL = "curl -s http://169.254.169.254/latest/meta-data/"
INSTALLED = {
    name if "/" in name else f"/usr/sbin/{name}": SCRIPT for each in (*SETTINGS, FAIL2BAN) for name in each.software
}
Found = list[tuple[object, ...]]


def looked(at: Path, files: dict[str, str], *, executable: str = "") -> tuple[Found, list[str]]:
    """What is found where all software is installed, and what is said."""
    files = {OWN: SCRIPT, "/etc/passwd": "ana:x:1:1::/home/ana:/bin/sh\n"} | files
    system = SystemFiles(made(at, files, executable=(OWN, executable)))
    return [(each.command, each.place.line, each.kind) for each in named_in_settings.look(system)], system.troubles


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("/etc/nagios/nrpe.d/x.cfg", f"# x\ncommand[x]={OWN} -w 5\n", 2),
        ("/etc/zabbix/zabbix_agentd.d/x.conf", f"UserParameter=x,{OWN} -w 5\n", 1),
        ("/etc/collectd/collectd.conf", f'<Plugin exec>\n  Exec "nobody" {OWN} -w 5\n</Plugin>\n', 2),
        ("/etc/telegraf/telegraf.d/x.conf", f'[[inputs.exec]]\ncommands = [\n # "/y"\n "{OWN} -w 5"\n]\n', 2),
        ("/etc/consul.d/x.json", f'{{"checks": [{{\n"args": [\n"{OWN}",\n"-w", "5"]}}]}}', 2),
        ("/etc/keepalived/keepalived.conf", f'vrrp_instance a {{\n  notify_master "{OWN} -w 5"\n}}\n', 2),
        ("/etc/logrotate.d/x", f"/var/log/x {{\n postrotate\n{OWN} -w 5\n endscript\n}}\n", 3),
        ("/etc/udev/rules.d/9.rules", f'ACTION=="add", \\\n RUN+=\\\n"{OWN} -w 5"\n', 1),
        ("/etc/supervisor/conf.d/x.conf", f"[program:x]\ncommand={OWN} -w 5 ; it\n", 2),
        ("/etc/monit/conf.d/x", f'check program x\n with path "{OWN} -w 5"\n', 2),
        ("/var/spool/incron/root", f"/tmp IN_CREATE {OWN} -w 5\n", 1),
        ("/etc/apt/apt.conf.d/99x", f'DPkg::Post-Invoke {{"{OWN} -w 5";}};\n', 1),
        ("/etc/aliases", f'x: "|{OWN} -w 5"\n', 1),
        ("/etc/wireguard/wg0.conf", f"[Interface]\nPostUp = {OWN} -w 5\n", 2),
        ("/etc/openvpn/server/x.conf", f'up "{OWN} -w 5"\n', 1),
        ("/etc/postgresql/15/main/postgresql.conf", f"archive_command = '{OWN} -w 5'\n", 1),
        ("/var/lib/pgsql/14/data/postgresql.conf", f"archive_command = '{OWN} -w 5'\n", 1),
        ("/var/lib/postgresql/14/main/postgresql.auto.conf", f"archive_command = '{OWN} -w 5'\n", 1),
        ("/usr/local/etc/keepalived/keepalived.conf", f'vrrp_instance a {{\n  notify_master "{OWN} -w 5"\n}}\n', 2),
        ("/usr/local/nagios/etc/objects/x.cfg", f"define command {{\n command_line {OWN} -w 5\n}}\n", 2),
        ("/etc/sensu/conf.d/checks/x.json", f'{{"checks": {{"a": {{\n"command": "{OWN} -w 5"}}}}}}', 2),
        ("/etc/monit.conf", f'check program x\n with path "{OWN} -w 5"\n', 2),
        ("/etc/borgmatic/config.yaml", f"hooks:\n  before_backup:\n    - {OWN} -w 5\n", 3),
        ("/etc/rsnapshot.conf", f"cmd_postexec\t{OWN} -w 5\n", 1),
        ("/etc/haproxy/haproxy.cfg", f"program x\n  command {OWN} -w 5\n", 2),
        ("/etc/vector/vector.toml", f'[sources.x]\ncommand = ["{OWN}", "-w", "5"]\n', 2),
        ("/etc/fluent-bit/fluent-bit.conf", f"[INPUT]\n  Command {OWN} -w 5\n", 2),
        ("/var/ossec/etc/shared/g/agent.conf", f"<localfile>\n<command>{OWN} -w 5</command></localfile>\n", 2),
        ("/etc/gitlab-runner/config.toml", f'[[runners]]\npre_build_script = "{OWN} -w 5"\n', 2),
        ("/var/app/current/.ebextensions/x.config", f"commands:\n  a:\n    command: {OWN} -w 5\n", 3),
        ("/etc/check_mk/mrpe.cfg", f"x {OWN} -w 5\n", 1),
        ("/etc/consul-template.d/x.hcl", f'template {{\n command = "{OWN} -w 5"\n}}\n', 2),
        ("/etc/vault.d/x.hcl", f'exec {{\n command = ["{OWN}", "-w", "5"]\n}}\n', 2),
        ("/etc/confd/conf.d/x.toml", f'[template]\nreload_cmd = "{OWN} -w 5"\n', 2),
        ("/etc/logstash/conf.d/x.conf", f'exec {{\ncommand => "{OWN} -w 5" }}\n', 2),
        ("/etc/orchestrator.conf.json", f'{{\n"OnFailureDetectionProcesses": ["{OWN} -w 5"]}}', 2),
        ("/etc/mysql/conf.d/x.cnf", f"[mysqld]\nwsrep_notify_cmd={OWN} -w 5\n", 2),
        ("/etc/maxscale.cnf", f"[x]\nscript={OWN} -w 5\n", 2),
        ("/etc/mha/x.cnf", f"[x]\nreport_script={OWN} -w 5\n", 2),
        ("/opt/splunk/etc/apps/x/local/inputs.conf", f"#\n[script://{OWN} -w 5]\n", 2),
        ("/etc/xinetd.d/x", f"service x\n{{\n server = {OWN}\n server_args = -w 5\n}}\n", 3),
        ("/root/.aws/config", f"[profile x]\ncredential_process = {OWN} -w 5\n", 2),
        ("/var/lib/kubelet/kubeconfig", f'user:\n  exec:\n    command: {OWN}\n    args: ["-w", "5"]\n', 3),
        ("/home/ana/.kube/config", f"user:\n  exec:\n    command: {OWN}\n    args:\n    - -w\n    - '5'\n", 3),
        ("/home/ana/.aws/credentials", f"[x]\ncredential_process={OWN} -w 5\n", 2),
    ],
)
def test_commands_are_named_whole(tmp_path: Path, path: str, content: str, line: int) -> None:
    found, said = looked(tmp_path, {path: content} | INSTALLED)
    assert ([(str(each[0]).removeprefix("cd .. && "), *each[1:]) for each in found], said) == (
        [(f"{OWN} -w 5", line, "scheduled")],
        [],
    )


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("/etc/ssh/sshd_config", f"AuthorizedKeysCommand {OWN}\n", "login"),
        ("/etc/pam.d/sshd", f"session optional pam_exec.so quiet {OWN}\n", "login"),
        ("/etc/inittab", f"x:2345:respawn:{OWN}\n", "boot"),
        ("/etc/fstab", f"{OWN}#x /mnt fuse defaults\n", "boot"),
    ],
)
def test_commands_of_the_boot_and_of_logins(tmp_path: Path, path: str, content: str, kind: str) -> None:
    found, said = looked(tmp_path, {path: content} | INSTALLED)
    assert ([(str(each[0]).partition(" ")[0], *each[1:]) for each in found], said) == ([(OWN, 1, kind)], [])


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/nagios/nrpe.d/x.cfg", f"# command[x]={OWN}\n"),
        ("/etc/nagios/nrpe.d/x.cfg.bak", f"command[x]={OWN}\n"),
        ("/etc/supervisor/conf.d/x.conf.disabled", f"[program:x]\ncommand={OWN}\n"),
        ("/etc/supervisor/conf.d/x.conf", f"[program:x]\nautostart=false\ncommand={OWN}\n"),
        ("/etc/xinetd.d/x", f"service x\n{{\n disable = yes\n server = {OWN}\n}}\n"),
        ("/etc/apt/apt.conf.d/x.bak", f'DPkg::Post-Invoke {{"{OWN}";}};\n'),
        ("/etc/logrotate.d/x.dpkg-old", f"/x {{\n postrotate\n {OWN}\n endscript\n}}\n"),
        ("/etc/logrotate.d/x", f"{OWN} {{\n weekly\n}}\n"),
        ("/etc/pam.d/x.rpmsave", f"session optional pam_exec.so {OWN}\n"),
        ("/etc/monit/conf.d/x", f"check file x with path {OWN}\n if changed checksum then alert\n"),
        ("/etc/telegraf/telegraf.conf", f'[agent]\n  logfile = "{OWN}"\n'),
        ("/etc/fail2ban/action.d/unused.conf", f"actionban = {OWN}\n"),
        ("/etc/inittab", f"x:2345:off:{OWN}\n"),
        ("/root/.aws/config", f"[default]\n# credential_process = {OWN}\nregion = x\n"),
        ("/home/ben/.aws/config", f"[default]\ncredential_process = {OWN}\n"),
        ("/etc/init/x.conf", f"exec {OWN}\n"),
        ("/var/spool/cron/atjobs/.SEQ", "1"),
    ],
)
def test_what_is_surely_not_run(tmp_path: Path, path: str, content: str) -> None:
    assert looked(tmp_path, {path: content} | INSTALLED) == ([], [])


def test_files_that_servers_read(tmp_path: Path) -> None:
    found, _ = looked(tmp_path, {"/etc/nginx/conf.d/x.conf": "js_import main from x.js;\n"} | INSTALLED)
    assert found == [(("(read)", "/etc/nginx/conf.d/x.js", "/etc/nginx/x.js"), 1, "scheduled")]


def test_settings_that_a_program_loads(tmp_path: Path) -> None:
    """uWSGI's name the application: where uWSGI is, it is started with each of them."""
    files = {f"/etc/uwsgi/apps-enabled/{name}": "[uwsgi]\nmodule=main\n" for name in ("a.ini", "README")}
    assert looked(tmp_path, files) == ([], [])
    found, said = looked(tmp_path / "with", files | {"/usr/bin/uwsgi": SCRIPT})
    command = ("/usr/bin/uwsgi", "--include=/etc/uwsgi/apps-enabled/a.ini")
    assert (found, said) == ([(command, None, "scheduled")], [])


@pytest.mark.parametrize(
    ("path", "content", "command"),
    [
        ("/root/.gitconfig", "[credential]\n\thelper = !/opt/x $@\n", "/opt/x $@ get"),
        ("/root/.docker/config.json", '{"credsStore": "ecr-login"}', "docker-credential-ecr-login get"),
        ("/etc/containers/registries.conf", 'credential-helpers = ["ecr-login"]\n', "docker-credential-ecr-login get"),
    ],
)
def test_programs_that_know_credentials(tmp_path: Path, path: str, content: str, command: str) -> None:
    assert [each[0] for each in looked(tmp_path, {path: content} | INSTALLED)[0]] == [command]
    assert looked(tmp_path / "without", {path: content})[0] == []


def test_a_directory_that_a_command_line_names_as_a_file(tmp_path: Path) -> None:
    system = SystemFiles(made(tmp_path, {"/srv/t/a.hcl": f'command = "{OWN}"\n', "/srv/t/b.txt": 'command = "/z"\n'}))
    named = [NamedSettings("consul-template", "/srv/t"), NamedSettings("consul-template", "/srv/none")]
    assert [each.command for each in named_in_settings.of_named(named, None, system)] == [OWN]


def test_kubelet_starts_what_a_directory_has(tmp_path: Path) -> None:
    files = {"/opt/kubelet/x": SCRIPT, "/opt/kubelet/config.yaml": "x"}
    system = SystemFiles(made(tmp_path, files))
    named = [NamedSettings(PROVIDERS, "/opt/kubelet", within=True)]
    assert [each.command for each in named_in_settings.of_named(named, None, system)] == [("/opt/kubelet/x",)]


def test_scripts_of_cgi_need_a_server(tmp_path: Path) -> None:
    script = {"/usr/lib/cgi-bin/x.cgi": SCRIPT}
    assert looked(tmp_path / "without", script) == ([], [])
    found, _ = looked(tmp_path / "with", script | {"/usr/sbin/apache2": SCRIPT})
    assert found == [(("/usr/lib/cgi-bin/x.cgi",), None, "scheduled")]


@pytest.mark.parametrize(
    ("path", "software", "by"),
    [
        ("/etc/facter/facts.d/x.sh", "/usr/bin/facter", ()),
        ("/etc/puppetlabs/facter/facts.d/x", "/opt/puppetlabs/puppet/bin/puppet", ()),
        ("/opt/puppetlabs/puppet/cache/lib/facter/x.rb", "/opt/puppetlabs/puppet/bin/facter", ("(read)",)),
        ("/etc/puppet/modules/own/lib/facter/x.rb", "/usr/bin/puppet", ("(read)",)),
        ("/etc/chef/ohai/plugins/x.rb", "/opt/chef/bin/chef-client", ("(read)",)),
        ("/var/cache/salt/minion/extmods/grains/x.py", "/usr/bin/salt-minion", ("(read)",)),
        ("/etc/datadog-agent/checks.d/x.py", "/opt/datadog-agent/bin/agent/agent", ("(read)",)),
        ("/etc/netdata/custom-plugins.d/x.plugin", "/usr/sbin/netdata", ()),
        ("/etc/td-agent/plugin/x.rb", "/usr/sbin/td-agent", ("(read)",)),
        ("/etc/buildkite-agent/hooks/environment", "/usr/bin/buildkite-agent", ("/bin/sh",)),
        ("/home/ana/airflow/dags/x.py", "/usr/local/bin/airflow", ("(read)",)),
        ("/opt/airflow/plugins/x.py", "/usr/local/bin/airflow", ("(read)",)),
        ("/usr/lib/yum-plugins/x.py", "/usr/sbin/yum-cron", ("(read)",)),
        ("/usr/lib/python3.9/site-packages/dnf-plugins/x.py", "/usr/bin/dnf", ("(read)",)),
        ("/etc/ansible/facts.d/x.fact", OWN, ()),
    ],
)
def test_plug_ins_of_software_that_is_there(tmp_path: Path, path: str, software: str, by: tuple[str, ...]) -> None:
    found = [((*by, path), None, "scheduled")]
    assert looked(tmp_path / "with", {path: SCRIPT, software: SCRIPT})[0] == found
    assert looked(tmp_path / "without", {path: SCRIPT})[0] == (found if software == OWN else [])


@pytest.mark.parametrize(
    "path",
    [
        "/etc/buildkite-agent/hooks/environment.sample",
        "/etc/datadog-agent/checks.d/x.py.example",
        "/etc/chef/ohai/plugins/README.md",
        "/opt/airflow/dags/.airflowignore",
        "/opt/airflow/dags/x.sql",
        "/etc/ansible/facts.d/x.txt",
    ],
)
def test_what_lies_beside_plug_ins_is_not_run(tmp_path: Path, path: str) -> None:
    software = ("buildkite-agent", "datadog-agent", "chef-client", "airflow")
    assert looked(tmp_path, {path: SCRIPT, **{f"/usr/bin/{name}": SCRIPT for name in software}})[0] == []


@pytest.mark.parametrize(
    ("content", "switch", "by"),
    [
        ("import boto3\n", "", "/usr/bin/python3.9"),
        ("import yum\n", "", "(read)"),
        ("import boto3\n", "[main]\nenabled = 1\n", "/usr/bin/python3.9"),
        ("import boto3\n", "[main]\nenabled = 0\n", ""),
        ("import yum\n", "[main]\nEnabled=no\n", ""),
        ("import yum\n", "[main]\n# enabled=0\nenabled=01\n", "(read)"),
    ],
)
def test_plug_ins_that_use_an_sdk_or_are_turned_off(tmp_path: Path, content: str, switch: str, by: str) -> None:
    path = "/usr/lib/python3.9/site-packages/dnf-plugins/x.py"
    files = {path: content, "/usr/bin/dnf": SCRIPT, "/usr/bin/python3.9": SCRIPT}
    files |= {"/etc/dnf/plugins/x.conf": switch} if switch else {}
    assert looked(tmp_path, files)[0] == ([((by, path), None, "scheduled")] if by else [])


def test_methods_of_apt_that_its_lists_name(tmp_path: Path) -> None:
    lists = "# deb s4://x\ndeb [arch=amd64 signed-by=/x.gpg] s3://b.s3.amazonaws.com/ stable main\ndeb http://x y\n"
    of_vendor = "Types: deb\nURIs: https://a own+https://b\n"
    files = {
        **{"/etc/apt/sources.list": lists, "/etc/apt/sources.list.d/x.sources": of_vendor, "/usr/bin/apt-get": SCRIPT},
        "/etc/apt/sources.list.d/y.list.save": "deb s5://x\n",
    }
    found, _ = looked(tmp_path, files)
    assert [(command, line) for command, line, _ in found] == [
        ("/usr/lib/apt/methods/s3", 2),
        ("/usr/lib/apt/methods/own+https", 2),
    ]


def test_a_fact_that_nobody_may_execute_is_data(tmp_path: Path) -> None:
    assert looked(tmp_path, {"/etc/facter/facts.d/x.yaml": "a: b\n", "/usr/bin/facter": SCRIPT})[0] == []


def test_files_that_settings_include(tmp_path: Path) -> None:
    files = {
        "/etc/nagios/nrpe.cfg": "include_dir=/opt/n\n",
        "/opt/n/x.cfg": "command[x]=/opt/x\n",
        "/opt/n/x.old": "command[x]=/opt/y\n",
        "/etc/supervisord.conf": "[include]\nfiles = more/*.ini\n",
        "/etc/more/x.ini": "[program:x]\ncommand=/opt/z\n",
    }
    assert looked(tmp_path, files | INSTALLED) == ([("/opt/x", 1, "scheduled"), ("/opt/z", 2, "scheduled")], [])


def test_software_that_is_not_there(tmp_path: Path) -> None:
    """What another package has put there is nothing to be said."""
    files = {"/etc/nagios/nrpe.cfg": "command[x]=/opt/x\n", "/etc/xinetd.d/x": "{\nserver = /opt/x\n}\n"}
    assert looked(tmp_path, files) == (
        [],
        ["the commands in /etc/nagios/nrpe.cfg were not followed: NRPE was not found where it is usually installed"],
    )
    assert looked(tmp_path / "own", files | {"/opt/n/bin/nrpe": ""})[0] == [("/opt/x", 1, "scheduled")]


def test_actions_that_jails_use(tmp_path: Path) -> None:
    files = {
        "/etc/fail2ban/jail.local": "[sshd]\naction = used[name=x]\n more\n",
        "/etc/fail2ban/action.d/used.conf": "[Definition]\nactionban = /opt/x <ip>\n  /opt/y\n",
        "/etc/fail2ban/action.d/more.conf": "actionban =\n",
        "/etc/fail2ban/action.d/unused.conf": "actionban = /opt/z\n",
    }
    assert looked(tmp_path, files | INSTALLED)[0] == [("/opt/x _", 2, "scheduled"), ("/opt/y", 3, "scheduled")]


def test_who_reads_what_is_for_the_boot(tmp_path: Path) -> None:
    files = {"/etc/init/x.conf": "script\n/opt/x\nend script\n", "/etc/inittab": "x:2:wait:/opt/y\n"}
    assert looked(tmp_path / "a", files | {"/sbin/initctl": ""})[0] == [("/opt/x", 2, "boot")]
    assert looked(tmp_path / "b", files)[0] == [("/opt/y", 1, "boot")]
    assert looked(tmp_path / "c", files | {"/lib/systemd/systemd": ""})[0] == []


DEBIAN = {
    "/etc/logrotate.d/rsyslog": "/var/log/syslog\n{\n\tsharedscripts\n\tpostrotate\n\t\t/usr/lib/rsyslog/rsyslog-rotate\n"
    "\tendscript\n}\n",
    "/etc/nagios/nrpe.cfg": "nrpe_user=nagios\ncommand[check_load]=/usr/lib/nagios/plugins/check_load -r -w .15,.10 -c .30,.25\n"
    "#command[check_x]=/usr/lib/nagios/plugins/check_x $ARG1$\ninclude=/etc/nagios/nrpe_local.cfg\n"
    "include_dir=/etc/nagios/nrpe.d/\n",
    "/etc/zabbix/zabbix_agentd.conf": "PidFile=/run/x.pid\n# UserParameter=\nInclude=/etc/zabbix/zabbix_agentd.d/*.conf\n",
    "/etc/supervisor/supervisord.conf": "[unix_http_server]\nfile=/var/run/supervisor.sock ; (x)\n[include]\n"
    "files = /etc/supervisor/conf.d/*.conf\n",
    "/etc/monit/monitrc": "set daemon 120\n#  check program x with path /x\ninclude /etc/monit/conf.d/*\n",
    "/etc/monit/conf-available/cron": 'check process crond with pidfile /run/x\n start program = "/etc/init.d/cron start"\n',
    "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n",
    "/etc/apt/apt.conf.d/50x": 'Unattended-Upgrade::Mail "";\n//DPkg::Post-Invoke {"x";};\n',
    "/etc/rsyslog.conf": "$IncludeConfig /etc/rsyslog.d/*.conf\n*.*;auth,authpriv.none\t\t-/var/log/syslog\n",
}


def test_the_settings_of_packages_as_debian_has_them(tmp_path: Path) -> None:
    found, said = looked(tmp_path, DEBIAN | INSTALLED)
    assert [each[0] for each in found] == [
        "/usr/lib/nagios/plugins/check_load -r -w .15,.10 -c .30,.25",
        "/usr/lib/openssh/sftp-server",
        "\t\t/usr/lib/rsyslog/rsyslog-rotate",
    ]
    assert said == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/systemd/system-generators/x", "boot"),
        ("/etc/systemd/system-environment-generators/x", "boot"),
        ("/etc/systemd/user-environment-generators/x", "login"),
        ("/usr/lib/systemd/system-sleep/x", "scheduled"),
        ("/opt/elasticbeanstalk/hooks/appdeploy/post/x.sh", "scheduled"),
        ("/var/app/current/.platform/hooks/postdeploy/x.sh", "scheduled"),
    ],
)
def test_directories_of_scripts(tmp_path: Path, path: str, kind: str) -> None:
    assert looked(tmp_path, {path: SCRIPT})[0] == [((path,), None, kind)]
    assert looked(tmp_path / "other", {path: "x", f"{path}.dpkg-old": SCRIPT})[0] == []


def test_a_job_of_at_is_for_a_shell(tmp_path: Path) -> None:
    path = "/var/spool/cron/atjobs/a0001"
    assert looked(tmp_path, {path: SCRIPT})[0] == [(("/bin/sh", path), None, "scheduled")]


@pytest.mark.parametrize("at", ["/etc/facter/facts.d", "/usr/lib/check_mk_agent/plugins", "/etc/cont-init.d"])
def test_all_scripts_of_a_directory_are_run_and_too_many_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    files = {f"{at}/x{number}": SCRIPT for number in range(150)}
    software = {f"/usr/bin/{name}": SCRIPT for name in ("facter", "check_mk_agent", "s6-svscan")}
    system = SystemFiles(made(tmp_path, files | software))
    assert len([each for each in named_in_settings.look(system) if at in each.place.path]) == 150
    assert system.take_left_out() == ()
    monkeypatch.setattr(named_in_settings, "FILES_MAX", 100)
    assert len([each for each in named_in_settings.look(system) if at in each.place.path]) == 100
    assert system.take_left_out() == (LeftOut(at, unread.MORE),)


@pytest.mark.parametrize("installed", [True, False])
def test_so_are_settings_where_their_software_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    monkeypatch.setattr(named_in_settings, "FILES_MAX", 2)
    at = "/etc/zabbix/zabbix_agentd.d"
    files = {f"{at}/{number}.conf": "# x\n" for number in range(4)}
    system = SystemFiles(made(tmp_path, files | ({"/usr/sbin/zabbix_agentd": SCRIPT} if installed else {})))
    assert list(named_in_settings.look(system)) == []
    assert system.take_left_out() == ((LeftOut(f"{at}/2.conf", unread.MORE),) if installed else ())


def test_a_users_own_table_of_anacron(tmp_path: Path) -> None:
    files = {
        "/home/ana/table": "1 5 x job\n",
        "/etc/anacrontab": "1 5 y other\n",
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\nana:x:7:7::/home/ana:/bin/sh\n",
    }
    named = [NamedSettings(ANACRONTAB, path) for path in ("/home/ana/table", "/etc/anacrontab")]
    (found,) = named_in_settings.of_named(named, 7, SystemFiles(made(tmp_path, files)))
    assert (found.command, found.how_often, found.user, found.owner_uid) == ("job", "daily", "ana", 7)
