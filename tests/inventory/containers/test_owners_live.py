"""A user of this machine, with control groups of his own, who calls his processes what root's container is called."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from control_groups import control_group, hierarchies
from discovering import seen
from soon import wait_for

from imds_probe.inventory.containers.cgroups import unit_of_user
from imds_probe.watch.caller import caller_of

MALLORY = 4242
AS_MALLORY = ("setpriv", f"--reuid={MALLORY}", f"--regid={MALLORY}", "--clear-groups")
MANAGER = f"/user.slice/user-{MALLORY}.slice/user@{MALLORY}.service"
PROC = Path("/proc")


@contextlib.contextmanager
def sleeper(*before):
    child = subprocess.Popen([*before, "sleep", "120"], start_new_session=True)
    try:
        wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
        yield child.pid
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def handed_to_mallory(path):
    """A control group in each hierarchy that is his: he makes groups below it, and puts his processes there, himself."""
    with control_group(path):
        for hierarchy in hierarchies():
            for name in ("", "cgroup.procs"):
                os.chown(hierarchy / path.lstrip("/") / name, MALLORY, MALLORY)
        yield


@contextlib.contextmanager
def moved_by_mallory(above, below, pid):
    """All of it with his rights alone: a group below the one that is his, and a process in it."""
    places = [hierarchy / above.lstrip("/") / below for hierarchy in hierarchies()]
    try:
        for place in places:
            as_mallory("mkdir", "-p", str(place))
            as_mallory("sh", "-c", f"echo {pid} > {place}/cgroup.procs")
        yield
    finally:
        for hierarchy, place in zip(hierarchies(), places, strict=True):
            with contextlib.suppress(ProcessLookupError):
                (hierarchy / "cgroup.procs").write_text(f"{pid}\n")
            for made in [place, *place.parents][: len(Path(below).parts)]:
                with contextlib.suppress(OSError):  # there is something else in it
                    made.rmdir()


def as_mallory(*command):
    done = subprocess.run([*AS_MALLORY, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def by_identity(container_id):
    return {each.identity: each for each in seen().containers if each.id == container_id}


@pytest.fixture
def container_id():
    return f"{os.getpid():064x}"


@pytest.mark.parametrize(
    "above", [MANAGER, f"/system.slice/idtest-{os.getpid()}.service", f"/idtest-{os.getpid()}-job"]
)
def test_his_scope_is_his_and_the_container_is_roots(container_id, above):
    """Whether it is below his manager, his unit, or a group that root gave him by chown; what he makes is older."""
    with (
        sleeper(*AS_MALLORY) as his,
        sleeper("unshare", "--net") as ours,
        handed_to_mallory(above),
        moved_by_mallory(above, f"docker-{container_id}.scope", his),
        control_group(f"/system.slice/docker-{container_id}.scope", ours),
    ):
        found = by_identity(container_id)
        assert {identity: (each.pids, each.pid, each.owner_uid) for identity, each in found.items()} == {
            container_id: ((ours,), ours, None),
            f"user {MALLORY}/{container_id}": ((his,), his, MALLORY),
        }
        assert found[container_id].network == "own"
        assert caller_of(PROC, his).container == f"user {MALLORY}/{container_id}"
        assert caller_of(PROC, ours).container == container_id


def test_a_container_in_a_user_namespace_of_his_is_his(container_id):
    """As a rootless runtime makes it: root there, with network, mounts and numbers of its own."""
    rootless = (*AS_MALLORY, "unshare", "--user", "--map-root-user", "--net", "--mount")
    with (
        sleeper(*rootless) as his,
        handed_to_mallory(MANAGER),
        moved_by_mallory(MANAGER, f"libpod-{container_id}.scope", his),
    ):
        (found,) = by_identity(container_id).values()
        assert (found.owner_uid, found.pids, found.runtime, found.network) == (MALLORY, (his,), "podman", "own")
        assert found.title == f"{container_id[:12]} of user {MALLORY}"


def test_a_process_of_roots_that_he_started_is_in_none_of_his_containers(container_id):
    with (
        sleeper(*AS_MALLORY) as his,
        sleeper() as sudo,
        handed_to_mallory(MANAGER),
        moved_by_mallory(MANAGER, f"docker-{container_id}.scope", his),
        control_group(f"{MANAGER}/docker-{container_id}.scope", sudo),
    ):
        (found,) = by_identity(container_id).values()
        assert (found.owner_uid, found.pids) == (MALLORY, (his,))


@pytest.mark.parametrize(
    ("above", "below", "unit"),
    [
        (MANAGER, "app.slice/amazon-ssm-agent.service", unit_of_user(MALLORY, "amazon-ssm-agent.service")),
        (MANAGER, "user-0.slice/amazon-ssm-agent.service", unit_of_user(MALLORY, "amazon-ssm-agent.service")),
        ("/system.slice/idtest.service", "amazon-ssm-agent.service", "idtest.service"),
        (f"/idtest-{os.getpid()}", "amazon-ssm-agent.service", unit_of_user(MALLORY, "amazon-ssm-agent.service")),
    ],
)
def test_his_unit_is_not_the_systems(above, below, unit):
    with sleeper(*AS_MALLORY) as his, handed_to_mallory(above), moved_by_mallory(above, below, his):
        assert caller_of(PROC, his).unit == unit


def test_a_program_that_is_only_called_dockerd_says_nothing_of_docker(tmp_path, container_id):
    """Nor does one that has root's rights for a moment: its arguments are of whoever started it."""
    command = ["dockerd", "--data-root", str(tmp_path)]
    record = tmp_path / "containers" / container_id / "config.v2.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"Name": "/web", "Config": {"Labels": {"io.kubernetes.docker.type": "podsandbox"}}}')
    script = "import sys,time\nopen('/proc/self/comm','w').write('dockerd')\nprint(flush=True)\ntime.sleep(60)"
    child = subprocess.Popen(
        ["bash", "-c", 'exec -a dockerd python3 -c "$0" "$@"', script, *command[1:]], stdout=subprocess.PIPE
    )
    try:
        child.stdout.readline()
        assert Path(f"/proc/{child.pid}/comm").read_text() == "dockerd\n"
        with sleeper() as pid, control_group(f"/docker/{container_id}", pid):
            (found,) = by_identity(container_id).values()
            assert (found.name, found.sandbox) == (None, False)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
