"""`imds-probe rehearse` in the lab: at the service's own addresses, with clients as they are."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsing import lasting_lease, place, tables
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.rehearsal.group import hierarchy_of, left_behind

SOURCE = str(Path(__file__).parents[2])
PROC = Path("/proc")
V4, V6 = "http://169.254.169.254", "http://[fd00:ec2::254]"
STATUS = "curl -s -g -m 60 -o /dev/null -w '%{http_code}\\n'"
# An SDK of today, whose token is its own business; and the same one that was told to do without.
BOTOCORE = """
import botocore.utils, sys
fetcher = botocore.utils.InstanceMetadataFetcher(timeout=60, num_attempts=1)
print(fetcher.retrieve_iam_role_credentials().get("role_name"))
"""


@pytest.fixture
def here():
    with place() as directory:
        yield directory
        assert left_behind(directory) == []


@pytest.fixture
def rehearse(lab, service, here, tmp_path):
    """Start a rehearsal on the lab's instance."""
    started = []

    @contextlib.contextmanager
    def call(*arguments):
        argv = [
            sys.executable,
            "-m",
            "imds_probe",
            "rehearse",
            "--assume-ec2",
            "--state-directory",
            str(tmp_path),
            *arguments,
        ]
        child = lab.instance.start(argv, env=lasting_lease(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(child)
        try:
            yield child
        finally:
            child.kill()
            child.communicate()

    yield call
    assert lab.instance.call(tables) == []


def ended(child):
    out, err = child.communicate(timeout=SOON_S)
    return child.returncode, out.decode(), err.decode()


def test_a_command_with_all_kinds_of_clients(lab, service, rehearse):
    ruleset = lab.instance.run(["nft", "list", "ruleset"], timeout_s=SOON_S).stdout
    script = f"""
    {STATUS} {V4}/latest/meta-data/ami-id
    {STATUS} '{V6}/latest/meta-data/ami-id'
    token=$(curl -s -m 60 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {V4}/latest/api/token)
    {STATUS} -H "X-aws-ec2-metadata-token: $token" '{V6}/latest/meta-data/'
    '{sys.executable}' -c '{BOTOCORE}'
    """
    with rehearse("--", "sh", "-c", script) as child:
        code, out, err = ended(child)
    assert (code, out) == (exitcodes.NOT_READY, "401\n401\n200\napp-role\n"), err
    assert "2 requests without a token refused" in err
    # All that one shell has asked for it, it has asked for, and it did not ask for the same again.
    assert err.count("curl (process ") == 1 and err.count("it would fail after the switch") == 1
    assert err.count("asked with a token\n") == 1
    assert "the rehearsal is undone" in err
    assert service.counts.imdsv1 == 1  # that which showed that tokens are optional
    assert lab.instance.run(["nft", "list", "ruleset"], timeout_s=SOON_S).stdout == ruleset
    plain = lab.instance.run(["sh", "-c", f"{STATUS} {V4}/latest/meta-data/"], timeout_s=SOON_S)
    assert plain.stdout == b"200\n"


def test_one_that_is_ready_and_one_that_fails(rehearse):
    with rehearse("--no-v1-probe", "--output", "json", "--", sys.executable, "-c", BOTOCORE) as child:
        code, out, _ = ended(child)
    role, result = out.splitlines()
    (caller,) = json.loads(result)["callers"]
    assert (code, role, caller["outcome"], json.loads(result)["left"]) == (exitcodes.READY, "app-role", "token", [])
    with rehearse("--", "sh", "-c", "exit 7") as child:
        code, _, err = ended(child)
    assert code == exitcodes.NOT_READY
    assert "the command ended with exit code 7" in err and "This proves nothing" in err


def test_who_leaves_is_named(lab, rehearse, tmp_path):
    over = tmp_path / "over"
    script = f"unshare --net sh -c 'until [ -e {over} ]; do sleep 0.1; done'"
    with rehearse("--", "sh", "-c", script) as child:
        said = b""
        while b"is in another network namespace: its requests are not rehearsed" not in said:
            line = child.stderr.readline()
            assert line, said
            said += line
        over.touch()
        assert ended(child)[0] == exitcodes.READY


def test_when_the_time_is_up_the_command_runs_on(rehearse, tmp_path):
    """Until it gets metadata without a token again, and whoever waits for it is told what it came to."""
    over = tmp_path / "over"
    script = f"""
    until [ "$({STATUS} {V4}/latest/meta-data/)" = 200 ]; do sleep 0.1; done
    until [ -e {over} ]; do sleep 0.1; done
    exit 5
    """
    with rehearse("--for", "1s", "--", "sh", "-c", script) as child:
        said = b""
        while b"the command keeps running, with IMDSv1 as before" not in said:
            line = child.stderr.readline()
            assert line, said
            said += line
        assert b"the rehearsal is undone" in said
        over.touch()
        code, _, err = ended(child)
    assert code == exitcodes.NOT_READY and "ended with exit code 5" in err


def test_asked_to_stop_it_takes_it_back_at_once(lab, rehearse, tmp_path):
    said = tmp_path / "said"
    with rehearse("--", "sh", "-c", f"echo $$ > {said}; exec sleep 600") as child:
        wait_for(lambda: said.exists() and said.read_text())
        assert len(lab.instance.call(tables)) == 2
        try:
            child.send_signal(signal.SIGTERM)
            code, _, err = ended_without_output(child)
        finally:
            os.kill(int(said.read_text()), signal.SIGKILL)
    assert code == exitcodes.READY and "the rehearsal is undone" in err


def ended_without_output(child):
    """The command has its outputs open still."""
    wait_for(lambda: child.poll() is not None)
    return child.returncode, "", os.read(child.stderr.fileno(), 65536).decode()


@pytest.fixture
def unit(lab, tmp_path):
    """What systemd makes of a unit: a control group in a slice, anew at each start, and a process that writes down what it is
    answered without a token.
    """
    top = hierarchy_of(PROC).mount / f"imds-probe-test-{os.getpid()}.slice"
    directory = top / f"web-{os.getpid()}.service"
    running = []

    class Unit:
        name = directory.name

        def start(self) -> Path:
            directory.mkdir(parents=True)
            answers = tmp_path / f"answers-{len(running)}"
            script = f'echo $$ > "$0"; while :; do {STATUS} {V4}/latest/meta-data/ >> {answers}; sleep 0.05; done'
            running.append(lab.instance.start(["sh", "-c", script, str(directory / "cgroup.procs")]))
            wait_for(lambda: answers.exists() and answers.read_text())
            return answers

        def stop(self) -> None:
            if directory.exists():
                (directory / "cgroup.kill").write_text("1")
                running[-1].wait()
                wait_for(lambda: gone(directory))

    yield Unit()
    Unit().stop()
    gone(top)


def gone(directory: Path) -> bool:
    with contextlib.suppress(OSError):
        directory.rmdir()
    return not directory.exists()


def waits_for(child, words: bytes) -> bytes:
    """Read what it says until it says this."""
    said = b""
    while words not in said:
        line = child.stderr.readline()
        assert line, said
        said += line
    return said


def test_a_unit_that_starts_again_stays_in_and_nobody_beside_it_notices(lab, rehearse, unit):
    answers = unit.start()
    wait_for(lambda: "200" in answers.read_text())
    with rehearse("--unit", unit.name) as child:
        waits_for(child, b"receive no metadata without a token")
        wait_for(lambda: answers.read_text().endswith("401\n"))
        with rehearse("--unit", unit.name) as second:
            code, _, err = ended(second)
        assert code == exitcodes.UNAVAILABLE and f"another rehearsal of {unit.name} is running" in err
        unit.stop()
        waits_for(child, b"ended: it is rehearsed again when it starts")
        answers = unit.start()
        waits_for(child, b"restarted: it is rehearsed again")
        wait_for(lambda: answers.read_text().endswith("401\n"))
        beside = lab.instance.run(["sh", "-c", f"{STATUS} {V4}/latest/meta-data/"], timeout_s=SOON_S)
        assert beside.stdout == b"200\n"
        child.send_signal(signal.SIGTERM)
        code, _, err = ended(child)
    assert code == exitcodes.NOT_READY and "it would fail after the switch" in err
    wait_for(lambda: answers.read_text().endswith("200\n"))


def test_a_unit_that_ends_can_end_the_rehearsal(rehearse, unit):
    unit.start()
    with rehearse("--unit", unit.name, "--stop-on", "exit") as child:
        waits_for(child, b"receive no metadata without a token")
        unit.stop()
        code, _, err = ended(child)
    assert code == exitcodes.NOT_READY and f"ended early: {unit.name} ended" in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--stop-on", "refused"], "a request without a token was refused"),
        (["--check", "[ ! -e {said} ]"], "the check ended with exit code 1"),
    ],
)
def test_it_ends_before_there_is_harm(rehearse, tmp_path, options, says):
    """And from then on the command is served."""
    said = tmp_path / "said"
    script = f"""
    {STATUS} {V4}/latest/meta-data/
    touch {said}
    until [ "$({STATUS} {V4}/latest/meta-data/)" = 200 ]; do sleep 0.1; done
    """
    with rehearse(*(each.format(said=said) for each in options), "--", "sh", "-c", script) as child:
        code, out, err = ended(child)
    assert code == exitcodes.NOT_READY and out == "401\n"
    assert f"the rehearsal ended early: {says}" in err


def test_where_tokens_are_required_already_there_is_nothing_to_rehearse(service, rehearse):
    service.update(http_tokens="required")
    with rehearse("--", "true") as child:
        code, _, err = ended(child)
    assert code == exitcodes.UNAVAILABLE and "tokens are required on this host already" in err


def test_where_the_service_gives_no_token_there_is_nothing_to_rehearse(service, rehearse):
    service.update(http_endpoint="disabled")
    with rehearse("--", "true") as child:
        code, _, err = ended(child)
    assert code == exitcodes.UNAVAILABLE and "gives this host no token" in err


def test_without_privilege_it_is_refused(lab, service, here):
    argv = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", sys.executable, "-m"]
    done = lab.instance.run(
        [*argv, "imds_probe", "rehearse", "--assume-ec2", "--", "true"], timeout_s=SOON_S, env={"PYTHONPATH": SOURCE}
    )
    assert done.returncode == exitcodes.UNAVAILABLE
    assert b"permission" in done.stderr or b"Permission" in done.stderr
