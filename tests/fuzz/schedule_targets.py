"""Targets: what will run, by crontabs, units, cloud-init and all others, and what their commands would start."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check, choose, chosen

from imds_probe.inventory.schedules.codedeploy import AGENT
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.named import named
from imds_probe.inventory.schedules.jenkins import INSTALLED
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.sources import schedules
from imds_probe.inventory.schedules.system_files import SystemFiles

SCRIPT = '#!/bin/sh\ncd "$(dirname "$0")" && . ./x; sudo -u a env A=b flock /l timeout 5 sh -c \'y; z\'\n'
UNIT = (
    "[Unit]\nWants=b.service\n[Service]\nUser=a\nEnvironment=A='b c' D=%i\nEnvironmentFile=/etc/default/x\n"
    "ExecStart=-/usr/bin/x ${A} $D %% \\x41 \\101 ; /bin/y\n[Timer]\nOnCalendar=Mon..Fri *-*-1/2 10:00\nOnUnitActiveSec=1h 30min\n"
)
USER_DATA = (
    'Content-Type: multipart/mixed; boundary="=b"\n\n--=b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nx\n--=b\n'
    "Content-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\nI2Nsb3VkLWNvbmZpZwpib290Y21kOiBbeF0K\n--=b--\n"
)
WRITTEN = (
    "#cloud-config\nwrite_files:\n- {path: /etc/cron.d/x, content: '@daily root /y'}\n- {path: /z, content: x, append: true}\n"
    "- {path: /y, permissions: '0755', encoding: gz+b64, content: H4sIAAAAAAACA6vgAgCzQhAHAgAAAA==}\n"
)
POD = "spec:\n  containers:\n  - {image: x, command: [/y], args: [1], env: [{name: A, value: b}]}\n"
PODS = (
    "kind: List\nitems:\n- kind: Deployment\n  metadata: {name: a}\n  spec:\n    template:\n      spec:\n"
    "        volumes: [{name: v, hostPath: {path: /v}}]\n        containers:\n        - image: x\n"
    "          volumeMounts: [{name: v, mountPath: /w, subPath: u}]\n"
    "          livenessProbe: {exec: {command: [/y]}, periodSeconds: 3}\n          lifecycle: {preStop: {exec: {command: [/z]}}}\n"
    "---\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}\n"
)
STOPPED = "/var/lib/docker/containers/1"
SYSTEMD, CLOUD = "/etc/systemd/system", "/var/lib/cloud/instance"
# A file of each kind, and what it is like.
FILES: Mapping[str, str | bytes] = {
    "/etc/crontab": "A=b\n17 *\t* * * root x %y\n*/5 1-3,7 1 jan mon a b && c\n@daily root d\n0~9 0 * * 7 root e\n",
    "/var/spool/cron/root": "@reboot x\n-1 2 3 4 5 y\n",
    "/etc/anacrontab": "A=b\n1 5 x nice y\n@monthly 9 z run-parts /etc/cron.monthly\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\na:x:1:1::/home/a:/bin/zsh\n",
    f"{SYSTEMD}/a@.service": UNIT,
    f"{SYSTEMD}/a@.timer": UNIT,
    "/etc/default/x": 'A=b\nexport C=\'d\ne\'\n# f\nG="h\\""\n',
    "/etc/network/interfaces": "iface x\n\tpost-up y z\n",
    "/etc/cloud/cloud.cfg": "bootcmd:\n- x\n- [y, z, 1]\ncloud_final_modules: [[runcmd, always]]\nruncmd: [q]\n",
    f"{CLOUD}/user-data.txt": USER_DATA,
    f"{CLOUD}/vendor-data.txt": gzip.compress(
        b"#cloud-config-archive\n- {type: text/cloud-boothook, content: x}\n- |\n  #!/bin/sh\n"
    ),
    f"{CLOUD}/vendor-data2.txt": WRITTEN,
    "/etc/kubernetes/manifests/x.yaml": POD,
    "/var/lib/rancher/k3s/server/manifests/x.yaml": PODS,
    "/etc/containers/systemd/p.kube": "[Kube]\nYaml=p.yml\nNetwork=host\n[Install]\nWantedBy=x\n",
    "/etc/containers/systemd/p.yml": PODS,
    "/home/a/.config/containers/systemd/y.container": '[Container]\nImage=x\nHealthCmd=["CMD", "y"]\nVolume=/a:/b\n'
    "[Install]\nWantedBy=x\n",
    f"{STOPPED}/config.v2.json": '{"State": {"ExitCode": 1}, "Path": "/x", "Config": {"Image": "z", "Env": ["A=b"], '
    '"Shell": ["/s"], "Healthcheck": {"Test": ["CMD-SHELL", "x"], "Interval": 5}}}',
    f"{STOPPED}/hostconfig.json": '{"RestartPolicy": {"Name": "always"}, "NetworkMode": "container:x"}',
    "/etc/docker/daemon.json": '{"data-root": "/x"}',
    "/etc/udev/rules.d/x.rules": 'RUN+="/x"\n',
    "/etc/logrotate.d/x": "postrotate\n/x\nendscript\n",
    "/etc/nagios/nrpe.cfg": "command_prefix=/y\ninclude_dir=z\ncommand[x]=/x $ARG1$\n",
    "/etc/supervisor/conf.d/x.conf": "[program:x]\ncommand=/x ; y\ndirectory=/z\nautostart=true\n",
    "/etc/supervisor/conf.d/y.conf": "[program:x]\ncommand=%(ENV_A)s/x\nenvironment=A='b',\n C=\"%(here)s\"\n",
    "/etc/keepalived/keepalived.conf": '$A=b\nvrrp_script x { script "/x \\"$A\\"" root }\nnotify "/${A}" y\n',
    "/etc/xinetd.d/x": "service x\n{\n disable = no\n server = /x\n server_args = y\n}\n",
    "/etc/monitrc": 'check program x\n with path "/x y"\n start = "/z"\n',
    "/etc/apt/apt.conf.d/x": 'DPkg { Post-Invoke {"/x \\"y\\""; "z"; }; };\n',
    "/etc/consul.d/x.json": '{"args": [\n"/x", "y\\"z"],\n"command": "a"}',
    "/etc/fail2ban/jail.local": "[x]\naction = x[y=z]\n y\n",
    "/etc/fail2ban/action.d/x.conf": "actionban = /x <ip>\n  y\n",
    "/etc/nginx/nginx.conf": "content_by_lua_block {\n x {}\n}\njs_import y from z.js;\n",
    "/etc/wireguard/x.conf": "PostUp = x %i\n",
    "/etc/cfn/hooks.d/x.conf": "[x]\naction=/x\n",
    "/etc/redis/x.conf": 'sentinel notification-script m "/x"\n',
    "/etc/patroni/x.yml": "callbacks: {on_start: /x, on_stop: '/y'}\nexec:\n  - /z\ncommand: [a, b]\n",
    "/etc/repmgr.conf": "promote_command='/x ''a'' b' # c\n",
    "/etc/icinga2/conf.d/x.conf": 'command = [ PluginDir + "/x" ]\n',
    "/var/lib/pacemaker/cib/cib.xml": '<primitive class="ocf" provider="x" type="y"/><alert path="/z"/>',
    "/var/lib/jenkins/jobs/x/config.xml": "<command>/x &amp;</command><script>sh(&apos;/y \\&apos;&apos;)\nsh '/z'</script>",
    "/var/lib/jenkins/jobs/y/config.xml": "<flow-definition><x class='CpsScmFlowDefinition'/></flow-definition>",
    "/var/lib/jenkins/jobs/y/builds/1/build.xml": "<script>node('x') { sh '/z' }</script><loadedScripts><entry></loadedScripts>",
    "/opt/codedeploy-agent/deployment-root/g/d/deployment-archive/appspec.yml": "hooks: {A: [{location: x}]}\n",
    "/home/a/.config/systemd/user/x.service": UNIT,
    "/home/a/.pm2/dump.pm2": '[{"pm_exec_path": "/x.js", "exec_interpreter": "none", "args": ["y"], "env": {"A": "b"}}]',
    "/etc/service/x/run": "#!/bin/sh\nexec y\n",
    "/var/spool/fcron/a": "@ 1h x\n",
    "/etc/containers/systemd/x.container": '[Container]\nImage=x\nExec=a "b c"\nEnvironment=A=b\n[Install]\nWantedBy=y\n',
    "/opt/splunk/etc/apps/x/local/inputs.conf": "[script://./bin/x.sh]\ndisabled = 0\n[x://y]\n",
    "/var/ossec/etc/ossec.conf": '<wodle name="command"><disabled>no</disabled><command>x &amp; y</command></wodle><!-- -->',
    "/etc/gitlab-runner/config.toml": 'pre_build_script = """\nx \\"\n"""\nrun_exec = "/y"\n',
    "/var/app/current/.ebextensions/x.config": 'commands:\n  x:\n    command: |\n      y\n    test: "z \\"a\\""\n',
    "/etc/check_mk/mrpe.cfg": "x (y=z) /a\n",
    "/etc/collectd.conf": '<Plugin python>\n ModulePath "/x"\n Import "y.z"\n</Plugin>\nExec a "/b"\n',
    "/etc/fluent-bit/x.conf": "[INPUT]\n Command /x\n@INCLUDE y\n",
    "/etc/vector/x.yaml": "sources:\n x: {command: [/y]}\n",
    "/etc/logstash/conf.d/x.conf": 'exec { command => "/x \\"y\\"" }\n',
    "/etc/orchestrator.conf.json": '{"PreFailoverProcesses": ["/x"]}',
    "/etc/fstab": "x#y /z fuse a 0 0\nb /c d\n",
    "/home/a/.kube/config": "users:\n- user:\n    exec:\n      command: x\n      args:\n      - y\n",
    "/root/.kube/config": '{"users": [{"user": {"exec": {"command": "x", "args": ["y"]}}}]}',
    "/etc/gitconfig": '[credential "x"]\n helper = "!x \\"y\\"" # z\n[remote "x"]\n url = a::b\n',
    "/root/.docker/config.json": '{"credsStore": "x", "credHelpers": {"y": "z"}}',
    "/etc/containers/registries.conf": 'credential-helpers = ["x"]\n',
    "/etc/s6-overlay/s6-rc.d/x/up": "# y\nx \\\nz\n",
}


