"""What strangers can do to keep a run from its verdict: it ends in time, and says what it could not see."""

from __future__ import annotations

import os
import sys
import time

import pytest
import silent_process
from soon import wait_for
from watching import SOURCE

TIMEOUT_S = 8.0
# Starting the interpreter and the package manager on a busy machine comes on top of the run's own limit.
SLACK_S = 8.0


@pytest.fixture
def in_time(run, service):
    """A run that ends within its time."""

    def call(*arguments):
        began = time.monotonic()
        ran = run("--timeout", str(TIMEOUT_S), *arguments)
        assert time.monotonic() - began < TIMEOUT_S + SLACK_S
        late = [(each["id"], each["status"], each["reason"]) for each in ran.report["collectors"] if each["reason"]]
        assert ran.report["probe"]["duration_ms"] < (TIMEOUT_S + 1) * 1000, late
        assert "Traceback" not in ran.stderr
        return ran

    return call


def records(ran):
    return {each["id"]: each for each in ran.report["collectors"]}


def of_the_host(ran):
    return [each for each in ran.report["software"] if each["container"] is None]


def test_a_container_whose_environment_cannot_be_read(in_time, made_up, tmp_path):
    """The others' are read, and it is said that its own was not."""
    made_up.start_container("web", env={"AWS_REGION": "eu-west-1"})
    before = in_time()
    (tmp_path / "share").mkdir()
    argv = [sys.executable, silent_process.__file__, str(tmp_path / "share")]
    his = made_up.start(argv, cgroup=f"0::/docker/{'5' * 64}\n")
    wait_for(lambda: silent_process.is_held_up(made_up.outer_pid(his), silent_process.WAITS))
    ran = in_time()
    containers = {each["id"]: each for each in ran.report["containers"]}
    silent = containers.pop("5" * 64)
    assert silent["environment"] is None
    (web,) = containers.values()
    assert web["environment"] == [["AWS_REGION"]]
    assert records(ran)["containers"]["status"] == "partial"
    assert f"waiting: {made_up.root}/proc/{his}" in records(ran)["containers"]["reason"]
    assert of_the_host(ran) == of_the_host(before)
    assert ran.verdict == "unknown" or ran.verdict == before.verdict != "ready"


def test_64_mb_of_json_in_a_users_home(in_time, made_up, host):
    """Records of podman that take more memory than their reader has cost that user the names of his containers."""
    before = in_time()
    (host / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:4242:4242::/home/ann:/bin/sh\n")
    store = host / "home/ann/.local/share/containers/storage/overlay-containers"
    store.mkdir(parents=True)
    with (store / "containers.json").open("w") as file:
        file.write("[" + "[]," * 2_700_000 + "[]]")  # 8 MB, which Python makes 150 of
    for path in (host / "home/ann", *(host / "home/ann").rglob("*")):
        os.chown(path, 4242, 4242)
    user = "/user.slice/user-4242.slice/user@4242.service/user.slice/libpod-" + "a" * 64 + ".scope/container"
    made_up.start(["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "sleep", "600"], cgroup=f"0::{user}\n")
    ran = in_time()
    assert len(ran.report["containers"]) == len(before.report["containers"]) + 1
    assert ran.report["probe"]["peak_memory_bytes"] < 150 << 20
    assert ran.verdict == before.verdict


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_waits_for_what_hangs(made_up, host, service, tmp_path, form):
    """`run | cat` ends with the run: no process that hangs holds the pipe."""
    (tmp_path / "share").mkdir()
    his = made_up.start(
        [sys.executable, silent_process.__file__, str(tmp_path / "share")], cgroup=f"0::/docker/{'5' * 64}\n"
    )
    wait_for(lambda: silent_process.is_held_up(made_up.outer_pid(his), silent_process.WAITS))
    probe = f"{sys.executable} -m imds_probe run --timeout {TIMEOUT_S} --output {form} --root {host}"
    began = time.monotonic()
    done = made_up.run(["sh", "-c", f"{probe} | cat"], timeout_s=40, env={"PYTHONPATH": SOURCE})
    assert time.monotonic() - began < TIMEOUT_S + SLACK_S
    assert done.stdout
