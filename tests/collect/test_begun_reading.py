"""What a container begins with: the shell of its entry point has given way to the application, and no process shows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, V1, V2, CodeSystem, of, said
from sdk_systems import container
from small_roots import made

from imds_probe.collect import begun_reading
from imds_probe.collect.code import CodeFound
from imds_probe.collect.code_tasks import Begun, Reading, Schedules
from imds_probe.collect.schedule_reading import read_due
from imds_probe.collect.sdk_tasks import Processes
from imds_probe.inventory.code import unread
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.description import Begins
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.schedules.commands.followed import STARTED_MAX

ELF = b"\x7fELF"
ENTRY = "/docker-entrypoint.sh"
ASKS = f'#!/bin/sh\nexport HOST_IP=$({CURL.strip()})\nexec "$@"\n'
ASKS_BY_TOKEN = (
    "#!/bin/sh\nT=$(curl -sX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)\n"
    'export ID=$(curl -s -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/instance-id)\nexec "$@"\n'
)
APP = {"/bin/sh": ELF, "/usr/bin/node": ELF, "/sbin/tini": ELF, "/srv/app.js": "1\n", PYTHON: ELF}
COMMAND = ("node", "/srv/app.js")


class Containers(CodeSystem):
    """A host with containers of images that a test makes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._made = folder
        self._pid = 6

    def container(
        self,
        files: dict[str, str | bytes | Path],
        begins: Sequence[str] = (),
        argv: Sequence[str] = COMMAND,
        *,
        exe: str = "/usr/bin/node",
        env: str = "",
        root: Path | None = None,
        directory: str = "/",
    ) -> DiscoveredContainer:
        self._pid += 1
        if root is None:
            root = self.image(f"img{self._pid}")
            self.python(root)
            files = {**APP, **files}
        made(root, files, executable=tuple(name for name in files if files[name] == ELF))
        self.process(self._pid, root, exe=exe, argv=argv, env=env, cwd=directory)
        known = Begins(tuple(begins), directory) if begins else None
        return replace(container(f"c{self._pid}", self._pid), begins=known)

    def of(self, *containers: DiscoveredContainer) -> CodeFound:
        found = self.code(containers=containers)
        assert found.troubles == ()
        return found


@pytest.fixture
def system(tmp_path: Path) -> Containers:
    return Containers(tmp_path)


BY_START = f"{ENTRY}, at each start of the container"


@pytest.mark.parametrize(
    ("begins", "argv", "path"),
    [
        ((ENTRY, *COMMAND), COMMAND, ENTRY),
        (("sh", ENTRY), COMMAND, ENTRY),
        (("/sbin/tini", "--", ENTRY, *COMMAND), ("/sbin/tini", "--", ENTRY), ENTRY),
        (("docker-init", "--", ENTRY), COMMAND, ENTRY),
        (("/entry/run", *COMMAND), COMMAND, "/entry/run"),
        (("./run",), COMMAND, "/entry/run"),
        # Of one without a record, its first process and the usual places say it.
        ((), COMMAND, ENTRY),
        ((), ("/sbin/tini", "-g", "--", "/entry/run"), "/entry/run"),
    ],
)
def test_an_entry_point_is_read(system: Containers, begins: Sequence[str], argv: Sequence[str], path: str) -> None:
    exe = "/sbin/tini" if argv[0] == "/sbin/tini" else "/usr/bin/node"
    files = {path: ASKS}
    one = system.container(files, begins, argv, exe=exe, directory="/entry" if begins == ("./run",) else "/")
    found = system.of(one)
    assert said(found) == {path: ("v1", "boot")}
    entry = of(found, path)
    assert entry.started_by[0].endswith(", at each start of the container")
    assert (entry.container_ids, entry.on_host, entry.pids) == ((one.identity,), False, ())
    assert found.read.not_read == ()


def test_what_it_starts_and_what_it_is_handed_is_read(system: Containers) -> None:
    """The application is read as what runs, and once; what an entry point is handed may be the next."""
    handed = f"#!/bin/sh\n{PYTHON} /srv/migrate.py\n{PYTHON} /srv/app.py\n"
    entry = '#!/bin/sh\nset -e\nif [ "$1" = app ]; then\n  shift\nfi\nexec "$@"\n'
    files = {ENTRY: entry, "/srv/start": handed, "/srv/migrate.py": V1, "/srv/app.py": V2}
    one = system.container(files, (ENTRY, "/srv/start"), (PYTHON, "/srv/app.py"), exe=PYTHON)
    found = system.of(one)
    assert said(found) == {"/srv/migrate.py": ("v1", "boot"), "/srv/app.py": ("v2", "running")}
    assert of(found, "/srv/migrate.py").started_by == (BY_START,)
    assert found.read.not_read == ()


