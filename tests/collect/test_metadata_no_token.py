"""CloudWatch's count beside ours: a real one, by moto."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from pathlib import Path

import pytest
from aws_server import AwsServer, aws_server
from watched_calls import SEEN

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.metadata_no_token import LEAST_HOURS, compared, look
from imds_probe.config import AwsConfig
from imds_probe.facts.callers import REJECTED, SERVED, MetricCompared
from imds_probe.facts.instance import Instance
from imds_probe.imds.client import RequestCounter
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE, HOUR_S

INSTANCE = Instance("i-0123456789abcdef0", "eu-west-1")
ENVIRON: dict[str, str] = {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def aws():
    with aws_server() as server:
        yield server


@pytest.fixture(autouse=True)
def in_the_middle_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """None more is over between two looks at the clock."""
    now = (time.time() // HOUR_S - 1) * HOUR_S + 0.75 * HOUR_S
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


def watched(state: Path, hours: int, calls_at: list[int], status: int = 200) -> int:
    """A history of whole hours up to the last one that has settled; the number of the first. A call in some of them."""
    first = int((time.time() - 1800) // HOUR_S) - hours
    with History(state / FILE) as history:
        calls = [(replace(SEEN, at=(first + at) * HOUR_S + 100.0, status=status), None) for at in calls_at]
        history.record(calls, first * HOUR_S - 1.0, time.time())
    return first


def counted(aws: AwsServer, first: int, sums: dict[int, int], instance_id: str, metric: str = SERVED) -> None:
    aws.reset()
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/EC2",
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
                "Timestamp": datetime.datetime.fromtimestamp((first + hour) * HOUR_S + 300, datetime.UTC),
                "Value": value,
                "Unit": "Count",
            }
            for hour, value in sums.items()
        ],
    )


def request(aws: AwsServer | None, state: Path) -> CallersOptions:
    endpoint = aws.endpoint if aws else "http://127.0.0.1:9"
    return CallersOptions(state, compare=AwsConfig(cloudwatch_endpoint=endpoint))


def test_a_caller_that_was_not_seen_shows(aws, credentials, tmp_path):
    first = watched(tmp_path, 6, [1, 1, 4])
    counted(aws, first, {1: 2, 3: 40, 4: 1}, str(INSTANCE.instance_id))
    found = look(request(aws, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(found, MetricCompared)
    assert (found.hours, found.counted, found.seen, found.unseen) == (4, 43, 3, 40)


def test_where_both_have_the_same_nobody_was_missed(aws, credentials, tmp_path):
    first = watched(tmp_path, 5, [1, 3])
    counted(aws, first, {1: 1, 3: 1}, str(INSTANCE.instance_id))
    found = look(request(aws, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(found, MetricCompared)
    assert (found.counted, found.seen, found.unseen) == (2, 2, 0)
    counted(aws, first, {1: 500}, "i-00000000000000000")  # another instance's
    found = look(request(aws, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(found, MetricCompared)
    assert found.counted == 0


def test_once_tokens_are_required_it_is_the_refused_calls_that_are_compared(aws, credentials, tmp_path):
    first = watched(tmp_path, 6, [1, 4], status=401)
    counted(aws, first, {1: 1, 3: 5, 4: 1}, str(INSTANCE.instance_id), REJECTED)
    options = request(aws, tmp_path)
    found = look(options, INSTANCE, ENVIRON, RequestCounter(), begun=0.0)
    assert isinstance(found, MetricCompared)
    assert (found.name, found.counted, found.seen, found.unseen) == (REJECTED, 7, 2, 5)
    later = look(options, INSTANCE, ENVIRON, RequestCounter(), begun=(first + 3) * HOUR_S)  # nothing before the switch
    assert isinstance(later, MetricCompared)
    assert (later.hours, later.counted) == (1, 1)
    served = look(options, INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(served, MetricCompared)
    assert (served.name, served.counted, served.unseen) == (SERVED, 0, 0)


def test_where_it_cannot_be_asked_it_says_why(tmp_path, credentials):
    none = look(request(None, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert none == "the daemon has no history to compare with CloudWatch"
    watched(tmp_path, 1, [])
    few = look(request(None, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert few == f"the watch covers fewer than {LEAST_HOURS} hours in a row"
    (tmp_path / FILE).unlink()
    watched(tmp_path, 5, [])
    closed = look(request(None, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(closed, str)
    assert closed.startswith("AWS cannot be reached: ")


def test_without_credentials_it_says_so(aws, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    watched(tmp_path, 5, [])
    found = look(request(aws, tmp_path), INSTANCE, ENVIRON, RequestCounter())
    assert isinstance(found, str)
    assert found.startswith("no credentials for AWS: ")


def test_a_call_at_the_edge_of_an_hour_is_nobody_unseen():
    seen = {10: 1, 11: 0, 12: 0, 20: 0, 21: 0, 22: 1}
    blocks = [[10, 11, 12], [20, 21, 22]]
    assert compared(blocks, seen, {11: 1, 21: 1}).unseen == 0
    assert compared(blocks, seen, {11: 2, 21: 1}).unseen == 1
    assert compared(blocks, seen, {10: 50, 22: 50}).unseen == 0  # hours that are not compared
