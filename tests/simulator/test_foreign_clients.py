"""Clients that nobody here wrote take the simulator for EC2, and not one of their requests is IMDSv1."""

import json
import os
import sys
from datetime import UTC, datetime

import pytest
from botocore.exceptions import MetadataRetrievalError
from botocore.session import Session
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

from imds_probe.system import process

STATE = {
    "http_tokens": "required",
    "iam_role": "web",
    "region": "eu-west-1",
    "availability_zone": "eu-west-1b",
    "instance_metadata_tags": "enabled",
    "tags": {"Name": "example", "team:a": "b c"},
    "user_data": "#!/bin/sh\necho hello\n",
    "key_name": "mine",
    "public_ip": "192.0.2.7",
    "autoscaling_target_lifecycle_state": "InService",
    "spot_instance_action": "terminate",
}


def fetcher(kind, simulator, *, v1_disabled=True, timeout_s=60):
    settings = {"ec2_metadata_service_endpoint": simulator.url, "ec2_metadata_v1_disabled": v1_disabled}
    return kind(timeout=timeout_s, num_attempts=2, config=settings, user_agent="botocore")


def test_botocore_credentials_and_region(simulate):
    simulator = simulate(**STATE)
    credentials = fetcher(InstanceMetadataFetcher, simulator).retrieve_iam_role_credentials()
    assert credentials["role_name"] == "web"
    assert {credentials["secret_key"], credentials["token"]} <= simulator.issued_secrets
    expires = datetime.fromisoformat(credentials["expiry_time"].replace("Z", "+00:00"))
    assert 5 < (expires - datetime.now(UTC)).total_seconds() / 3600 <= 6
    assert fetcher(InstanceMetadataRegionFetcher, simulator).retrieve_region() == "eu-west-1"
    assert (simulator.counts.imdsv1, simulator.counts.token_puts) == (0, 2)


