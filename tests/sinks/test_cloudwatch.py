"""Metrics in CloudWatch as moto has them: sent, described back, compared."""

from __future__ import annotations

import datetime
import time

import pytest
from aws_server import aws_server
from fault_server import faulty, one_after_another
from reports_made import report

from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.cloudwatch import make
from imds_probe.sinks.metrics import metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.sink import SinkError, started_at


@pytest.fixture(scope="module")
def aws():
    with aws_server() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


ENVIRON = {"AWS_EC2_METADATA_DISABLED": "true"}


def recent(age_s: float = 60.0) -> dict:
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age_s)
    return report(probe={"started_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})


def send(endpoint: str, made: dict, metrics: MetricsConfig | None = None) -> None:
    settings = Settings(AwsConfig(cloudwatch_endpoint=endpoint), metrics or MetricsConfig())
    make(settings, ENVIRON).send(made, time.monotonic() + 60)


@pytest.mark.parametrize(
    "metrics", [MetricsConfig(), MetricsConfig("Own/Space", ("ImageId",), {"Env": "prod"}, per_instance=True)]
)
def test_what_cloudwatch_has_is_what_the_report_says(aws, metrics):
    aws.reset()
    made = recent()
    send(aws.endpoint, made, metrics)
    client = aws.client("cloudwatch")
    listed = client.list_metrics(Namespace=metrics.namespace)["Metrics"]
    there = {(each["MetricName"], frozenset((d["Name"], d["Value"]) for d in each["Dimensions"])) for each in listed}
    expected = metrics_of(made, metrics, time.time())
    assert there == {(each.name, frozenset(each.dimensions.items())) for each in expected}
    at = started_at(made)
    for each in expected:
        found = client.get_metric_statistics(
            Namespace=metrics.namespace,
            MetricName=each.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in each.dimensions.items()],
            StartTime=at - 60,
            EndTime=at + 60,
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        (point,) = found
        assert point["Unit"] == each.unit
        # moto counts what has more dimensions than were asked for, too.
        alike = [
            other.value
            for other in expected
            if other.name == each.name and other.dimensions.items() >= each.dimensions.items()
        ]
        assert point["Sum"] == pytest.approx(sum(alike), abs=20 if each.name == "ReportAge" else 0)


def test_all_of_a_report_is_one_request_and_large_ones_are_compressed():
    with faulty(lambda _: "ok") as server:
        send(server.endpoint, recent(), MetricsConfig(dimensions=("ImageId",), per_instance=True))
        assert server.kinds == ["ok"]
        assert server.requests[0][1].get("content-encoding") == "gzip"


@pytest.mark.parametrize(("age_s", "outcome"), [(15 * 86400, "too-old"), (-3 * 3600, "refused")])
def test_what_cloudwatch_would_refuse_for_its_time_is_not_sent(age_s, outcome):
    with faulty(lambda _: "ok") as server, pytest.raises(SinkError) as caught:
        send(server.endpoint, recent(age_s))
    assert (caught.value.outcome, server.kinds) == (outcome, [])


def test_credentials_that_expire_are_taken_anew():
    with faulty(one_after_another("expired")) as server:
        send(server.endpoint, recent())
        assert server.kinds == ["expired", "ok"]


def test_a_report_with_more_metrics_than_one_request_takes_is_refused_whole():
    made = recent()
    made["findings"] = [{**made["findings"][0], "id": f"finding-{n}", "severity": "blocker"} for n in range(1000)]
    with faulty(lambda _: "ok") as server, pytest.raises(SinkError, match="more than one request takes") as caught:
        send(server.endpoint, made)
    assert (caught.value.outcome, server.kinds) == ("refused", [])
