"""One exchange alone; what it comes to in a lab, beside others, is in test_parallel."""

import pytest

from imds_probe.imds.exchange import HOP_LIMIT_MAX, Attempt
from imds_probe.imds.replies import Outcome


@pytest.mark.parametrize(
    ("origin", "here", "hops"),
    [
        (64, 64, 0),
        (64, 62, 2),
        (255, 254, 1),
        (64, 1, 63),
        (64, None, None),
        (None, 64, None),
        (64, 255, None),  # nearer than the instance
        (255, 64, None),  # further than any hop limit reaches: somebody else's first TTL
        (64, 0, None),
    ],
)
def test_distance(origin, here, hops):
    asked = Attempt(Outcome.OK, "", syn_ack_ttl=origin)
    assert Attempt(Outcome.OK, "", syn_ack_ttl=here).distance_from(asked) == hops
    assert hops is None or hops < HOP_LIMIT_MAX


def test_without_an_origin_there_is_no_distance():
    assert Attempt(Outcome.OK, "", syn_ack_ttl=64).distance_from(None) is None
