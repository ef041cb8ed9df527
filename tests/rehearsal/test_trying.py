from __future__ import annotations

import socket

import pytest

from imds_probe.rehearsal import trying
from imds_probe.rehearsal.rules import LEASE_S
from imds_probe.rehearsal.trying import Lease

V4, V6 = socket.AF_INET, socket.AF_INET6


class Rules:
    def renew(self, families) -> None:
        pass


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(trying, "time", clock)
    return clock


def test_a_lapse_is_counted_by_when_it_was(clock):
    lease = Lease([V4, V6])
    lease.renew(Rules(), lambda _: True)
    clock.now += LEASE_S
    assert (lease.lapsed_s, lease.lapses) == (0.0, ())
    clock.now += 2.0
    lease.renew(Rules(), lambda family: family == V4)
    assert (lease.lapsed_s, lease.lapses) == (2.0, ((100.0 + LEASE_S, clock.now),) * 2)
    clock.now += 1.0
    lease.renew(Rules(), lambda _: True)
    assert lease.lapsed_s == 3.0 and lease.lapses[-1] == (100.0 + LEASE_S, clock.now)


def test_a_lapse_that_lasts_to_the_end_is_counted_up_to_the_end(clock):
    lease = Lease([V4])
    lease.renew(Rules(), lambda _: True)
    clock.now += LEASE_S + 5.0
    lease.renew(Rules(), lambda _: False)
    assert lease.lapsed_s == 5.0
    lease.end()
    clock.now += 60.0  # while running connections are waited for
    lease.end()
    assert (lease.lapsed_s, lease.lapses) == (5.0, ((100.0 + LEASE_S, 105.0 + LEASE_S),))


def test_one_that_never_began_has_not_lapsed(clock):
    lease = Lease([V4])
    clock.now += 60.0
    lease.end()
    assert (lease.lapsed_s, lease.lapses) == (0.0, ())