def _sources(root: Path) -> Parse:
    """All kinds, of whose files one is as it is given."""
    for name, content in FILES.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for name in (
        "nrpe",
        "supervisord",
        "xinetd",
        "monit",
        "apt-get",
        "consul",
        "fail2ban-server",
        "nginx",
        "wg",
        "patroni",
        "keepalived",
        "collectd",
        "fluent-bit",
        "vector",
        "gitlab-runner",
        "check_mk_agent",
        "orchestrator",
        "kubectl",
        "git",
        "podman",
    ):
        program = root / f"usr/sbin/{name}"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(b"")
    more = ("/opt/splunk/bin/splunkd", "/var/ossec/bin/wazuh-modulesd", "/usr/share/logstash/bin/logstash")
    for name in (AGENT, INSTALLED[0], *more):
        (root / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / name.lstrip("/")).write_bytes(b"")
    users = root / "home/a/.config/systemd/user/default.target.wants/x.service"
    users.parent.mkdir()
    users.symlink_to("../x.service")
    for kind, name in (("multi-user.target", "a@i.service"), ("timers.target", "a@j.timer")):
        link = root / f"{SYSTEMD.lstrip('/')}/{kind}.wants/{name}"
        link.parent.mkdir()
        link.symlink_to("../x")

    def parse(data: bytes) -> None:
        at, content = choose(data, len(FILES))
        name = list(FILES)[at]
        path = root / name.lstrip("/")
        before = FILES[name]
        path.write_bytes(content)
        for each in schedules(root):
            check(each)
            if isinstance(each, str):
                assert each.isprintable(), each
            else:
                assert each.how_often.isprintable()
        path.write_bytes(before.encode() if isinstance(before, str) else before)

    return parse


