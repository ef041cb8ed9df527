"""Reports in CloudWatch Logs as moto has them."""

from __future__ import annotations

import datetime
import json
import time

import pytest
from aws_server import aws_server
from reports_made import hostile, report

from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.cloudwatch_logs import EVENT_BYTES_MAX, LogsConfig, make
from imds_probe.sinks.sink import SinkError, started_at

GROUP, STREAM = "/imds-probe/reports", "i-0123456789abcdef0"


@pytest.fixture(scope="module")
def server():
    with aws_server() as running:
        # moto imports a service at its first call: for longer than a sink waits, on a busy machine.
        running.client("logs").describe_log_groups()
        yield running


@pytest.fixture
def aws(server, monkeypatch, tmp_path):
    server.reset()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return server


def recent(made: dict | None = None, age_s: float = 60.0) -> dict:
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age_s)
    made = made or report()
    made["probe"]["started_at"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return made


def send(aws, made: dict, **logs) -> None:
    settings = Settings(AwsConfig(logs_endpoint=aws.endpoint), LogsConfig(**logs))
    make(settings, {"AWS_EC2_METADATA_DISABLED": "true"}).send(made, time.monotonic() + 60)


def events(aws, stream: str = STREAM) -> list[dict]:
    client = aws.client("logs")
    return client.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]


def test_group_and_stream_are_made_once_and_each_report_is_an_event(aws):
    first, second = recent(age_s=120), recent(age_s=60)
    send(aws, first, retention_days=30)
    send(aws, second, retention_days=90)
    found = events(aws)
    assert [json.loads(each["message"]) for each in found] == [first, second]
    assert [each["timestamp"] for each in found] == [int(started_at(each) * 1000) for each in (first, second)]
    (group,) = aws.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (GROUP, 30)


def test_a_group_that_somebody_made_keeps_its_retention(aws):
    aws.client("logs").create_log_group(logGroupName=GROUP)
    send(aws, recent(), retention_days=30)
    (group,) = aws.client("logs").describe_log_groups()["logGroups"]
    assert "retentionInDays" not in group
    assert len(events(aws)) == 1


def test_without_leave_nothing_is_made(aws):
    with pytest.raises(SinkError, match=f"the log group {GROUP} or its stream {STREAM} does not exist") as caught:
        send(aws, recent(), create=False)
    assert caught.value.outcome == "later"
    assert aws.client("logs").describe_log_groups()["logGroups"] == []


def test_a_report_that_is_too_large_is_summed_up(aws):
    large = hostile(200)
    large["instance"] |= {"instance_id": STREAM, "region": "eu-west-1"}
    send(aws, recent(large))
    (event,) = events(aws)
    assert len(event["message"]) <= EVENT_BYTES_MAX
    assert json.loads(event["message"])["schema"] == "imds-probe.report-summary/v1"


def test_too_old_is_said_before_it_is_sent(aws):
    with pytest.raises(SinkError) as caught:
        send(aws, recent(age_s=15 * 86400))
    assert caught.value.outcome == "too-old"