def test_one_that_asks_for_a_token_is_said_to_and_is_no_more_than_that(system: Containers) -> None:
    found = system.of(system.container({ENTRY: ASKS_BY_TOKEN}, (ENTRY, *COMMAND)))
    assert said(found) == {ENTRY: ("v2", "boot")}
    assert of(found, ENTRY).component is None


def test_one_that_asks_nothing_says_nothing(system: Containers) -> None:
    quiet = '#!/bin/sh\nset -e\n. /etc/none\nexec "$@"\n'
    found = system.of(system.container({ENTRY: quiet}, (ENTRY, *COMMAND)))
    assert (said(found), found.read.not_read, found.read.scheduled, found.read.scheduled_read) == ({}, (), 1, 1)


def test_a_command_of_a_shell_may_ask_by_itself(system: Containers) -> None:
    found = system.of(system.container({}, ("/bin/sh", "-c", f"export A=$({CURL.strip()}); exec node /srv/app.js")))
    ((path, (speaks, runs)),) = said(found).items()
    assert (path, speaks, runs) == ("/bin/sh", "v1", "boot")
    (entry,) = found.code.code
    assert (entry.in_arguments, entry.package) == (True, None)


def test_a_command_of_a_shell_that_still_runs_is_said_once(system: Containers) -> None:
    words = ("/bin/sh", "-c", f"while :; do {CURL.strip()}; sleep 9; done")
    ((path, (speaks, runs)),) = said(system.of(system.container({}, words, words, exe="/bin/busybox"))).items()
    assert (path, speaks, runs) == ("/bin/busybox", "v1", "running")


def test_a_first_word_that_is_no_program_is_not_shown(system: Containers) -> None:
    found = system.of(system.container({}, (f"secret word; {CURL.strip()}",)))
    assert [(each.path, each.started_by) for each in found.code.code if "secret" in f"{each}"] == []


@pytest.mark.parametrize("env", ["", "JAVA_OPTS=-Xmx1g -Da=b\0"])
@pytest.mark.parametrize("text", ["exec node $JAVA_OPTS /srv/app.js", "exec node ${JAVA_OPTS} ${PORT:-/srv}/app.js"])
def test_a_variable_that_is_not_set_is_empty(system: Containers, env: str, text: str) -> None:
    """Its environment is known: what is not there is not what only running tells."""
    argv = ("node", *(["-Xmx1g", "-Da=b"] if env else []), "/srv/app.js")
    found = system.of(system.container({}, ("/bin/sh", "-c", text), argv, env=env))
    assert (said(found), found.read.not_read, found.read.programs) == ({}, (), 1)


def test_an_interpreter_whose_script_only_running_tells_is_told_by_its_process(system: Containers) -> None:
    """Not so one of another language, of which no process tells anything."""
    entry = '#!/bin/sh\nMAIN=$(ls /srv/*.js | head -1)\nexec node $OPTS "$MAIN"\n'
    found = system.of(system.container({ENTRY: entry}, (ENTRY,)))
    assert (said(found), found.read.not_read) == ({}, ())
    other = entry.replace("exec", f'{PYTHON} "$(ls /srv/*.py)"\nexec')
    found = system.of(system.container({ENTRY: other}, (ENTRY,)))
    assert [(each.program, each.why) for each in found.read.not_read] == [(PYTHON, unread.NO_SCRIPT)]


def test_what_an_image_goes_through_by_a_variable_leaves_nothing_open(system: Containers) -> None:
    """As entry points of databases do, on each host that has one."""
    lines = (
        "#!/bin/sh",
        "init() {",
        "  local f",
        '  for f; do case "$f" in *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;; esac; done',
        "}",
        'if [ "$(id -u)" = 0 ]; then exec gosu app "$0" "$@"; fi',
        "init /docker-entrypoint-initdb.d/*",
        'exec "$@"',
    )
    entry = "\n".join(lines)
    found = system.of(system.container({ENTRY: entry}, (ENTRY, *COMMAND)))
    assert (said(found), found.read.not_read) == ({}, ())