def _source_seeds() -> Mapping[str, bytes]:
    return {name.strip("/").replace("/", "-"): chosen(at, content) for at, (name, content) in enumerate(FILES.items())}


def _commands(root: Path) -> Parse:
    """A text for a shell, a list of arguments, and a script."""
    for name in ("sh", "env", "x", "y", "python3"):
        path = root / f"bin/{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x7fELF")
        path.chmod(0o755)
    script = root / "opt/s"
    script.parent.mkdir()

    def parse(data: bytes) -> None:
        text = data.decode(errors="replace")
        script.write_bytes(data)
        script.chmod(0o755)
        assert all(path.startswith("/") for path in named(text, "/opt/s"))
        for command in (text, tuple(text.split("\n")), ("/opt/s", "a")):
            scheduled = Scheduled(command, Place("/x"), "boot", "x", environment={"PATH": "/bin"}, directory="/opt")
            commands = Following(SystemFiles(root))
            commands.ahead([scheduled])
            found = commands.follow(scheduled)
            for each in found.started:
                check((each.executable, each.arguments, each.directory))
                assert each.executable.startswith("/")
            check(found.unfollowed)

    return parse


def _command_seeds() -> Mapping[str, bytes]:
    texts = {
        "script": SCRIPT,
        "containers": "docker -H x exec -itu a -e A=b app x y; docker compose -f /opt/s exec -T a x\n"
        'kubectl exec deploy/a -c b -- x; podman kube play --network x /opt/s; docker run --health-cmd \'["CMD", "x"]\' a\n'
        "lxc-attach -n a -- x; machinectl shell a@b /x; docker-compose up; docker start -a b; supervisord -c/opt/s\n",
        "list": 'A=1; B="$A/x" ; if [ -x $B ]; then exec $B "${C:-y}" >z 2>&1; fi; x | y || `x` & $(y <(x))\n',
        "case": 'case "$1" in a|b) x ;; *) y;; esac; f() { x; }; for i in a; do y; done; x <<E\nz\nE\ny\n',
        "env": "#!/usr/bin/env -S A=b python3 -u\nimport x\n",
        "arguments": "/bin/env\n-C\n/opt\nA=b\n./s\n-c\nx",
        "spread": "cd ~/a; x ~b; x {1..3}; /b*/{x,y}; : ${A:=~/b}; su - ana <<E\nx\nE\ncd /o*/; python3 x; find /opt -exec {} ;\n"
        "ls | xargs -I% sh %; ssh localhost x <<E >/opt/n\ny\nE\n/opt/n; script -c x y; tmux -c x new -c / x ; send -t a x Enter\n"
        "sudo -i <<E\nx\nE\nrun-one sh -c x; screen -dmS a x; watch x\n",
        "run-parts": "cd / && run-parts --report /bin; find /opt -exec x {} ; start-stop-daemon -S -x /bin/y -- z\n",
        "functions": 'f() { local a=$1; "$@"; /bin/$a; }\nf x "$1"\nC=(x\n y)\nC+=($D)\n"${C[@]}"\nfor i in $C "$@"; do $i; done\n',
        "unknown": 'D=$(y)\n/bin/$D z\ncd /$1; ./$D\n$E y\ng() { . "/opt/$D"; eval "$D/x"; }\ng\nshift\nsh -c "x $D"\n',
        "deep": "$(" * 50 + "x" + ")" * 50,
    }
    return {name: text.encode() for name, text in texts.items()}


