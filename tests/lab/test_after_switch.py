"""After the switch: a real client that kept its credentials fails hours later, and the report says which one it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S, wait_for
from watching import patient

from imds_probe.kept.generated_names import lasting
from imds_probe.simulator.lab.node import Node
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE

SOURCE = str(Path(__file__).parents[2])
URL = "http://169.254.169.254/latest"
# botocore as it was before it asked for tokens: what it keeps and when it asks again is its own. A line makes its clock go on by so
# many hours, and has it say whether it has credentials.
KEEPS = """
import datetime, sys
from botocore import credentials
from botocore.utils import InstanceMetadataFetcher
class Earlier(InstanceMetadataFetcher):
    def _fetch_metadata_token(self):
        return None
later = datetime.timedelta()
now = credentials._local_now
made = credentials.InstanceMetadataProvider(Earlier(timeout=60, num_attempts=1)).load()
made._time_fetcher = lambda: now() + later
for line in sys.stdin:
    later += datetime.timedelta(hours=int(line))
    try:
        print(bool(made.get_frozen_credentials().secret_key), flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""
FALLS_BACK = f"""
curl -s -f -m 60 -o /dev/null {URL}/meta-data/instance-id || {{
    token=$(curl -s -m 60 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {URL}/api/token)
    curl -s -f -m 60 -o /dev/null -H "X-aws-ec2-metadata-token: $token" {URL}/meta-data/instance-id
    read -r looked_at
}}
"""


class Client:
    """A process that keeps credentials."""

    def __init__(self, node: Node, script: Path) -> None:
        script.write_text(KEEPS)
        self.path = script
        self.child = node.start(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": SOURCE}
        )

    def after(self, hours: int) -> str:
        """What it says of its credentials, so many hours later."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{hours}\n".encode())
        self.child.stdin.flush()
        return self.child.stdout.readline().decode().strip()


@pytest.fixture
def daemon(lab, host, tmp_path):
    """Starts one that watches and does not assess, and ends it."""
    config = tmp_path / "later.toml"
    config.write_text('[daemon]\ninterval = "1h"\njitter = "9d"\n')
    started = []

    def start(state: Path):
        argv = [sys.executable, "-m", "imds_probe", "daemon", "--state-directory", str(state), "--root", str(host)]
        log = tmp_path / f"daemon-{len(started)}.log"
        with log.open("wb") as said:
            child = lab.instance.start(
                [*argv, "--config", str(config)], stdout=said, stderr=said, env=patient(tmp_path)
            )
        started.append(child)
        wait_for(lambda: "watching; the history is" in log.read_text())
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()


def are_settled(state: Path) -> bool:
    """Whether two callers were refused, long enough ago to have asked again."""
    with History(state / FILE, read_only=True) as history:
        found = history.refused_since(time.time() - 3600, time.time()).refused
    return len(found) >= 2 and not any(each.may_recover for each in found)


def test_who_kept_credentials_from_before_the_switch_is_named_once_they_run_out(
    lab, service, daemon, run, made_up, tmp_path
):
    state = tmp_path / "state"
    first = daemon(state)
    client = Client(lab.instance, tmp_path / "uploads.py")
    try:
        assert client.after(0) == "True"
        service.update(http_tokens="required")
        ran = run("--state-directory", str(state))
        switched = ran.report["verdict"]["switched"]
        assert (switched["state"], switched["refused_callers"]) == ("clean-so-far", 0)
        assert {"switch-recent", "tokens-required"} <= ran.finding_ids
        assert client.after(1) == "True"  # by what it has
        assert client.after(6) != "True"
        script = tmp_path / "register.sh"
        script.write_text(FALLS_BACK)
        shell = lab.instance.start(["sh", str(script)], stdin=subprocess.PIPE)
        wait_for(lambda: are_settled(state))
        shell.communicate()
    finally:
        client.child.kill()
        client.child.wait()
    assert "refused for want of a token" in (tmp_path / "daemon-0.log").read_text()
    first.terminate()
    assert first.wait(timeout=SOON_S) == 0
    daemon(state)  # another one goes on
    ran = run("--state-directory", str(state))
    after = ran.report["verdict"]["switched"]
    assert (ran.verdict, ran.code, ran.report["verdict"]["confidence"]) == ("not-ready", 1, "high")
    assert (after["state"], after["refused_callers"], after["recovered_callers"]) == ("refused", 1, 1)
    assert (after["since"], after["hours"] >= switched["hours"]) == (switched["since"], True)
    (found,) = [each for each in ran.report["findings"] if each["id"] == "refused-for-good"]
    assert lasting(str(client.path)) in found["summary"], json.dumps(found)
    assert found["fix"]["commands"][0] == ran.report["verdict"]["rollback"]["aws_cli"]
    (again,) = [each for each in ran.report["findings"] if each["id"] == "refused-recovered"]
    assert lasting(str(script)) in again["summary"]
