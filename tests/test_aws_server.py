"""The stand-in for AWS: other tests rely on it for being there, for being empty, and for being gone afterwards."""

import os
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from aws_server import REGION, aws_server
from botocore.exceptions import EndpointConnectionError


def test_it_answers_forgets_and_ends():
    with aws_server() as server:
        assert urlsplit(server.endpoint).hostname == "127.0.0.1"
        logs = server.client("logs")
        assert logs.meta.region_name == REGION
        logs.create_log_group(logGroupName="/here")
        assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["/here"]
        server.reset()
        assert logs.describe_log_groups()["logGroups"] == []
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    with pytest.raises(EndpointConnectionError):
        logs.describe_log_groups()


def test_its_log_never_stops_it():
    with aws_server() as server:
        for _ in range(40):  # more than the 64 KiB that a pipe holds, as it logs what it is asked for
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{server.endpoint}/moto-api/{'x' * 2000}", timeout=60)


def test_it_is_stopped_where_a_test_fails():
    with pytest.raises(AssertionError, match="the test's own"):
        with aws_server() as server:
            raise AssertionError("the test's own")
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_two_do_not_share_anything():
    with aws_server() as one, aws_server() as other:
        one.client("logs").create_log_group(logGroupName="/here")
        assert other.client("logs").describe_log_groups()["logGroups"] == []


def test_it_heeds_no_credentials_or_settings_of_the_machine(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    with aws_server() as server:
        client = server.client("sts")
        assert client.meta.region_name == REGION
        assert client.get_caller_identity()["Account"] == "123456789012"
