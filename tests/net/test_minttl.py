"""The search alone; the real measuring is in tests/lab, against a service that sets TTLs."""

import pytest

from imds_probe.net.minttl import HIGHEST, Search


@pytest.mark.parametrize("limit", range(1, HIGHEST + 1))
def test_every_limit_is_found(limit):
    search = Search()
    while wanted := search.next_round():
        for k in wanted:
            search.note(k, arrived=k <= limit)
    assert (search.arrived, search.consistent) == (limit, True)
    assert search.requests <= {1: 3, 2: 3, 3: 3, 4: 5, 64: 5}.get(limit, 11)


def test_answers_that_contradict_each_other_are_noticed():
    search = Search()
    assert search.next_round() == (2, 3, 4)
    search.note(2, arrived=False)
    search.note(3, arrived=True)
    assert not search.consistent
