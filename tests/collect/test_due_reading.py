"""Schedules that enter another root: what runs in there counts as what they start."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, V1, V2, CodeSystem
from image_stores import CONTAINERD, DOCKER, PODMAN, containerd_image, docker_image, podman_image
from sdk_systems import container
from small_roots import made

from imds_probe.collect.code import CodeFound
from imds_probe.facts.code import CodeSeen
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands.followed import STARTED_MAX
from imds_probe.inventory.schedules.recurrence import DAY

JAIL = "/srv/bullseye"
DIST = "/usr/lib/python3/dist-packages"
STATUS = (
    "Package: s3cmd\nStatus: install ok installed\nPriority: optional\nSection: utils\nMaintainer: A <a@x>\n"
    "Architecture: all\nVersion: 2.1.0-2\nDescription: x\n\n"
)
# As Debian 11 has it: links from the root on, and a script of Python whose package lies where the distribution puts it.
INSIDE: dict[str, str | bytes | Path] = {
    "/bin": Path("usr/bin"),
    "/usr/bin/dash": b"\x7fELF",
    "/usr/bin/sh": Path("/usr/bin/dash"),
    "/usr/bin/python3.9": b"\x7fELF",
    "/etc/alternatives/python3": Path("/usr/bin/python3.9"),
    "/usr/bin/python3": Path("/etc/alternatives/python3"),
    "/usr/lib/python3.9/os.py": "",
    "/usr/bin/s3cmd": "#!/usr/bin/python3\nfrom S3 import Config\n",
    f"{DIST}/S3/__init__.py": "",
    f"{DIST}/S3/Config.py": V1,
    "/opt/backup.sh": "#!/bin/sh\ns3cmd put /srv/x s3://x/\n",
    "/opt/fit.sh": "#!/bin/sh\npython3 /opt/fit.py\n",
    "/opt/fit.py": V2,
    "/var/lib/dpkg/status": STATUS,
    "/var/lib/dpkg/info/s3cmd.list": f"/.\n{DIST}/S3/Config.py\n",
}
EXECUTABLE = ("/usr/bin/dash", "/usr/bin/python3.9")


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    # What lies at the same paths on the host is not what runs in there.
    made(
        found.root, {PYTHON: "", "/usr/bin/s3cmd": "#!/bin/sh\n", "/bin/sh": b"\x7fELF"}, executable=(PYTHON, "/bin/sh")
    )
    made(found.root / JAIL.lstrip("/"), INSIDE, executable=EXECUTABLE)
    return found


def started(found: CodeFound) -> list[CodeSeen]:
    return [each for each in found.code.code if each.runs != "lies"]


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/cron.d/x": f"@daily root /usr/sbin/chroot {JAIL} /opt/backup.sh >/dev/null\n"},
        {"/etc/cron.d/x": f"@daily root chroot {JAIL} /bin/sh -c 's3cmd put /x s3://x/'\n"},
        {"/etc/cron.d/x": f"@daily root unshare --root={JAIL} s3cmd put\n"},
        {"/etc/cron.d/x": f"@daily root systemd-nspawn -q -D {JAIL} s3cmd put\n"},
        {
            "/etc/cron.d/x": "@daily root schroot -c old -- s3cmd put\n",
            "/etc/schroot/chroot.d/old": f"[old]\ntype=directory\ndirectory={JAIL}\n",
        },
        {
            "/etc/cron.d/x": "@daily root /opt/run.sh\n",
            "/opt/run.sh": f"#!/bin/sh\nROOT={JAIL}\nchroot $ROOT s3cmd put\n",
        },
    ],
)
def test_what_runs_in_a_chroot_is_started_by_who_enters_it(system: CodeSystem, files: dict[str, str]) -> None:
    made(system.root, files)
    found = system.code()
    (entry,) = started(found)
    # What lies there and is started is not said once more as what lies there.
    assert [each.path for each in found.code.code] == [entry.path, f"{JAIL}/opt/fit.py"]
    assert (entry.path, entry.speaks, entry.runs) == (f"{DIST}/S3/Config.py", "v1", "scheduled")
    assert (entry.inside, entry.on_host, entry.container_ids) == (JAIL, False, ())
    assert (entry.started_by, entry.every_s, entry.package) == (("/etc/cron.d/x, daily",), DAY, "s3cmd 2.1.0-2 (dpkg)")
    assert entry.standing_s is not None
    assert (found.read.not_read, found.troubles) == ((), ())
    assert found.read.scheduled == found.read.scheduled_read


def test_a_unit_may_have_its_root(system: CodeSystem) -> None:
    unit = "/etc/systemd/system"
    service = f"[Service]\nRootDirectory={JAIL}\nExecStart=/opt/fit.sh\n"
    made(system.root, {f"{unit}/x.service": service, f"{unit}/multi-user.target.wants/x.service": Path("../x.service")})
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks, entry.runs, entry.inside) == ("/opt/fit.py", "v2", "boot", JAIL)


def test_what_a_script_starts_in_a_loop_is_started_too(system: CodeSystem) -> None:
    loop = '#!/bin/sh\nfor hook in /opt/hooks/*; do\n  [ -x "$hook" ] && "$hook"\ndone\n'
    made(system.root, {"/etc/cron.daily/x": loop, "/opt/hooks/a": f"#!/bin/sh\n{CURL}\n"})
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks, entry.started_by) == ("/opt/hooks/a", "v1", ("/etc/cron.daily/x, daily",))


def test_a_command_that_asks_by_itself_stands_where_it_stands(system: CodeSystem) -> None:
    made(system.root, {"/etc/cron.d/x": f"@daily root chroot {JAIL} {CURL}"})
    found = system.code()
    (entry,) = started(found)
    assert (entry.path, entry.inside, entry.on_host) == ("/etc/cron.d/x", None, True)
    # Nobody knows what a program is that is not there.
    assert [(each.program, each.why) for each in found.read.not_read] == [("/etc/cron.d/x", unread.NO_SCRIPT)]


@pytest.mark.parametrize(
    "command", [f"chroot {JAIL} $TOOL", "chroot /srv/gone a", f"systemd-nspawn -bD {JAIL}", f"chroot {JAIL} chroot / a"]
)
def test_what_is_not_known_of_another_root_leaves_it_open(system: CodeSystem, command: str) -> None:
    made(system.root, {"/etc/cron.d/x": f"@daily root {command}\n"})
    (left,) = system.code().read.not_read
    assert (left.program, left.why, left.started_by) == ("/etc/cron.d/x", unread.NO_SCRIPT, ("/etc/cron.d/x, daily",))


def test_a_second_run_has_the_same_of_it(system: CodeSystem, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    made(
        system.root, {"/etc/cron.d/x": f"@daily root chroot {JAIL} s3cmd put\n@daily root chroot {JAIL} /opt/fit.sh\n"}
    )
    first = [(each.path, each.speaks) for each in started(system.code(state=state))]
    assert first == [(f"{DIST}/S3/Config.py", "v1"), ("/opt/fit.py", "v2")]
    (system.root / f"{JAIL[1:]}{DIST}/S3/Config.py").write_text(V2)
    again = [(each.path, each.speaks) for each in started(system.code(state=state))]
    assert sorted(again) == [("/opt/fit.py", "v2"), (f"{DIST}/S3/Config.py", "v2")]


def test_programs_of_another_root_are_named_with_it(system: CodeSystem) -> None:
    packed = b"\x7fELF" + bytes(196) + b"UPX!" + bytes(2000)
    made(system.root / JAIL[1:], {"/opt/packed": packed}, executable=("/opt/packed",))
    made(system.root, {"/etc/cron.d/x": f"@daily root chroot {JAIL} /opt/packed\n"})
    (left,) = system.code().read.not_read
    assert (left.program, left.why, left.inside, left.on_host) == ("/opt/packed", unread.PACKED, JAIL, False)
    assert (left.started_by, left.runs, left.every_s) == (("/etc/cron.d/x, daily",), "scheduled", DAY)


IMAGE, NAME = "image backup:1.2", "backup:1.2"
LAYERS: tuple[dict[str, str | bytes | Path], ...] = (
    {**INSIDE, "/gone/x.py": V1},
    {"/opt/own.sh": '#!/bin/sh\nset -e\nexec "$@"\n', "/opt/fit.py": V2},
)
CONFIG = {"Entrypoint": ["/opt/own.sh"], "Cmd": ["s3cmd", "sync"], "Env": ["PATH=/usr/bin:/bin"]}


def in_docker(root: Path) -> None:
    docker_image(root, NAME, LAYERS, CONFIG, executable=EXECUTABLE, gone=("/gone",))


def in_containerd(root: Path) -> None:
    containerd_image(root, f"docker.io/library/{NAME}", LAYERS, CONFIG)
    for layer in (root / CONTAINERD[1:] / "io.containerd.snapshotter.v1.overlayfs/snapshots").iterdir():
        for path in (each for each in EXECUTABLE if (layer / f"fs{each}").exists()):
            (layer / f"fs{path}").chmod(0o755)


@pytest.mark.parametrize("stored", [in_docker, in_containerd])
@pytest.mark.parametrize(
    ("runs", "path", "speaks"),
    [
        ("", f"{DIST}/S3/Config.py", "v1"),
        ("python3 /opt/fit.py", "/opt/fit.py", "v2"),
        ("/opt/backup.sh", f"{DIST}/S3/Config.py", "v1"),
    ],
)
def test_what_an_image_runs_is_read_in_its_layers(
    system: CodeSystem, stored: Callable[[Path], None], runs: str, path: str, speaks: str
) -> None:
    stored(system.root)
    made(system.root, {"/etc/cron.d/x": f"@daily root docker run --rm {NAME} {runs}\n", "/usr/bin/docker": b"\x7fELF"})
    (system.root / "usr/bin/docker").chmod(0o755)
    found = system.code()
    (entry,) = started(found)
    assert (entry.path, entry.speaks, entry.runs, entry.inside, entry.on_host) == (
        path,
        speaks,
        "scheduled",
        IMAGE,
        False,
    )
    assert entry.started_by == ("/etc/cron.d/x, daily",)
    assert entry.package == ("s3cmd 2.1.0-2 (dpkg)" if speaks == "v1" else f"{NAME} (image)")
    assert (found.read.not_read, found.troubles) == ((), ())


def test_what_a_container_is_given_by_the_host_is_read_in_place_of_what_its_image_has(system: CodeSystem) -> None:
    in_docker(system.root)
    runs = f"docker run -v /srv/fit.py:/opt/fit.py:ro {NAME} python3 /opt/fit.py"
    made(system.root, {"/etc/cron.d/x": f"@daily root {runs}\n", "/usr/bin/docker": b"\x7fELF", "/srv/fit.py": V1})
    (system.root / "usr/bin/docker").chmod(0o755)
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks, entry.inside) == ("/opt/fit.py", "v1", IMAGE)


def test_what_docker_starts_again_is_read_with_what_lies_in_it_of_the_host(system: CodeSystem) -> None:
    """A script that is no part of the image is mounted in most small set-ups."""
    in_docker(system.root)
    at = f"{DOCKER}/containers/{'ab' * 32}"
    record = {"State": {"Running": False}, "Path": "python3", "Args": ["/app/x.py"], "Config": {"Image": NAME}}
    record["MountPoints"] = {"/app": {"Type": "bind", "Source": "/srv/app"}}
    settings = {"RestartPolicy": {"Name": "always"}, "NetworkMode": "bridge"}
    made(system.root, {f"{at}/config.v2.json": json.dumps(record), f"{at}/hostconfig.json": json.dumps(settings)})
    made(system.root, {"/srv/app/x.py": V1})
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks, entry.runs, entry.inside) == ("/app/x.py", "v1", "boot", IMAGE)
    assert entry.own_network


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("", {f"{DIST}/S3/Config.py"}),
        ('args: ["/opt/fit.sh"]', {"/opt/fit.py"}),
        ('command: ["/opt/fit.sh"]', {"/opt/fit.py"}),
        ('command: ["/opt/none"]', set()),
    ],
)
def test_what_a_static_pod_runs_is_read_in_its_image(system: CodeSystem, container: str, expected: set[str]) -> None:
    in_containerd(system.root)
    pod = f"spec:\n  containers:\n  - image: {NAME}\n    {container}\n"
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": pod})
    found = system.code()
    assert {each.path for each in started(found)} == expected
    assert {each.runs for each in started(found)} <= {"boot"}
    # Nobody knows what a program is that is not in there.
    assert [(each.program, each.why) for each in found.read.not_read] == [(IMAGE, unread.NO_SCRIPT)] * (not expected)


@pytest.mark.parametrize(
    ("line", "own"),
    [
        (f"root docker run {NAME} /opt/fit.sh", True),
        (f"root docker run --network backend {NAME} /opt/fit.sh", True),
        (f"root docker run --network host {NAME} /opt/fit.sh", False),
        (f"root podman run {NAME} /opt/fit.sh", True),
        (f"app docker run {NAME} /opt/fit.sh", True),
        (f"app podman run {NAME} /opt/fit.sh", False),
        (f"root docker run other:1; docker run --network host {NAME} /opt/fit.sh", False),
        (f"root docker run --network host {NAME} /opt/fit.sh; docker run {NAME} /opt/fit.sh", True),
    ],
)
def test_a_container_has_a_network_of_its_own_unless_its_command_gives_it_another(
    system: CodeSystem, line: str, own: bool
) -> None:
    in_docker(system.root)
    made(system.root, {"/etc/cron.d/x": f"@daily {line}\n", "/etc/passwd": "app:x:1000:1000::/home/app:/bin/sh\n"})
    made(
        system.root,
        {"/usr/bin/docker": b"\x7fELF", "/usr/bin/podman": b"\x7fELF"},
        executable=("/usr/bin/docker", "/usr/bin/podman"),
    )
    (entry,) = started(system.code())
    assert (entry.path, entry.inside, entry.own_network) == ("/opt/fit.py", IMAGE, own)


GOES_THROUGH = '#!/bin/sh\nfind /docker-entrypoint.d | while read -r f; do "$f"; done\nexec "$@"\n'
TOLD_BY_RUNNING = "#!/bin/sh\nexec /usr/bin/java $JAVA_OPTS -jar /app/app.jar\n"
AT_BOOT = {
    "/usr/lib/systemd/systemd": b"\x7fELF",
    "/etc/systemd/system/app.service": f"[Service]\nExecStart=/usr/bin/docker run --rm {NAME}\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "/etc/systemd/system/multi-user.target.wants/app.service": Path("/etc/systemd/system/app.service"),
}
BY_CRON = {"/etc/cron.d/x": f"@daily root docker run --rm {NAME}\n"}


def with_image(system: CodeSystem, starts: Mapping[str, str | bytes | Path], entry: str, command: str) -> None:
    java = {"/usr/bin/java": b"\x7fELF"}
    layer = {**java, "/bin/sh": b"\x7fELF", "/entry.sh": entry, "/app/run.sh": command}
    config = {"Entrypoint": ["/entry.sh"], "Cmd": ["/app/run.sh"]}
    docker_image(system.root, NAME, [layer], config, executable=("/usr/bin/java", "/bin/sh"))
    made(system.root, {**starts, "/usr/bin/docker": b"\x7fELF"}, executable=("/usr/bin/docker",))


@pytest.mark.parametrize("starts", [AT_BOOT, BY_CRON])
def test_what_an_entry_point_goes_through_by_a_variable_leaves_nothing_open(
    system: CodeSystem, starts: Mapping[str, str | bytes | Path]
) -> None:
    with_image(system, starts, GOES_THROUGH, "#!/bin/sh\ntrue\n")
    assert system.code().read.not_read == ()


def test_what_an_image_is_told_to_run_leaves_open_what_it_goes_through(system: CodeSystem) -> None:
    with_image(system, BY_CRON, '#!/bin/sh\nexec "$@"\n', GOES_THROUGH)
    assert {each.program for each in system.code().read.not_read} == {"/app/run.sh"}


@pytest.mark.parametrize(
    ("starts", "owner_uid", "is_known"),
    [(AT_BOOT, None, True), (AT_BOOT, 1000, False), (BY_CRON, None, False)],
)
def test_what_the_boot_starts_of_an_image_is_known_by_the_container_that_runs_of_it(
    system: CodeSystem, starts: Mapping[str, str | bytes | Path], owner_uid: int | None, is_known: bool
) -> None:
    """Not so what cron starts, which runs at other times; nor may a user's container of that name hide what root's starts."""
    with_image(system, starts, '#!/bin/sh\nexec "$@"\n', TOLD_BY_RUNNING)
    assert {each.program for each in system.code().read.not_read} >= {"/usr/bin/java"}
    root = system.image("running")
    system.write("app", b"\x7fELF", root)
    system.process(50, root, exe="/app")
    one = replace(container("x", 50), image=f"docker.io/library/{NAME}", owner_uid=owner_uid)
    open_ones = {each.program for each in system.code(containers=(one,)).read.not_read if each.started_by}
    assert (not open_ones) == is_known


def test_an_image_that_cannot_be_read_may_ask_in_a_network_of_its_own(system: CodeSystem) -> None:
    made(system.root, {"/etc/cron.d/x": "@daily root docker run none:1\n@hourly root docker run --net=host none:2\n"})
    made(system.root, {"/usr/bin/docker": b"\x7fELF"}, executable=("/usr/bin/docker",))
    assert {each.program: each.own_network for each in system.code().read.not_read} == {
        "image none:1": True,
        "image none:2": False,
    }


@pytest.mark.parametrize(("asks", "own"), [('docker run x sh -c "{}"', True), ("{}; docker run x true", False)])
def test_what_a_crontab_has_a_container_ask_is_asked_from_its_network(system: CodeSystem, asks: str, own: bool) -> None:
    line = asks.format("curl -s http://169.254.169.254/latest/meta-data/instance-id")
    made(
        system.root,
        {"/etc/cron.d/x": f"@daily root {line}\n", "/usr/bin/docker": b"\x7fELF"},
        executable=("/usr/bin/docker",),
    )
    (entry,) = [each for each in started(system.code()) if each.path == "/etc/cron.d/x"]
    assert (entry.speaks, entry.own_network) == ("v1", own)


@pytest.mark.parametrize(("spec", "own"), [("", True), ("\n  hostNetwork: true", False)])
def test_a_static_pod_has_a_network_of_its_own_unless_it_says_otherwise(
    system: CodeSystem, spec: str, own: bool
) -> None:
    in_containerd(system.root)
    pod = f"spec:\n  containers:\n  - image: {NAME}\n    args: ['/opt/fit.sh']{spec}\n"
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": pod})
    (entry,) = started(system.code())
    assert entry.own_network is own


def test_an_image_that_asks_by_its_own_command(system: CodeSystem) -> None:
    docker_image(system.root, NAME, LAYERS, {"Cmd": CURL.strip()}, executable=EXECUTABLE)
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": f"spec: {{containers: [{{image: {NAME}}}]}}\n"})
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks, entry.runs) == ("/etc/kubernetes/manifests/x.yaml", "v1", "boot")


def test_an_image_of_which_a_layer_has_gone_is_not_read(system: CodeSystem) -> None:
    in_docker(system.root)
    shutil.rmtree(system.root / f"{DOCKER[1:]}/overlay2/layer0")
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": f"spec: {{containers: [{{image: {NAME}}}]}}\n"})
    found = system.code()
    assert [(each.program, each.why, each.inside) for each in found.read.not_read] == [(IMAGE, unread.IMAGE, None)]


def test_what_a_login_loads_by_names_is_not_missed(system: CodeSystem) -> None:
    made(system.root, {"/etc/profile.d/x.sh": "D=$(cat /etc/app/home)\n. $D/y.sh\n"})
    assert system.code().read.not_read == ()


@pytest.mark.parametrize(("code", "not_read"), [(f"#!/bin/sh\n{CURL}\n", True), ("#!/bin/sh\ntrue\n", False)])
def test_one_of_several_that_fit_a_name_leaves_it_open_only_if_it_asks(
    system: CodeSystem, code: str, not_read: bool
) -> None:
    script = "#!/bin/sh\nR=$(ls -1t /srv/releases | head -1)\n/srv/releases/$R/bin/run\n"
    run = "/srv/releases/1/bin/run"
    files = {"/opt/x": script, run: code, "/etc/cron.d/x": "@daily root /opt/x\n"}
    made(system.root, files, executable=("/opt/x", run))
    found = system.code()
    assert [(each.program, each.why) for each in found.read.not_read] == ([(run, unread.BY_NAME)] if not_read else [])
    assert started(found) == []


@pytest.mark.parametrize(
    "command", ["systemctl start nightly", "service nightly restart", "/opt/x", "sh -c 'systemctl restart nightly'"]
)
@pytest.mark.parametrize("asks", ["/opt/y.sh", f"/bin/sh -c '{CURL}'"])
def test_a_unit_that_a_schedule_starts_runs_by_it(system: CodeSystem, command: str, asks: str) -> None:
    unit = "/etc/systemd/system/nightly.service"
    files = {
        "/etc/cron.d/x": f"@daily root {command}\n",
        "/opt/x": "#!/bin/sh\nsystemctl start nightly.service\n",
        "/opt/y.sh": f"#!/bin/sh\n{CURL}\n",
        unit: f"[Service]\nType=oneshot\nExecStart={asks}\n",
    }
    made(system.root, files, executable=("/opt/x", "/opt/y.sh"))
    (entry,) = started(system.code())
    assert (entry.path, entry.speaks) == (asks if asks.startswith("/opt") else unit, "v1")
    assert (entry.runs, entry.started_by) == ("scheduled", ("/etc/cron.d/x, daily",))


@pytest.mark.parametrize(
    "files",
    [
        {
            "/etc/cron.d/x": "@daily root cd /srv/job && docker compose run --rm job s3cmd put\n",
            "/srv/job/compose.yaml": f"services: {{job: {{image: {NAME}}}}}\n",
        },
        {
            "/etc/cron.d/x": "@daily root docker-compose -f /srv/job/compose.yaml up\n",
            "/srv/job/compose.yaml": f"services: {{job: {{image: {NAME}, command: s3cmd put}}}}\n",
        },
        {"/etc/containers/systemd/x.container": f"[Container]\nImage={NAME}\n[Install]\nWantedBy=multi-user.target\n"},
    ],
)
def test_what_compose_and_quadlets_run_is_read_in_its_image(system: CodeSystem, files: dict[str, str]) -> None:
    in_docker(system.root)
    made(system.root, files)
    found = system.code()
    assert [(each.path, each.speaks, each.inside) for each in started(found)] == [(f"{DIST}/S3/Config.py", "v1", IMAGE)]
    assert found.read.not_read == ()


CHECK_SH = {"/opt/check.sh": f"#!/bin/sh\n{CURL}"}


@pytest.mark.parametrize(
    ("health", "options", "path", "own"),
    [
        ({"Test": ["CMD", "/opt/check.sh"]}, "", "/opt/check.sh", True),
        ({"Test": ["CMD-SHELL", CURL.strip()]}, "", "/etc/cron.d/x", True),
        ({"Test": ["CMD", "/opt/check.sh"]}, "--no-healthcheck", "", True),
        ({"Test": ["CMD", "/opt/none"]}, "", "", True),
        ({}, "--health-cmd /opt/check.sh", "/opt/check.sh", True),
    ],
)
def test_how_the_health_of_what_an_image_runs_is_checked_is_read(
    system: CodeSystem, health: dict[str, list[str]], options: str, path: str, *, own: bool
) -> None:
    config = {"Cmd": ["/opt/quiet.sh"], "Env": ["PATH=/usr/bin:/bin"], "Healthcheck": health}
    layer = {**INSIDE, **CHECK_SH, "/opt/quiet.sh": "#!/bin/sh\ntrue\n"}
    docker_image(system.root, NAME, [layer], config, executable=EXECUTABLE)
    made(system.root, {"/etc/cron.d/x": f"@daily root docker run {options} {NAME}\n", "/usr/bin/docker": b"\x7fELF"})
    (system.root / "usr/bin/docker").chmod(0o755)
    found = system.code()
    assert {each.path for each in started(found)} == ({path} if path else set())
    assert found.read.not_read == ()
    assert {each.own_network for each in started(found)} <= {own}


def test_a_probe_of_a_static_pod_is_read_with_what_the_host_puts_there(system: CodeSystem) -> None:
    in_containerd(system.root)
    pod = (
        "metadata: {name: etcd}\nspec:\n  volumes: [{name: v, hostPath: {path: /srv}}]\n  containers:\n"
        f"  - {{image: '{NAME}', command: [/opt/own.sh], volumeMounts: [{{name: v, mountPath: /v}}],\n"
        "     livenessProbe: {exec: {command: [/v/check.sh]}}}\n"
    )
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": pod, "/srv/check.sh": f"#!/bin/sh\n{CURL}"})
    found = system.code()
    (entry,) = started(found)
    assert (entry.path, entry.speaks, entry.runs, entry.every_s, entry.inside) == (
        *("/v/check.sh", "v1", "scheduled", 10.0),
        IMAGE,
    )
    assert entry.started_by == ("/etc/kubernetes/manifests/x.yaml, whenever the kubelet probes the container",)


@pytest.mark.parametrize("has_image", [True, False])
def test_a_users_container_is_read_in_his_own_store(system: CodeSystem, *, has_image: bool) -> None:
    """Where his engine has no such image, nobody else has to care: his own systemd alone starts it."""
    home = "/home/ana"
    unit = f"[Container]\nImage={NAME}\nExec=/opt/check.sh\n[Install]\nWantedBy=default.target\n"
    made(system.root, {"/etc/passwd": f"ana:x:1000:1000::{home}:/bin/bash\n"})
    made(system.root, {f"{home}/.config/containers/systemd/x.container": unit})
    if has_image:
        podman_image(system.root, [f"localhost/{NAME}"], [{**INSIDE, **CHECK_SH}], {"Env": ["PATH=/usr/bin:/bin"]})
        store = system.root / f"{home[1:]}/.local/share/containers/storage"
        store.parent.mkdir(parents=True)
        (system.root / PODMAN[1:]).rename(store)
        for path in (store, *store.rglob("*")):
            os.chown(path, 1000, 1000, follow_symlinks=False)
            if path.name == "dash":
                path.chmod(0o755)
    found = system.code()
    assert {each.path: (each.speaks, each.starter_uid) for each in started(found)} == (
        {"/opt/check.sh": ("v1", 1000)} if has_image else {}
    )
    assert [(each.program, each.why, each.owner_uid) for each in found.read.not_read] == (
        [] if has_image else [(IMAGE, unread.IMAGE, 1000)]
    )


def test_what_is_too_much_in_another_root_is_left_open(system: CodeSystem) -> None:
    made(system.root / JAIL[1:], {f"/parts/{number}": "#!/bin/sh\n" for number in range(STARTED_MAX + 1)})
    made(system.root, {"/etc/cron.d/x": f"@daily root chroot {JAIL} run-parts /parts\n"})
    (left,) = system.code().read.not_read
    assert (left.program, left.why, left.inside) == ("/parts", unread.MORE, JAIL)


def test_a_script_that_starts_more_than_is_followed_is_left_open(system: CodeSystem) -> None:
    jobs = {f"/opt/jobs/{number}": "#!/bin/sh\n" for number in range(STARTED_MAX + 1)}
    script = "#!/bin/sh\n" + "".join(f"{name}\n" for name in jobs)
    made(system.root, {"/etc/cron.d/x": "@daily root /opt/all.sh\n", "/opt/all.sh": script, **jobs})
    assert ("/opt/all.sh", unread.MORE) in [(each.program, each.why) for each in system.code().read.not_read]


@pytest.mark.parametrize("play", ["", "- hosts: localhost\n  tasks: []\n"])
def test_a_playbook_that_is_fetched_from_elsewhere_and_not_there_is_left_open(system: CodeSystem, play: str) -> None:
    pulled = {"/root/.ansible/pull/h/site.yml": play} if play else {}
    made(system.root, {"/etc/cron.d/x": "@daily root ansible-pull -U https://x/y.git site.yml\n", **pulled})
    made(system.root, {"/usr/bin/ansible-pull": "#!/bin/sh\n"})
    left = [(each.program, each.why) for each in system.code().read.not_read]
    assert left == ([] if play else [("/root/.ansible/pull", unread.NO_SCRIPT)])


def test_a_place_of_the_host_that_is_not_there_hides_nothing_of_a_pods_image(system: CodeSystem) -> None:
    in_containerd(system.root)
    pod = (
        "spec:\n  volumes: [{name: v, hostPath: {path: /none, type: DirectoryOrCreate}}]\n  containers:\n"
        f"  - {{image: '{NAME}', command: [/opt/fit.sh], volumeMounts: [{{name: v, mountPath: /var/lib/x}}]}}\n"
    )
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": pod})
    found = system.code()
    assert ([each.path for each in started(found)], found.read.not_read) == (["/opt/fit.py"], ())
