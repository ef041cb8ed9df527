"""Which request meets which fault, and which faults make no sense."""

import dataclasses
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.errors import ProbeError
from imds_probe.simulator.faults import Fault, Kind, Schedule, parse_faults


@given(after=st.integers(0, 5), count=st.integers(1, 5))
def test_after_and_count_bound_the_requests_that_meet_a_fault(after, count):
    schedule = Schedule([Fault("close", after=after, count=count)])
    met = [schedule.on_request(token_put=False) is not None for _ in range(15)]
    assert met == [after <= n < after + count for n in range(15)]


@pytest.mark.parametrize(("scope", "put", "other"), [("token_put", 1, 0), ("get", 0, 1), ("all", 1, 1)])
def test_scope(scope, put, other):
    schedule = Schedule([Fault("close", applies_to=scope)])
    assert (schedule.on_request(token_put=True) is not None) == bool(put)
    assert (schedule.on_request(token_put=False) is not None) == bool(other)


def test_requests_out_of_scope_are_not_counted():
    schedule = Schedule([Fault("close", applies_to="get", count=1)])
    for _ in range(3):
        schedule.on_request(token_put=True)
    assert schedule.on_request(token_put=False) is not None


def test_token_kinds_leave_gets_alone():
    schedule = Schedule([Fault("token-empty")])
    assert schedule.on_request(token_put=False) is None
    assert schedule.on_request(token_put=True) is not None


def test_the_first_in_line_wins_and_the_next_follows_when_it_is_used_up():
    schedule = Schedule([Fault("close", count=1), Fault("garbage", count=1)])
    kinds = [fault and fault.kind for fault in (schedule.on_request(token_put=False) for _ in range(3))]
    assert kinds == ["close", "garbage", None]


def test_silence_after_accept_is_for_connections_only():
    schedule = Schedule([Fault("silence-after-accept", count=1)])
    assert schedule.on_request(token_put=False) is None
    assert schedule.on_accept() is not None
    assert schedule.on_accept() is None


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_survives_json(kind):
    values = {"kind": kind, "count": 3} | ({"location": "http://127.0.0.1/"} if kind == "redirect" else {})
    assert Fault.from_mapping(values).to_mapping() == values


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kind": "fire"}, "kind"),
        ({"kind": "drip", "applies_to": "post"}, "applies_to"),
        ({"kind": "drip", "after": -1}, "after"),
        ({"kind": "drip", "after": True}, "after"),
        ({"kind": "drip", "count": 0}, "count"),
        ({"kind": "drip", "interval_ms": 0}, "interval_ms"),
        ({"kind": "reset-mid-answer", "at_byte": 0}, "at_byte"),
        ({"kind": "clock-jump", "seconds": -1}, "seconds"),
        ({"kind": "oversized-body", "size_bytes": 65 * 1024 * 1024}, "size_bytes"),
        ({"kind": "endless-body", "framing": "none"}, "framing"),
        ({"kind": "status", "status": 200}, "status"),
        ({"kind": "status", "retry_after_s": "soon"}, "retry_after_s"),
        ({"kind": "redirect"}, "location"),
        ({"kind": "redirect", "location": "http://a\r\nX: y"}, "location"),
        ({"kind": "redirect", "location": "/", "status": 404}, "status"),
        ({"kind": "silence-after-accept", "applies_to": "get"}, "applies_to"),
        ({"kind": "token-empty", "applies_to": "get"}, "applies_to"),
        ({"kind": "drip", "speed": 1}, "speed"),
        ({}, "without a kind"),
    ],
)
def test_nonsense_is_refused_by_name(values, named):
    with pytest.raises(ProbeError, match=named) as caught:
        parse_faults([values])
    assert caught.value.remedy


@pytest.mark.parametrize("values", ["drip", {"kind": "drip"}, [1]])
def test_faults_are_a_list_of_objects(values):
    with pytest.raises(ProbeError, match="faults"):
        parse_faults(values)


def test_faults_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Fault("drip").count = 1  # type: ignore[misc]
