import os
import socket
import time
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.imds import dialer
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.replies import Outcome, Reply
from imds_probe.imds.v1_probe import ask_without_token, tokens_required
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.watch.owner import Owners


@pytest.mark.parametrize(
    ("state", "required"),
    [
        ({"http_tokens": "optional"}, False),
        ({"http_tokens": "required"}, True),
        ({"http_tokens": "required", "error_body": "xhtml", "http_version": "1.0"}, True),
        ({"http_endpoint": "disabled"}, None),
    ],
)
def test_one_request_tells(state, required):
    with Simulator(InstanceState(**state), listen=(("127.0.0.1", 0),)) as simulator:
        client = MetadataClient(
            Endpoint(*simulator.addresses[0]), deadline=time.monotonic() + SOON_S, counter=RequestCounter()
        )
        assert tokens_required(ask_without_token(client)) is required
        assert (simulator.counts.total, simulator.counts.imdsv1) == (1, 1)


@pytest.mark.parametrize("outcome", [Outcome.ANSWER_LOST, Outcome.GARBAGE, Outcome.THROTTLED, Outcome.REFUSED])
def test_trouble_tells_nothing(outcome):
    assert tokens_required(Reply(outcome, "")) is None


def test_its_connection_is_this_process_s_own_as_long_as_somebody_may_ask_and_no_more_than_some_are(monkeypatch):
    """A watch without the kernel's tracepoint would not know otherwise that it was the probe: it asks late on a busy host."""
    before, connections = len(os.listdir("/proc/self/fd")), dialer.HELD_MAX + 2
    monkeypatch.setattr(dialer, "_held", deque[int]())
    ports = []
    with Simulator(InstanceState(), listen=(("127.0.0.1", 0),)) as simulator, closing(Owners(Path("/proc"))) as owners:
        service = simulator.addresses[0]
        for _ in range(connections):
            deadline = time.monotonic() + SOON_S
            client = MetadataClient(Endpoint(*service), deadline=deadline, counter=RequestCounter())
            reply = ask_without_token(client)
            ports.append(reply.local_port)
            assert owners.owner("127.0.0.1", reply.local_port, *service) == os.getpid()
            assert client.put_token().ok  # which leaves nothing open
        assert len(dialer._held) == dialer.HELD_MAX
        gone = ports[: -dialer.HELD_MAX]
        assert [owners.owner("127.0.0.1", port, *service) for port in gone] == [None] * len(gone)
    for descriptor in dialer._held:
        os.close(descriptor)
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_room_for_another_descriptor_it_is_not_held(monkeypatch):
    def full(_: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(dialer, "_held", deque[int]())
    monkeypatch.setattr(dialer.os, "dup", full)
    with socket.socket() as one:
        dialer.hold(one)
    assert not dialer._held
