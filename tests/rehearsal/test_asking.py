"""What the owner asks beforehand: how the service refuses, and whether there is anything to rehearse."""

from __future__ import annotations

import socket

import pytest

from imds_probe.rehearsal import asking
from imds_probe.rehearsal.asking import CannotRehearse, exchange, gives_token, learn, token_put
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


@pytest.fixture
def service():
    with Simulator(InstanceState()) as simulator:
        yield simulator


def addresses(simulator):
    return {socket.AF_INET6 if ":" in host else socket.AF_INET: (host, port) for host, port in simulator.addresses}


def test_a_service_is_learnt_without_a_request_by_imdsv1(service):
    learnt = learn(addresses(service), ask_without_token=False)
    assert not learnt.ignores_tokens
    assert learnt.refusal.head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert service.counts.imdsv1 == 0


def test_one_request_shows_that_tokens_are_required_already(service):
    assert learn(addresses(service), ask_without_token=True).addresses == addresses(service)
    assert service.counts.imdsv1 == 1
    service.update(http_tokens="required")
    with pytest.raises(CannotRehearse, match="required on this host already"):
        learn(addresses(service), ask_without_token=True)


def test_a_family_that_gives_no_token_is_left_alone(service):
    there = addresses(service)
    both = there | {socket.AF_INET6: ("::1", 9)}
    assert learn(both, ask_without_token=False).addresses == there


def test_a_service_that_serves_anything_is_noticed(service):
    service.update(invalid_token_when_optional="ignored", http_version="1.0")
    learnt = learn(addresses(service), ask_without_token=False)
    assert learnt.ignores_tokens
    assert learnt.refusal.head.startswith(b"HTTP/1.0 401 Unauthorized\r\n")


@pytest.mark.parametrize("state", [{"http_endpoint": "disabled"}, {"faults": [{"kind": "garbage"}]}])
def test_where_no_token_is_given_nothing_is_rehearsed(service, state):
    service.update(**state)
    with pytest.raises(CannotRehearse, match="gives this host no token"):
        learn(addresses(service), ask_without_token=False)


def test_a_silent_service_costs_the_time_that_it_is_given(service, monkeypatch):
    monkeypatch.setattr(asking, "ASKED_WITHIN_S", 0.05)
    service.update(faults=[{"kind": "silence-after-request"}])
    (address,) = service.addresses
    with pytest.raises(TimeoutError):
        exchange(socket.AF_INET, address, token_put(address[0]), within_s=0.05)


def test_tokens(service):
    (address,) = service.addresses
    assert gives_token(exchange(socket.AF_INET, address, token_put(address[0])))
    assert not gives_token(exchange(socket.AF_INET, address, token_put(address[0], 99_999)))
    assert not gives_token(b"HTTP/1.1 200 OK\r\n\r\n<html>not a token</html>")
