import time

import pytest
from soon import SOON_S

from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.replies import Outcome, Reply
from imds_probe.imds.v1_probe import ask_without_token, tokens_required
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


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
