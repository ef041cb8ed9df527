"""Reports really sent from the made-up host, and the EC2 API asked, signed with its role's credentials, to AWS as moto has it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from aws_server import SERVER, AwsServer
from soon import SOON_S

GROUP, STREAM = "/imds-probe/reports", "i-0123456789abcdef0"
REGION = "us-east-1"  # the simulator's


@pytest.fixture(scope="module")
def aws(lab):
    """On the instance's own loopback."""
    child = lab.instance.start([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = child.stdout.readline().decode().strip()
    yield AwsServer(f"http://127.0.0.1:{port}", child.pid)
    child.stdin.close()
    child.wait(timeout=SOON_S)
    child.stdout.close()


@pytest.fixture
def config(aws, lab, tmp_path):
    lab.instance.call(aws.reset)
    path = tmp_path / "imds-probe.toml"
    path.write_text(
        f'state_directory = "{tmp_path}/state"\n[aws]\ncloudwatch_endpoint = "{aws.endpoint}"\n'
        f'logs_endpoint = "{aws.endpoint}"\n[file]\npath = "{tmp_path}/reports/report.json"\n'
    )
    return path


def logged(aws, lab) -> list[dict]:
    def read():
        client = aws.client("logs", REGION)
        return client.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True)["events"]

    return [json.loads(event["message"]) for event in lab.instance.call(read)]


def test_the_roles_credentials_come_by_imdsv2_and_the_report_arrives(run, service, lab, aws, config, tmp_path):
    service.update(http_tokens="required")
    ran = run("--config", str(config), "--report", "cloudwatch,cloudwatch-logs,file", "--no-v1-probe")
    assert ran.stderr == ""
    assert service.counts.imdsv1 == 0
    assert "/latest/meta-data/iam/security-credentials/app-role" in service.counts.by_path
    assert logged(aws, lab) == [ran.report]
    metrics = lab.instance.call(lambda: aws.client("cloudwatch", REGION).list_metrics(Namespace="ImdsProbe")["Metrics"])
    assert {each["MetricName"] for each in metrics} >= {"Heartbeat", "Hosts", "ReportAge"}
    assert json.loads((tmp_path / "reports/report.json").read_text()) == ran.report
    assert list((tmp_path / "state/spool/cloudwatch").glob("[0-9]*")) == []


def test_what_could_not_be_sent_comes_with_the_next_run(run, service, lab, aws, config, tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text(config.read_text().replace(aws.endpoint, "http://127.0.0.1:9"))
    first = run("--config", str(broken), "--report", "cloudwatch-logs")
    assert "imds-probe: cloudwatch-logs: AWS cannot be reached: " in first.stderr
    assert "1 report waiting" in first.stderr
    second = run("--config", str(config), "--report", "cloudwatch-logs")
    assert (first.code, second.stderr) == (second.code, "")
    assert logged(aws, lab) == [first.report, second.report]


def test_without_a_role_verdict_and_exit_code_are_the_same(run, service, config):
    service.update(iam_role=None)
    without, reporting = run(), run("--config", str(config), "--report", "cloudwatch")
    assert (without.code, without.verdict) == (reporting.code, reporting.verdict)
    assert "cloudwatch: no credentials for AWS: " in reporting.stderr


def test_elsewhere_the_metadata_service_is_not_asked_for_credentials(run, service, host, config):
    (host / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    ran = run("--config", str(config), "--report", "cloudwatch")
    assert ran.verdict == "unknown"
    assert service.counts.total == 0


def test_nothing_secret_is_in_what_is_kept(run, service, config, tmp_path, lab, aws):
    script = "curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
    token = lab.instance.run(["sh", "-c", script], timeout_s=SOON_S).stdout
    path = "http://169.254.169.254/latest/meta-data/iam/security-credentials/app-role"
    header = f"X-aws-ec2-metadata-token: {token.decode()}"
    served = json.loads(lab.instance.run(["curl", "-s", "-H", header, path], timeout_s=SOON_S).stdout)
    run("--config", str(config), "--report", "cloudwatch,file")
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file() and "host" not in each.parts)
    for secret in (served["SecretAccessKey"], served["Token"], token.decode()):
        assert secret.encode() not in kept


def test_the_api_is_asked_with_the_roles_credentials_in_the_place_of_a_request_without_a_token(
    run, service, lab, aws, host, tmp_path
):
    def launch() -> str:
        made = aws.client("ec2", REGION).run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3, "HttpEndpoint": "enabled"},
        )
        aws.client("autoscaling", REGION).describe_auto_scaling_instances()  # its first answer takes moto long
        return made["Instances"][0]["InstanceId"]

    instance = lab.instance.call(launch)
    service.update(instance_id=instance)
    config = tmp_path / "asking.toml"
    config.write_text(
        f'[control_plane]\nask = true\n[aws]\nec2_endpoint = "{aws.endpoint}"\n'
        f'autoscaling_endpoint = "{aws.endpoint}"\n'
    )
    (host / "etc/ecs").mkdir(parents=True)
    (host / "etc/ecs/ecs.config").write_text("ECS_CLUSTER=web\n")
    ran = run("--config", str(config))
    said = ran.report["control_plane"]
    assert said["instance"]["http_tokens"] == "required"
    assert (ran.imds["tokens"], ran.imds["tokens_method"], service.counts.imdsv1) == ("required", "ec2-api", 0)
    assert ran.report["probe"]["imdsv1_requests_made"] == 0
    (differs,) = [each for each in ran.report["findings"] if each["id"] == "hop-limit-differs"]
    assert differs["summary"] == "the token response arrives with hop limit 1, and the EC2 API says 3"
    assert ran.report["instance"]["owner"]["kind"] == "ecs"
