"""Calls of AWS on loopback: what becomes of each kind of answer, and which credentials and Region they go with."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from fault_server import KINDS, FaultServer, faulty, one_after_another
from reports_made import BARE, report
from soon import wait_for

from imds_probe.aws import calls, clients
from imds_probe.config import AwsConfig
from imds_probe.simulator.server import Simulator
from imds_probe.sinks.aws_sender import AwsSender
from imds_probe.sinks.sink import SinkError

ENVIRON = {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(autouse=True)
def nothing_of_the_machines(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(calls, "BASE_S", 0.001)


def sender(server: FaultServer, environ: dict[str, str] | None = None) -> AwsSender:
    return AwsSender("logs", AwsConfig(logs_endpoint=server.endpoint), environ or ENVIRON)


def put(client) -> dict:
    return client.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])


def failing(server: FaultServer, made: dict | None = None, within_s: float = 60.0) -> SinkError:
    with pytest.raises(SinkError) as caught:
        sender(server).call(made or report(), put, time.monotonic() + within_s)
    return caught.value


def test_what_was_answered_is_given_back():
    with faulty(lambda _: "ok") as server:
        assert sender(server).call(report(), put, time.monotonic() + 60)["nextSequenceToken"] == "1"
        assert len(server.taken) == 1


# Of each kind of fault that does not go away: what is to become of the report, the service's word, and how often it was tried.
FAULTS = {
    "400": ("refused", "InvalidParameterException", 1),
    "403": ("later", "AccessDeniedException", 1),
    "413": ("refused", "RequestEntityTooLarge", 1),
    "throttle": ("later", "ThrottlingException", calls.ATTEMPTS),
    "500": ("later", "InternalFailure", calls.ATTEMPTS),
    "503": ("later", "ServiceUnavailableException", calls.ATTEMPTS),
    "expired": ("later", "ExpiredTokenException", 2),
    "clock": ("later", "InvalidSignatureException", 1),
    "missing": ("refused", "ResourceNotFoundException", 1),
    "reset": ("in-doubt", "", 1),
    "half": ("in-doubt", "", 1),
}


def test_each_kind_of_fault_is_here():
    assert set(FAULTS) == set(KINDS) - {"hang"}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_stays(kind):
    outcome, code, tried = FAULTS[kind]
    with faulty(lambda _: kind) as server:
        error = failing(server)
        assert (error.outcome, error.code, server.kinds) == (outcome, code, [kind] * tried)
        assert error.problem


def test_what_to_do_comes_along():
    with faulty(lambda _: "clock", clock_s=600.0) as server:
        assert failing(server).remedy.startswith("Set this host's clock, ")


@pytest.mark.parametrize("kind", ["throttle", "500", "503", "expired"])
def test_a_fault_that_passes_is_none(kind):
    with faulty(one_after_another(kind)) as server:
        sender(server).call(report(), put, time.monotonic() + 60)
        assert server.kinds == [kind, "ok"]


def test_an_answer_that_does_not_come_leaves_in_doubt(monkeypatch):
    with faulty(lambda _: "hang") as server:
        monkeypatch.setattr(clients, "READ_S", 0.2)
        error = failing(server)
        wait_for(lambda: server.kinds)  # nobody waited until the server had read it
        assert (error.outcome, error.code, server.kinds) == ("in-doubt", "", ["hang"])


def test_nobody_listens_so_nothing_was_sent():
    with faulty(lambda _: "ok") as server:
        pass
    error = failing(server)
    assert (error.outcome, error.code) == ("later", "")
    assert error.problem.startswith("AWS cannot be reached")


def test_after_the_deadline_nothing_is_sent():
    with faulty(lambda _: "ok") as server:
        error = failing(server, within_s=-1.0)
        assert (error.outcome, error.problem, server.kinds) == ("later", "there was no time left to send it", [])


def test_what_is_wrong_with_the_request_itself_is_refused():
    def nonsense(client):
        client.put_log_events(logGroupName=5)

    with faulty(lambda _: "ok") as server:
        with pytest.raises(SinkError) as caught:
            sender(server).call(report(), nonsense, time.monotonic() + 60)
        assert (caught.value.outcome, server.kinds) == ("refused", [])


def signed(server: FaultServer) -> list[tuple[str, str]]:
    """Of each request the key's id and the Region in its signature."""
    credentials = [headers["authorization"].partition("Credential=")[2].split("/") for _, headers in server.requests]
    return [(parts[0], parts[2]) for parts in credentials]


def test_a_client_is_made_once_for_each_region():
    asked: list[object] = []

    def remembering(operation: Callable) -> Callable:
        def call(client):
            asked.append(client)
            return operation(client)

        return call

    with faulty(lambda _: "ok") as server:
        one = sender(server)
        for region in ("eu-west-1", "eu-west-1", "us-east-2"):
            one.call(report(instance={"region": region}), remembering(put), time.monotonic() + 60)
        assert asked[0] is asked[1] is not asked[2]
        assert [region for _, region in signed(server)] == ["eu-west-1", "eu-west-1", "us-east-2"]


def test_without_any_region_the_report_waits():
    with faulty(lambda _: "ok") as server:
        error = failing(server, report(BARE))
        assert (error.outcome, error.problem, server.kinds) == ("later", "no AWS Region is known", [])


@pytest.mark.parametrize(("is_ec2", "asked"), [(True, True), (False, False)])
def test_the_instances_role_signs_only_where_the_report_says_that_this_is_an_instance(monkeypatch, is_ec2, asked):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    made = report(platform={"is_ec2": is_ec2})
    with Simulator() as simulator, faulty(lambda _: "ok") as server:
        one = sender(server, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url})
        with pytest.raises(SinkError) as caught:  # the simulated instance has no role
            one.call(made, put, time.monotonic() + 60)
        assert (caught.value.outcome, server.kinds) == ("later", [])
        assert caught.value.problem.startswith("no credentials for AWS")
        if asked:
            wait_for(lambda: simulator.counts.connections)  # nobody waited until the service had seen it
        assert (simulator.counts.connections > 0) is asked
        assert simulator.counts.imdsv1 == 0
