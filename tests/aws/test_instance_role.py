"""The role's credentials, really fetched from the simulator on loopback; what comes of them is in tests/lab."""

from __future__ import annotations

import pytest
from botocore.exceptions import CredentialRetrievalError

from imds_probe.aws.instance_role import InstanceRole, _credentials
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint, Endpoints
from imds_probe.imds.replies import Outcome, Reply
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


@pytest.fixture
def service():
    with Simulator(InstanceState(iam_role="app-role"), (("127.0.0.1", 0),)) as simulator:
        yield simulator


def role_at(service: Simulator, counter: RequestCounter | None = None) -> InstanceRole:
    address, port = service.addresses[0][:2]
    return InstanceRole(Endpoints(Endpoint(address, port), None, given=True), counter)


def test_credentials_come_by_imdsv2_alone(service):
    counter = RequestCounter()
    found = role_at(service, counter).load()
    assert found is not None
    frozen = found.get_frozen_credentials()
    assert frozen.access_key.startswith("ASIA")
    assert frozen.token
    assert (counter.imdsv1, counter.imdsv2) == (0, 3)
    assert (service.counts.imdsv1, service.counts.imdsv2) == (0, 3)


def test_no_proxy_of_the_environment_sees_a_token(service, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert role_at(service).load() is not None


@pytest.mark.parametrize("change", [{"iam_role": None}, {"http_endpoint": "disabled"}])
def test_without_a_role_or_a_service_there_are_none(service, change):
    service.update(**change)
    assert role_at(service).load() is None
    assert service.counts.imdsv1 == 0


def test_where_the_token_is_lost_there_is_no_way_back_to_imdsv1(service):
    service.update(faults=[{"kind": "silence-after-request"}])
    assert role_at(service).load() is None
    assert service.counts.imdsv1 == 0


def test_those_that_can_no_more_be_renewed_say_why(service):
    role = role_at(service)
    found = role.load()
    assert found is not None
    service.update(iam_role=None)
    with pytest.raises(CredentialRetrievalError, match="the instance has no role"):
        role._again()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b'{"Code": "Success"}',
        b'{"AccessKeyId": 1, "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}',
        b'{"AccessKeyId": "hunter2", "SecretAccessKey": "hunter2", "Token": "hunter2", "Expiration": "soon"}',
        b'{"AccessKeyId": "hunter2", "SecretAccessKey": "hunter2", "Token": "hunter2", "Expiration": "2099-01-01"}',
    ],
)
def test_what_is_no_credentials_is_said_without_a_word_of_it(body):
    found, why = _credentials(Reply(Outcome.OK, "HTTP status 200", 200, body))
    assert found is None
    assert "hunter2" not in why


def test_those_that_have_ended_by_this_clock_are_not_used(service, monkeypatch):
    role = role_at(service)
    ended = {"access_key": "a", "secret_key": "b", "token": "c", "expiry_time": "2020-01-01T00:00:00Z"}
    monkeypatch.setattr(role, "_fetched", lambda: (ended, ""))
    with pytest.raises(CredentialRetrievalError, match="ended at 2020-01-01T00:00:00Z by the clock of this host"):
        role.load()