@pytest.mark.parametrize(
    "lines",
    [
        'for f in /docker-entrypoint.d/*; do bash "$f"; done',
        'for f in $(ls /docker-entrypoint.d/*.sh); do sh "$f"; done',
        'find /docker-entrypoint.d -name "*.sh" | while read f; do . "$f"; bash "$f"; done',
        'cat "$SCRIPT" | sh',
        "chroot --userspec=1000:0 / node /srv/app.js",
        "ruby -v; php -m; php -i | grep version; node --version",
        "ruby migrate.rb\nphp artisan migrate --force",  # beside the application, not beside the entry point
    ],
)
def test_what_scripts_of_ordinary_images_do_leaves_nothing_open(system: Containers, lines: str) -> None:
    programs = {f"/usr/bin/{name}": ELF for name in ("ruby", "php", "find", "cat")} | {"/bin/bash": ELF}
    files = {**programs, "/srv/migrate.rb": "puts 1\n", "/srv/artisan": "<?php echo 1;\n"}
    entry = f'#!/bin/bash\nset -e\n{lines}\nexec "$@"\n'
    found = system.of(system.container({ENTRY: entry, **files}, (ENTRY, *COMMAND), directory="/srv"))
    assert (said(found), found.read.not_read) == ({}, ())


@pytest.mark.parametrize(
    "line",
    [
        f"cd /srv; {PYTHON} migrate.py",
        f"{PYTHON} migrate.py",
        f"chroot --userspec=1000:0 / {PYTHON} /srv/migrate.py",
    ],
)
def test_what_it_starts_beside_the_application_is_read(system: Containers, line: str) -> None:
    files = {ENTRY: f'#!/bin/sh\n{line}\nexec "$@"\n', "/srv/migrate.py": V1}
    found = system.of(system.container(files, (ENTRY, *COMMAND), directory="/srv"))
    assert (said(found), found.read.not_read) == ({"/srv/migrate.py": ("v1", "boot")}, ())


def test_a_root_that_only_running_tells_is_not_the_same_root(system: Containers) -> None:
    found = system.of(system.container({}, ("/bin/sh", "-c", 'chroot "$(cat /srv/root)/" /srv/x')))
    assert [each.program for each in found.read.not_read] == ["/bin/sh"]


@pytest.mark.parametrize(
    "lines",
    [
        'for SCRIPT in /custom-cont-init.d/*; do /bin/bash "${SCRIPT}"; done',
        'for MIGRATION in $(find /migrations/* | sort -n); do ("${MIGRATION}"); done',
        "exec s6-setuidgid abc node /srv/app.js",
    ],
)
def test_scripts_that_go_through_directories_of_their_images(system: Containers, lines: str) -> None:
    """As those of many images with s6 do that have nothing in these directories."""
    run, exe = "/etc/s6-overlay/s6-rc.d/init-custom-files/run", "/bin/s6-svscan"
    files = {exe: ELF, "/bin/bash": ELF, run: f"#!/usr/bin/with-contenv bash\n{lines}\n"}
    found = system.of(system.container(files, (exe,), (exe,), exe=exe))
    assert (said(found), found.read.not_read) == ({}, ())


def test_the_usual_places_count_only_where_no_record_says_what_it_begins_with(system: Containers) -> None:
    assert said(system.of(system.container({ENTRY: ASKS}, COMMAND))) == {}


@pytest.mark.parametrize(
    ("path", "exe"),
    [
        ("/docker-entrypoint.d/30-imds.sh", "/usr/bin/node"),
        ("/docker-entrypoint.d/30-imds.envsh", "/usr/bin/node"),
        ("/etc/services.d/app/run", "/command/s6-svscan"),
        ("/etc/s6-overlay/s6-rc.d/app/run", "/package/admin/s6/command/s6-svscan"),
        ("/etc/cont-init.d/10-x", "/bin/s6-svscan"),
        ("/custom-cont-init.d/x", "/bin/s6-svscan"),
        ("/etc/my_init.d/x", "/sbin/my_init"),
    ],
)
def test_directories_that_it_goes_through_at_its_start(system: Containers, path: str, exe: str) -> None:
    one = system.container({exe: ELF, path: f"#!/bin/sh\n{CURL}"}, (exe,), (exe,), exe=exe)
    found = system.of(one)
    assert {path: ("v1", "boot")} == said(found)


def test_a_one_shot_of_s6(system: Containers) -> None:
    up = "/etc/s6-overlay/s6-rc.d/init-app/up"
    files = {up: "# starts it\n/etc/s6-overlay/scripts/init-app\n", "/bin/s6-svscan": ELF}
    script = {"/etc/s6-overlay/scripts/init-app": f"#!/command/with-contenv sh\n{CURL}"}
    one = system.container({**files, **script}, ("/init",), ("/bin/s6-svscan",), exe="/bin/s6-svscan")
    found = system.of(one)
    assert said(found) == {"/etc/s6-overlay/scripts/init-app": ("v1", "boot")}
    assert of(found, "/etc/s6-overlay/scripts/init-app").started_by == (f"{up}, at each boot",)


