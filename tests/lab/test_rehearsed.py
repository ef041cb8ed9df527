"""What a rehearsal in the lab is worth to the runs after it: real clients, as a unit and as a command."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from rehearsing import lasting_lease, place
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.kept.generated_names import lasting
from imds_probe.rehearsal.callers import GIVEN_S
from imds_probe.rehearsal.group import hierarchy_of

URL = "http://169.254.169.254/latest"
# It asks as it always did, and by token where that is refused. It rests after some of these: the end of a rehearsal is not to
# come between the two.
FALLS_BACK = f"""
recovered=0
while :; do
    [ $recovered -lt 3 ] || {{ sleep 1; continue; }}
    curl -s -f -m 60 -o /dev/null {URL}/meta-data/instance-id || {{
        token=$(curl -s -m 60 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {URL}/api/token)
        curl -s -f -m 60 -H "X-aws-ec2-metadata-token: $token" {URL}/meta-data/instance-id && {{
            recovered=$((recovered + 1))
            echo recovered
        }}
    }}
    sleep 0.2
done
"""
NEW_SDK = """
import botocore.utils, time
while True:
    fetcher = botocore.utils.InstanceMetadataFetcher(timeout=60, num_attempts=1)
    print(fetcher.retrieve_iam_role_credentials().get("role_name"), flush=True)
    time.sleep(1)
"""
ONLY_V1 = f"""while :; do
curl -s -m 60 -o /dev/null -w '%{{http_code}}\\n' {URL}/meta-data/
sleep 0.5
done
"""


@pytest.fixture
def unit(made_up, tmp_path):
    """A unit's control group with clients in it: its name, and how to start one."""
    top = hierarchy_of(Path("/proc")).mount / f"imds-probe-test-{os.getpid()}.slice"
    directory = top / f"app-{os.getpid()}.service"
    directory.mkdir(parents=True)

    def start(*argv: str) -> Path:
        said = tmp_path / f"{Path(argv[-1]).name}.said"
        launched = f'echo $$ > "$0" && exec "$@" > {said}'
        made_up.start(["sh", "-c", launched, str(directory / "cgroup.procs"), *argv])
        return said

    yield directory.name, start
    (directory / "cgroup.kill").write_text("1")
    wait_for(lambda: _gone(directory))
    top.rmdir()


def _gone(directory: Path) -> bool:
    with contextlib.suppress(OSError):
        directory.rmdir()
    return not directory.exists()


@pytest.fixture
def rehearse(made_up, tmp_path):
    """Rehearse until what is waited for has come, and what it said and ended with."""

    def call(*arguments, until=None):
        said = tmp_path / "rehearsal.said"
        argv = [sys.executable, "-m", "imds_probe", "rehearse", "--assume-ec2", "--no-v1-probe"]
        argv += ["--state-directory", str(tmp_path / "state"), "--hop-limit", "1", *arguments]
        with said.open("wb") as file:
            pid = made_up.start(argv, stdout=file.fileno(), env=lasting_lease(tmp_path))
        child = made_up._children[pid]
        try:
            if until is not None:
                wait_for(lambda: until(said.read_text()) or child.poll() is not None)
                child.send_signal(signal.SIGTERM)
            return child.wait(SOON_S), said.read_text()
        finally:
            child.kill()
            child.wait()

    with place():
        yield call


def test_what_came_of_callers_is_evidence_of_the_next_run(service, unit, rehearse, run, tmp_path):
    name, start = unit
    script, program, other = tmp_path / "falls-back.sh", tmp_path / "sdk.py", tmp_path / "only-v1.sh"
    script.write_text(FALLS_BACK)
    program.write_text(NEW_SDK)
    other.write_text(ONLY_V1)
    recovered, served = start("sh", str(script)), start(sys.executable, str(program))
    wait_for(lambda: served.exists() and "app-role" in served.read_text())

    def both_have_asked(_: str) -> bool:
        # The script recovers in the rehearsal alone; what the other says two times after that it has asked for in it.
        if recovered.read_text().count("recovered") == 3:  # the first may be of a lapse, on a busy machine
            lines.append(len(served.read_text().splitlines()))
        return bool(lines) and lines[-1] > lines[0] + 1

    lines: list[int] = []
    code, said = rehearse("--unit", name, until=both_have_asked)
    assert code == exitcodes.READY, said
    assert f"{script} (process" in said and "was refused without a token and then asked with one" in said
    assert "the next runs on this host count this rehearsal as evidence" in said

    def has_given_up(said: str) -> bool:
        # More than once: one that is refused just before a lapse may be about to ask again.
        if said.count("401") > 2:
            refused.append(time.monotonic())
        return bool(refused) and refused[-1] > refused[0] + GIVEN_S

    refused: list[float] = []
    # It lives on, as who wants to be judged does.
    code, said = rehearse("--", "sh", str(other), until=has_given_up)
    assert code == exitcodes.NOT_READY and "it would fail after the switch" in said

    ran = run("--state-directory", str(tmp_path / "state"))
    command, of_unit = ran.report["rehearsals"]
    assert (of_unit["kind"], of_unit["target"], of_unit["hop_limit"]) == ("unit", name, 1)
    assert command["kind"] == "command"
    callers = {each["script"]: each for each in (*of_unit["callers"], *command["callers"])}
    outcomes = {path: (each["outcome"], each["stale"], bool(each["pids"])) for path, each in callers.items()}
    assert outcomes == {
        str(script): ("recovered", "", True),
        str(program): ("token", "", True),
        str(other): ("gave-up", "", True),
    }
    assert (ran.verdict, ran.report["verdict"]["confidence"]) == ("not-ready", "high")
    assert "experiment" in ran.report["verdict"]["evidence"]
    assert {"rehearsal-passed", "rehearsal-gave-up"} <= ran.finding_ids
    (blocker,) = [each for each in ran.report["findings"] if each["id"] == "rehearsal-gave-up"]
    assert blocker["summary"].startswith(f"{lasting(str(other))} (curl) was refused ")
    # By reading, that script has both, and would be left open.
    assert "code-undecided" not in ran.finding_ids