MODULES = "MODULEPATH=/opt/m; module load"
# The files of projects, each with a command that runs what it says.
PROJECTS: Mapping[str, tuple[str, str]] = {
    "package.json": ('{"scripts": {"x": "y z", "prex": "x"}}', "npm run x -- a"),
    "composer.json": ('{"scripts": {"x": ["@y", "A::b", "@php z"], "y": "y"}}', "composer run x"),
    "pyproject.toml": ('[project.scripts]\nx = "a.b:c"\n[tool.hatch.envs.d.scripts]\nx = ["y"]\n', "hatch run d:x"),
    "Pipfile": ('[scripts]\nx = {cmd = "y"}\n', "pipenv run x"),
    "Makefile": ("A := $(B)x\nB = $A\nall: x; y\nx %.z:\n\t@-$(A) \\\n y $@\ninclude z\n", "make A=b all q.z"),
    "justfile": ('a := "b"\nx c="d": (y a)\n  @{{a}} {{ c }}\ny e:\n  z\n', "just x"),
    "tox.ini": ("[testenv]\ncommands =\n  x\n  - y\n[testenv:a]\ncommands = z\n", "tox -e a"),
    "Taskfile.yml": ("tasks:\n  x:\n    cmds: [y, {cmd: z}]\n", "task x"),
    "Procfile": ("web: x\nb: y z\n", "foreman start"),
    "p.yml": (
        "- hosts: localhost\n  roles: [a]\n  tasks:\n  - include_tasks: b.yml\n  - ec2_metadata_facts:\n",
        "ansible-playbook p.yml",
    ),
    "catalog/x.json": (
        '{"resources": [{"type": "Exec", "title": "x", "parameters": {"path": "/y", "cwd": "/", "unless": ["y a", ["z"]]}}]}',
        "puppet agent --client_datadir .",
    ),
    ".conda/environments.txt": ("/opt/e\n/opt/f\n", "conda activate e; x"),
    ".rbenv/version": ("3.1.0\n", "lost a; rbenv shell 3.1; lost b; rbenv exec lost"),
    ".bundle/config": ('---\nBUNDLE_PATH: "e"\n', "bundle exec lost"),
    ".tool-versions": ("python 3.9\nruby 3.1.0\n", "lost a; rbenv exec lost"),
    "m/a/1.0": ("set r [file join /opt $x]\nprepend-path PATH $r/e/bin:${r}\nmodule load b\n", f"{MODULES} a; x"),
    "m/b.lua": ("local r = \"/opt\"\nprepend_path('PATH', pathJoin(r, 'e'))\nload('a')\n", f"{MODULES} b; x"),
    "../etc/sudoers": ('Defaults:a x, \\\n secure_path = "/opt:/bin"\n', "sudo -Hu a x; sudo -i y"),
}