@pytest.mark.parametrize(
    ("files", "exe", "argv", "path"),
    [
        (
            {"/etc/telegraf/telegraf.conf": '[[inputs.exec]]\n  commands = ["/opt/x.sh"]\n'},
            "/usr/bin/telegraf",
            ("telegraf",),
            "/opt/x.sh",
        ),
        (
            {"/etc/datadog-agent/checks.d/x.py": V1},
            "/opt/datadog-agent/bin/agent/agent",
            ("agent", "run"),
            "/etc/datadog-agent/checks.d/x.py",
        ),
        (
            {"/var/lib/postgresql/data/postgresql.conf": "archive_command = '/opt/x.sh %p'\n"},
            "/usr/lib/postgresql/16/bin/postgres",
            ("postgres",),
            "/opt/x.sh",
        ),
        (
            {"/app/crontab": "*/5 * * * * /opt/x.sh\n"},
            "/usr/local/bin/supercronic",
            ("supercronic", "/app/crontab"),
            "/opt/x.sh",
        ),
        ({"/app/tabs/root": "@monthly /opt/x.sh\n"}, "/bin/busybox", ("crond", "-f", "-c", "/app/tabs"), "/opt/x.sh"),
    ],
)
def test_settings_of_what_runs_there_are_read(
    system: Containers, files: dict[str, str], exe: str, argv: Sequence[str], path: str
) -> None:
    one = system.container({exe: ELF, "/opt/x.sh": f"#!/bin/sh\n{CURL}", **files}, argv, argv, exe=exe)
    found = system.of(one)
    assert said(found) == {path: ("v1", "scheduled")}
    assert of(found, path).container_ids == (one.identity,)
    assert next(iter(files)) in of(found, path).started_by[0]


def test_what_supervisor_keeps_running_there_is_told_by_its_processes(system: Containers) -> None:
    """Its programs have the environment of the container."""
    lines = (
        "[program:web]",
        'command=bash -c "exec node $NODE_OPTS $UNSET /srv/app.js"',
        "[program:mode]",
        "command=/srv/start.sh %(ENV_MODE)s",
        "[program:report]",
        "command=/opt/x.sh",
    )
    files = {
        "/etc/supervisor/supervisord.conf": "\n".join(lines),
        "/usr/bin/supervisord": ELF,
        "/srv/start.sh": '#!/bin/sh\nfor f in $(ls /srv/begin); do "$f"; done\nexec node /srv/app.js\n',
        "/opt/x.sh": f"#!/bin/sh\n{CURL}",
    }
    argv = ("/usr/bin/supervisord", "-n")
    one = system.container(files, argv, argv, exe="/usr/bin/supervisord", env="NODE_OPTS=--trace\0MODE=web\0")
    root = (system.proc / str(one.pid) / "root").resolve()
    node = system.process(90, root, exe="/usr/bin/node", argv=COMMAND)
    found = system.of(replace(one, pids=(*one.pids, node)))
    assert (said(found), found.read.not_read) == ({"/opt/x.sh": ("v1", "scheduled")}, ())


def test_settings_of_what_does_not_run_there_are_not(system: Containers) -> None:
    files = {"/etc/telegraf/telegraf.conf": '[[inputs.exec]]\n  commands = ["/opt/x.sh"]\n', "/usr/bin/telegraf": ELF}
    found = system.of(system.container({"/opt/x.sh": f"#!/bin/sh\n{CURL}", **files}, COMMAND))
    assert said(found) == {}


