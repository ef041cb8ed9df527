"""What strangers can do to keep a run from its verdict: it ends in time, and says what it could not see."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import fuse_share
import own_reads
import pytest
import silent_process
from soon import SOON_S, wait_for
from watching import SOURCE

from imds_probe import exitcodes
from imds_probe.reading.unanswered import FILE
from imds_probe.simulator import scenarios

TIMEOUT_S = 20.0  # with room for a busy machine: what hangs takes some seconds of it
# Starting the interpreter and the package manager on a busy machine comes on top of the run's own limit.
SLACK_S = 30.0


@pytest.fixture
def in_time(run, service):
    """A run that ends within its time."""

    def call(*arguments):
        began = time.monotonic()
        ran = run("--timeout", str(TIMEOUT_S), *arguments)
        assert time.monotonic() - began < TIMEOUT_S + SLACK_S
        late = [(each["id"], each["status"], each["reason"]) for each in ran.report["collectors"] if each["reason"]]
        assert ran.report["probe"]["duration_ms"] < (TIMEOUT_S + SLACK_S) * 1000, late
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
    # The program that hangs and the one that serves its share are one script, which has a call by IMDSv1 in it.
    assert ran.verdict in ("unknown", "not-ready")


def test_what_a_user_runs_and_hides_is_his_own(in_time, made_up, service, tmp_path):
    """He can do so at any time: the verdict does not depend on it, and the report says that it was not read."""
    (tmp_path / "share").mkdir()
    argv = [sys.executable, silent_process.__file__, str(tmp_path / "share")]
    his = made_up.start(argv, cgroup="0::/user.slice/user-4242.slice/user@4242.service/app.slice/run.scope\n")
    wait_for(lambda: silent_process.is_held_up(made_up.outer_pid(his), silent_process.WAITS))
    ran = in_time()
    assert "code-not-read-of-users" in ran.finding_ids
    assert not {"code-not-read", "sdks-not-seen"} & ran.finding_ids
    assert f"process {his}, which a user runs, does not answer" in records(ran)["sdks"]["reason"]


def test_nobody_waits_for_what_hangs(made_up, host, service, tmp_path):
    """`run | cat` ends with the run: no process that hangs holds the pipe."""
    (tmp_path / "share").mkdir()
    his = made_up.start(
        [sys.executable, silent_process.__file__, str(tmp_path / "share")], cgroup=f"0::/docker/{'5' * 64}\n"
    )
    wait_for(lambda: silent_process.is_held_up(made_up.outer_pid(his), silent_process.WAITS))
    probe = f"{sys.executable} -m imds_probe run --timeout {TIMEOUT_S} --root {host}"
    began = time.monotonic()
    done = made_up.run(["sh", "-c", f"{probe} | cat"], timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE})
    assert time.monotonic() - began < TIMEOUT_S + SLACK_S
    assert done.stdout


OUTER = "5" * 64
OLD_PACKAGES = scenarios.OLD_PACKAGES | {"datadog-agent": "1:7.60.0-1"}
WAITS = ("sh", "-c", "echo there; exec sleep 600")


@pytest.fixture
def shared(first_line):
    """Mount a share that never answers this operation; the PID of its server."""

    def call(directory, operation):
        pid, said = first_line([sys.executable, fuse_share.__file__, "--here", str(directory), operation])
        assert said.startswith("mounted"), said
        return pid

    return call


def on_the_host(path):
    def prepare(made_up, host, first_line):
        del made_up, first_line
        return host / path

    return prepare


def in_a_container(path, nested=0):
    def prepare(made_up, host, first_line):
        del host
        root = made_up.container_root({})
        assert first_line(WAITS, cgroup=f"0::/docker/{OUTER}\n", root=root)[1] == "there"
        for number in range(nested):
            made_up.start(cgroup=f"0::/docker/{OUTER}/docker/{str(number) * 64}\n", root=root)
        return root / path

    return prepare


@pytest.mark.parametrize(
    ("prepare", "collector", "place"),
    [
        pytest.param(on_the_host("etc/datadog-agent"), "settings", "etc/datadog-agent", id="settings of the host"),
        pytest.param(on_the_host("var/lib/dpkg"), "dpkg", "var/lib/dpkg", id="packages of the host"),
        pytest.param(on_the_host("opt"), "sdks", "/opt", id="opt of the host"),
        pytest.param(in_a_container("etc"), "container-software", "etc/os-release", id="etc of a container"),
        pytest.param(
            in_a_container("var", nested=3), "containers", "/var/lib", id="var of a container with containers"
        ),
        pytest.param(on_the_host("etc"), "obstacles", "etc/cloud", id="etc of the host"),
        pytest.param(on_the_host("run/netns"), "containers", "run/netns", id="names of the host's networks"),
        pytest.param(on_the_host("sys"), "platform", "sys/class/dmi", id="firmware of the host"),
        pytest.param(on_the_host("var/lib/imds-probe"), "callers", "var/lib/imds-probe", id="state directory"),
    ],
)
def test_a_share_that_never_answers(in_time, made_up, host, first_line, shared, tmp_path, prepare, collector, place):
    """The place is named, and what else is known of the host, which is not ready, still is."""
    scenarios.write_host(host, OLD_PACKAGES, "i-0123456789abcdef0")
    shared(prepare(made_up, host, first_line), "lookup")
    ran = in_time(*(() if collector == "callers" else ("--state-directory", str(tmp_path / "state"))))
    record = records(ran)[collector]
    assert record["status"] in ("partial", "failed")
    assert place in record["reason"]
    # Without its packages, nothing of the host is too old.
    assert ran.verdict == ("unknown" if collector == "dpkg" else "not-ready")


# All that a run reads of its host but its processes, each with a share of its own.
EVERYWHERE = (
    *("etc", "var", "run", "sys", "usr", "lib", "lib64", "bin", "sbin"),
    *("opt", "srv", "app", "home", "root", "data", "snap"),
)


def test_shares_that_never_answer_at_every_place_that_is_read(in_time, made_up, host, shared, tmp_path):
    """What the processes say is all that there is, and it is said that the rest is missing."""
    made_up.start_container("web", env={"AWS_REGION": "eu-west-1"})
    for each in EVERYWHERE:
        (host / each).mkdir(exist_ok=True)
    shared(os.pathsep.join(str(host / each) for each in EVERYWHERE), "lookup")
    ran = in_time("--assume-ec2", "--state-directory", str(tmp_path / "state"))
    assert ran.verdict == "unknown"
    assert ran.imds["endpoint"] == "enabled"
    (web,) = ran.report["containers"]
    assert web["environment"] == [["AWS_REGION"]]
    missing = {name for name, each in records(ran).items() if each["status"] in ("partial", "failed", "skipped")}
    assert missing >= {"platform", "host", "dpkg", "rpm", "apk", "snap", "containers", "callers"}


@pytest.mark.parametrize("option", ["--root", "--out", "--deep"])
def test_a_place_that_the_command_line_names_and_that_never_answers_is_wrong_usage(made_up, host, shared, option):
    """Before anything is asked."""
    shared(host / "mnt", "getattr" if option == "--root" else "lookup")
    place = host / "mnt" if option == "--root" else host / "mnt/below" if option == "--out" else Path("/mnt/below")
    argv = [
        sys.executable,
        "-m",
        "imds_probe",
        "run",
        "--timeout",
        str(TIMEOUT_S),
        "--root",
        str(host),
        option,
        str(place),
    ]
    began = time.monotonic()
    done = made_up.run(argv, timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE})
    assert time.monotonic() - began < TIMEOUT_S + SLACK_S
    assert (done.returncode, done.stdout) == (exitcodes.USAGE, b"")
    assert str(place) in done.stderr.decode()


def test_later_runs_leave_a_share_alone_until_it_is_gone(in_time, made_up, host, shared, tmp_path):
    """The reader that hangs there cannot be killed: hourly runs are not to leave one each."""
    scenarios.write_host(host, OLD_PACKAGES, "i-0123456789abcdef0")
    state = tmp_path / "state"
    server = shared(host / "etc/datadog-agent", "lookup")
    ran = in_time("--state-directory", str(state))
    (left,) = json.loads((state / FILE).read_text())
    status = ["grep", "-q", "^State:.[^Z]", str(host / f"proc/{left['pid']}/status")]
    assert made_up.run(status, timeout_s=SOON_S).returncode == 0
    again = in_time("--state-directory", str(state))
    assert json.loads((state / FILE).read_text()) == [left]
    for each in (ran, again):
        assert records(each)["settings"]["status"] == "partial"
        assert "etc/datadog-agent" in records(each)["settings"]["reason"]
    made_up.end(server)
    wait_for(lambda: made_up.run(status, timeout_s=SOON_S).returncode)
    # The process that hung may hold it for a moment longer.
    wait_for(lambda: made_up.run(["umount", str(host / "etc/datadog-agent")], timeout_s=SOON_S).returncode == 0)
    assert records(in_time("--state-directory", str(state)))["settings"]["status"] == "ok"


def test_the_runs_own_process_touches_nothing_below_a_root_but_what_the_kernel_answers_for(
    made_up, host, service, tmp_path
):
    """All else is looked at by its readers, which it can do without."""
    scenarios.write_host(host, OLD_PACKAGES, "i-0123456789abcdef0")
    made_up.start_container("web", env={"AWS_REGION": "eu-west-1"})
    argv = [sys.executable, own_reads.__file__, str(host), "--output", "json", "--state-directory", str(tmp_path)]
    done = made_up.run(argv, timeout_s=SOON_S, env={"PYTHONPATH": SOURCE})
    touched = json.loads(done.stderr.splitlines()[-1])
    assert any(" /proc/" in each for each in touched)
    # Of the root itself it is asked whether it is a directory, when it has answered.
    assert [each for each in touched if " /proc" not in each] == ["stat /"]