def _projects(root: Path) -> Parse:
    """The file of a project, and the command that runs what it says."""
    for name in ("sh", "x", "y", "z", "php", "python3"):
        path = root / f"bin/{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x7fELF")
        path.chmod(0o755)
    made = ("catalog", ".conda", ".bundle", "e/bin", "e/ruby/3.1.0/bin", ".rbenv/versions/3.1.0/bin", "m/a", "../etc")
    for name in made:
        (root / "opt" / name).mkdir(parents=True)
    for name in ("e/bin/x", ".rbenv/versions/3.1.0/bin/lost"):
        (root / "opt" / name).write_bytes(b"\x7fELF")
        (root / "opt" / name).chmod(0o755)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(PROJECTS))
        name = list(PROJECTS)[at]
        (root / "opt" / name).write_bytes(content)
        scheduled = Scheduled(
            PROJECTS[name][1], Place("/x"), "boot", "x", environment={"PATH": "/bin", "HOME": "/opt"}, directory="/opt"
        )
        found = Following(SystemFiles(root)).follow(scheduled)
        for each in found.started:
            check((each.executable, each.arguments, each.directory))
        assert all(each.path.startswith("/opt/") for each in found.held)
        (root / "opt" / name).unlink()

    return parse


def _project_seeds() -> Mapping[str, bytes]:
    return {
        name.strip("./").replace("/", "-"): chosen(at, content)
        for at, (name, (content, _)) in enumerate(PROJECTS.items())
    }


TARGETS = {
    "projects": Target(_projects, _project_seeds),
    "schedules": Target(_sources, _source_seeds),
    "scheduled-commands": Target(_commands, _command_seeds),
}