def test_containers_of_one_image_that_begin_alike_are_read_once(
    system: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until one has another file than the others: what is mounted into a container is its own."""
    begun_reading._shared.clear()
    read: list[object] = []
    original = begun_reading._found

    def counted(*given):
        read.append(given)
        return original(*given)

    monkeypatch.setattr(begun_reading, "_found", counted)
    first = system.container({ENTRY: ASKS}, (ENTRY, *COMMAND), env="HOSTNAME=a\0A=1\0")
    root = (system.proc / str(first.pid) / "root").resolve()

    def due(one: DiscoveredContainer) -> list[tuple[str, str]]:
        reading = Reading(str(root), (), None, "image", time.monotonic() + 60, 1 << 20)
        begun = Begun(Processes(str(system.proc), one.pids), one.begins)
        pieces = [each for some in read_due(Schedules(reading, (), begun=begun)) for each in some]
        return [(each.path, due.started_by) for due in pieces for each in due.piece.spoken]

    for known, env in ((1, "HOSTNAME=b\0A=1\0"), (2, "HOSTNAME=c\0A=2\0")):
        assert due(first) == [(ENTRY, BY_START)]
        assert due(system.container({}, (ENTRY, *COMMAND), env=env, root=root)) == [(ENTRY, BY_START)]
        assert len(read) == known
    (root / ENTRY[1:]).write_text(ASKS + "# changed\n")
    assert due(first) == [(ENTRY, BY_START)]
    assert len(read) == 3
    monkeypatch.setattr(begun_reading, "SHARED_MAX", 1)  # what weighs too much is kept for nobody
    (root / ENTRY[1:]).write_text(ASKS + "# again\n")
    assert due(first) == [(ENTRY, BY_START)]
    assert not begun_reading._shared


CHECKED = ", whenever the container's health is checked"


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("/bin/sh", "-c", f"{CURL.strip()} || exit 1"), "/bin/sh"),
        (("/check.sh",), "/check.sh"),
        (("/bin/sh", "-c", "./check.sh && node /srv/app.js"), "/check.sh"),
        ((PYTHON, "/check.py"), "/check.py"),
    ],
)
def test_how_its_health_is_checked_is_read(system: Containers, words: tuple[str, ...], path: str) -> None:
    """The command is run in the container, every half minute, and no process shows it."""
    one = system.container({"/check.sh": f"#!/bin/sh\n{CURL}", "/check.py": V1}, COMMAND)
    found = system.of(replace(one, checks=(Check(words, 5.0),)))
    assert said(found) == {path: ("v1", "scheduled")}
    entry = of(found, path)
    assert (entry.started_by, entry.every_s) == ((f"{words[0]}{CHECKED}",), 5.0)
    assert (entry.container_ids, entry.on_host, found.read.not_read) == ((one.identity,), False, ())


@pytest.mark.parametrize("words", [("/none",), ("/bin/sh", "-c", "node /srv/app.js"), ("/bin/sh", "-c", "exit 0")])
def test_a_check_that_asks_nothing_leaves_nothing_open(system: Containers, words: tuple[str, ...]) -> None:
    one = system.container({}, COMMAND)
    found = system.of(replace(one, checks=(Check(words),)))
    assert (said(found), found.read.not_read) == ({}, ())


def test_a_script_of_a_check_that_is_not_known_to_its_end_leaves_it_open(system: Containers) -> None:
    one = system.container({"/check.sh": "#!/bin/sh\nX=$(cat /x)\n$X --once\n"}, COMMAND)
    (left,) = system.of(replace(one, checks=(Check(("/check.sh",)),))).read.not_read
    assert (left.program, left.why, left.started_by) == ("/check.sh", unread.BY_NAME, (f"/check.sh{CHECKED}",))


def test_what_a_container_starts_that_is_too_much_is_left_open(system: Containers) -> None:
    parts = {f"/parts/{number}": "#!/bin/sh\n" for number in range(STARTED_MAX + 1)}
    one = system.container({ENTRY: '#!/bin/sh\nrun-parts /parts\nexec "$@"\n', **parts}, (ENTRY, *COMMAND))
    found = system.code(containers=(one,))
    (left,) = found.read.not_read
    assert (left.program, left.why, left.container_ids) == ("/parts", unread.MORE, (one.identity,))
    assert found.troubles == (f"{one.title}: /parts has more than {STARTED_MAX} files, and the rest was not read",)


# Of the script in MariaDB's image what is hard to follow.
DISPATCHES = """#!/bin/sh
connect() {
  node /srv/app.js
}
while [ $# -gt 0 ]; do
  case "$1" in
    --with_*=*)
      n=${1#*_}
      n=${n%%=*}
      with["$n"]=${1#*=}
      ;;
    --*) test=${1#--} ;;
  esac
  if [ -n "$test" ]; then
    if ! "$test"; then exit 1; fi
  fi
  shift
done
"""


@pytest.mark.parametrize("asks", ["", CURL])
def test_a_check_that_names_functions_of_its_script_is_followed(system: Containers, asks: str) -> None:
    one = system.container({"/check.sh": DISPATCHES.replace("  node", f"  {asks}  node")}, COMMAND)
    found = system.of(replace(one, checks=(Check(("/check.sh", "--connect", "--with_a=b")),)))
    assert (said(found), found.read.not_read) == ({"/check.sh": ("v1", "scheduled")} if asks else {}, ())
