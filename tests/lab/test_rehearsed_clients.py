"""Real clients in a rehearsal and after the switch: what becomes of each has to be the same."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rehearsing import lasting_lease, place
from sdk_zoo import ZOO
from soon import SOON_S

URL = "http://169.254.169.254/latest"
SITE = "lib/python3.11/site-packages"
KEY = "ASIAEXAMPLE"
_BOTOCORE = """
import collections, collections.abc
for name in ("Mapping", "MutableMapping", "Callable", "MutableSet"):  # botocore of 2019 has them from there
    setattr(collections, name, getattr(collections.abc, name))
import botocore.session
found = botocore.session.Session().get_credentials()
print(found and found.access_key)
"""
_NODE_2 = """
const AWS = require("aws-sdk")
const asked = new AWS.EC2MetadataCredentials({ httpOptions: { timeout: 60000 }, maxRetries: 1 })
asked.refresh(trouble => console.log(trouble ? trouble.code : asked.accessKeyId))
"""
_NODE_3 = """
const { S3Client } = require("@aws-sdk/client-s3")
const { fromInstanceMetadata } = require("@smithy/credential-provider-imds")
const patient = fromInstanceMetadata({ timeout: 60000 })
const asked = new S3Client({ region: "us-east-1", credentials: patient }).config.credentials()
asked.then(found => console.log(found.accessKeyId), trouble => console.log(trouble.name))
"""
_CURL_EITHER = f"""
token=$(curl -s -f -m 60 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {URL}/api/token)
curl -s -f -m 60 ${{token:+-H "X-aws-ec2-metadata-token: $token"}} {URL}/meta-data/instance-id || echo refused
"""
# Nothing listens there: a program that has credentials says so by what it fails at.
_RCLONE = (ZOO / "debian/usr/bin/rclone", "--retries", "1", "--low-level-retries", "1", "--config", "", "lsd")
_BUCKETS = ":s3,provider=Other,env_auth=true,endpoint='http://127.0.0.1:9':"


@dataclass(frozen=True)
class Client:
    """What it runs, and a word of what it prints where it gets what it asks for; `survives` the switch or not."""

    argv: tuple[str, ...]
    works: str
    survives: bool


def _python(directory: str, *, survives: bool) -> Client:
    path = f"PYTHONPATH={ZOO / directory / SITE}"
    return Client(("env", path, "/usr/bin/python3", "-W", "ignore", "-c", _BOTOCORE), KEY, survives)


def _node(directory: str, program: str, *, survives: bool) -> Client:
    path = f"NODE_PATH={ZOO / directory / 'node_modules'}"
    return Client(("env", path, "node", "-e", program), KEY, survives)


CHEAP = {
    "botocore-1.12": _python("opt/python-old", survives=False),
    "aws-sdk-2.574": _node("srv/node-old", _NODE_2, survives=False),
    "aws-sdk-3": _node("srv/node-new", _NODE_3, survives=True),
    "rclone": Client((*map(str, _RCLONE), _BUCKETS), "127.0.0.1:9", survives=True),
}
OTHERS = {
    "botocore-new": _python("opt/python-new", survives=True),
    "aws-sdk-2.1692": _node("srv/node-new", _NODE_2, survives=True),
    "curl-v1": Client(
        ("curl", "-s", "-m", "60", f"{URL}/meta-data/instance-id"), "i-0123456789abcdef0", survives=False
    ),
    "curl-either": Client(("sh", "-c", _CURL_EITHER), "i-0123456789abcdef0", survives=True),
}


def works(lab, client: Client, state: Path, *before: str) -> bool:
    """Whether it gets what it asks for, however slow the machine is."""
    argv = [*before, *client.argv]
    env = lasting_lease(state) | {"AWS_CONFIG_FILE": "/dev/null", "AWS_METADATA_SERVICE_TIMEOUT": "60"}
    done = lab.instance.run(argv, timeout_s=3 * SOON_S, env=env)
    return client.works.encode() in done.stdout + done.stderr


def fares_the_same(lab, service, client: Client, state: Path) -> None:
    probe = [sys.executable, "-m", "imds_probe", "rehearse", "--assume-ec2", "--no-v1-probe", "--no-record"]
    with place():
        rehearsed = works(lab, client, state, *probe, "--state-directory", str(state), "--")
    service.update(http_tokens="required")
    assert rehearsed == works(lab, client, state) == client.survives


@pytest.mark.parametrize("name", CHEAP)
def test_a_client_fares_in_a_rehearsal_as_after_the_switch(lab, service, tmp_path, name):
    fares_the_same(lab, service, CHEAP[name], tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", {**CHEAP, **OTHERS})
def test_clients_work_before_and_fare_in_a_rehearsal_as_after_the_switch(lab, service, tmp_path, name):
    client = {**CHEAP, **OTHERS}[name]
    assert works(lab, client, tmp_path)
    fares_the_same(lab, service, client, tmp_path)