def test_a_botocore_session_over_ipv6(simulate, monkeypatch, tmp_path):
    simulator = simulate(**STATE, http_protocol_ipv6="enabled")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1]:%d" % simulator.addresses[1][1])
    monkeypatch.setenv("AWS_EC2_METADATA_V1_DISABLED", "true")
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "60")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    credentials = Session().get_credentials()
    assert credentials.method == "iam-role"
    assert credentials.access_key.startswith("ASIAEXAMPLE")
    assert (simulator.counts.imdsv1, simulator.counts.by_caller["::1"].imdsv2) == (0, simulator.counts.total)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403, "applies_to": "token_put"},
        {"kind": "silence-after-request", "applies_to": "token_put"},
        {"kind": "reset-before-answer", "applies_to": "token_put"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_botocore_falls_back_to_v1_where_the_token_is_lost(simulate, fault):
    simulator = simulate(**STATE | {"http_tokens": "optional"}, faults=(fault,))
    timeout_s = 5 if "silence" in fault["kind"] else 60  # for what never comes
    fetching = fetcher(InstanceMetadataFetcher, simulator, v1_disabled=False, timeout_s=timeout_s)
    assert fetching.retrieve_iam_role_credentials()
    assert simulator.counts.imdsv1 == 2


def test_botocore_has_no_way_without_v1(simulate):
    simulator = simulate(**STATE, faults=({"kind": "status", "status": 403, "applies_to": "token_put"},))
    with pytest.raises(MetadataRetrievalError):
        fetcher(InstanceMetadataFetcher, simulator).retrieve_iam_role_credentials()
    assert simulator.counts.imdsv1 == 0


@pytest.fixture
def at_the_metadata_address(simulate, metadata_netns):
    """A simulator at 169.254.169.254:80 in a namespace of its own, and a way to run programs there."""
    simulator = simulate(netns=metadata_netns, listen=(("169.254.169.254", 80),), **STATE)

    def run(*argv):
        return process.run(["nsenter", f"--net={metadata_netns}", *argv], timeout_s=120)

    return simulator, run


EC2_METADATA_LIBRARY = """
import json
from ec2_metadata import ec2_metadata as m
interface = m.network_interfaces[m.mac]
print(json.dumps({
    "account_id": m.account_id, "ami_id": m.ami_id, "az": m.availability_zone, "az_id": m.availability_zone_id,
    "index": m.ami_launch_index, "manifest": m.ami_manifest_path, "asg": m.autoscaling_target_lifecycle_state,
    "profile": m.instance_profile_name, "action": m.instance_action, "id": m.instance_id, "type": m.instance_type,
    "life_cycle": m.instance_life_cycle, "kernel": m.kernel_id, "hostname": m.private_hostname,
    "private": m.private_ipv4, "public": m.public_ipv4, "keys": list(m.public_keys), "partition": m.partition,
    "domain": m.domain, "region": m.region, "reservation": m.reservation_id, "groups": m.security_groups,
    "spot": m.spot_instance_action.action, "tags": dict(m.tags), "user_data": m.user_data.decode(),
    "secret": m.iam_security_credentials["SecretAccessKey"],
    "interface": [interface.device_number, interface.private_ipv4s, interface.vpc_id, interface.owner_id],
}))
"""


def test_the_ec2_metadata_library(at_the_metadata_address):
    simulator, run = at_the_metadata_address
    done = run(sys.executable, "-c", EC2_METADATA_LIBRARY)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found.pop("secret") in simulator.issued_secrets
    assert found == {
        "account_id": "123456789012",
        "ami_id": "ami-0123456789abcdef0",
        "az": "eu-west-1b",
        "az_id": "use1-az1",
        "index": 0,
        "manifest": "(unknown)",
        "asg": "InService",
        "profile": "web",
        "action": "none",
        "id": "i-0123456789abcdef0",
        "type": "m5.large",
        "life_cycle": "on-demand",
        "kernel": None,
        "hostname": "ip-10-0-0-10.ec2.internal",
        "private": "10.0.0.10",
        "public": "192.0.2.7",
        "keys": ["mine"],
        "partition": "aws",
        "domain": "amazonaws.com",
        "region": "eu-west-1",
        "reservation": "r-0123456789abcdef0",
        "groups": ["default"],
        "spot": "terminate",
        "tags": {"Name": "example", "team:a": "b c"},
        "user_data": "#!/bin/sh\necho hello\n",
        "interface": [0, ["10.0.0.10"], "vpc-0123456789abcdef0", "123456789012"],
    }
    assert (simulator.counts.imdsv1, simulator.counts.token_puts) == (0, 1)


def test_debians_ec2_metadata_script(at_the_metadata_address):
    """From the package amazon-ec2-utils."""
    simulator, run = at_the_metadata_address
    done = run("ec2-metadata", "--all")
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    for line in (
        "ami-id: ami-0123456789abcdef0",
        "instance-id: i-0123456789abcdef0",
        "local-ipv4: 10.0.0.10",
        "placement: eu-west-1b",
        "kernel-id: not available",
        "security-groups: default",
        "user-data: #!/bin/sh",
        "keyname:mine",
        "format:openssh-key",
    ):
        assert line in lines, done.stdout.decode()
    assert any("Name: example" in line for line in lines)
    assert (simulator.counts.imdsv1, simulator.counts.imdsv1_refused) == (0, 0)


def test_debians_ec2_metadata_script_without_a_service(at_the_metadata_address):
    simulator, run = at_the_metadata_address
    simulator.update(http_endpoint="disabled")
    done = run("ec2-metadata", "-i")
    assert done.returncode == 1
    assert b"Could not get IMDSv2 token" in done.stdout


def test_curl(at_the_metadata_address):
    simulator, run = at_the_metadata_address
    url = "http://169.254.169.254/latest"
    token = run("curl", "-sf", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", f"{url}/api/token")
    assert token.stdout.decode() in simulator.issued_secrets
    header = f"X-aws-ec2-metadata-token: {token.stdout.decode()}"
    assert run("curl", "-sf", "-H", header, f"{url}/meta-data/instance-id").stdout == b"i-0123456789abcdef0"
    head = run("curl", "-sfI", "-H", header, f"{url}/meta-data/instance-id")
    assert b"Content-Length: 19" in head.stdout
    assert run("curl", "-sf", "--http1.0", "-H", header, f"{url}/user-data").stdout == STATE["user_data"].encode()
    assert run("curl", "-sf", f"{url}/meta-data/").returncode == 22  # HTTP status 400 or above
    assert (simulator.counts.imdsv1, simulator.counts.imdsv1_refused) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [
        ({"kind": "close"}, 52),  # empty reply
        ({"kind": "reset-before-answer"}, 56),  # failure in receiving
        ({"kind": "garbage"}, 1),  # HTTP/0.9, which curl refuses
        ({"kind": "content-length-too-long"}, 18),  # partial file
        ({"kind": "silence-after-request"}, 28),  # time-out
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_curl_names_the_faults(at_the_metadata_address, fault, exit_code):
    simulator, run = at_the_metadata_address
    simulator.update(faults=[fault], http_tokens="optional")
    within_s = "2" if exit_code == 28 else "60"
    done = run("curl", "-s", "--max-time", within_s, "http://169.254.169.254/latest/meta-data/instance-id")
    assert done.returncode == exit_code
