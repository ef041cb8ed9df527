from dataclasses import replace

import pytest
from fallen_back import ENDED, MESHED, PLAIN, WEB, watched

from imds_probe.facts.containers import Reach
from imds_probe.rules.caller_place import is_over, is_relayed, token_is_lost, whose


def test_a_caller_is_where_its_container_is_or_the_network_that_is_none():
    network = replace(WEB, id="7", name="net", runtime="netns", netns=7)
    there = watched(containers=(WEB, network))
    assert whose(PLAIN, there) is WEB
    outside = replace(PLAIN, container=None, container_id=None, netns=7)
    assert whose(outside, there) is network
    assert whose(replace(outside, netns=8), there) is None
    assert whose(replace(outside, container="web"), there) is None  # of which only the name is known


@pytest.mark.parametrize(
    ("caller", "facts", "over"),
    [
        (ENDED, {}, True),
        (PLAIN, {}, False),
        (ENDED, {"containers_unseen": ("podman was not asked",)}, False),
        (replace(ENDED, container=None, container_id=None, netns=9), {}, True),
        (replace(ENDED, container=None, container_id=None, netns=9, pid=None), {}, False),
        (replace(ENDED, container=None, container_id=None), {}, False),  # a process of the host
    ],
)
def test_what_is_nowhere_any_more_has_ended_where_all_is_seen(caller, facts, over):
    assert is_over(caller, watched(containers=(WEB,), **facts)) is over


def test_a_relay_in_its_network_makes_the_calls_of_others_too():
    assert is_relayed(PLAIN, watched(**MESHED))
    assert not is_relayed(PLAIN, watched(containers=(WEB,)))
    assert not is_relayed(ENDED, watched(**MESHED))


def test_a_token_is_lost_where_one_was_asked_for_and_nothing_speaks_against_it():
    assert token_is_lost(WEB)
    assert not token_is_lost(replace(WEB, reach=()))
    assert not token_is_lost(replace(WEB, reach=(Reach("ipv4", "ok", ""),)))
