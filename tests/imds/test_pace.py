import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.imds.pace import CATCH_UP_S, LINK_LOCAL_PACKETS_PER_S, PACKETS_PER_S, Pacer


def sent_at(pacer, starts, packets=3, work_s=0.0):
    """When each of so many requests goes out, if each of them takes `work_s` to make."""
    now, times = 100.0, []
    for _ in range(starts):
        now += pacer.wait_s(now)
        times.append(now)
        pacer.spend(packets, now)
        now += work_s
    return times


def most_in_a_second(times, packets=3):
    return max(sum(packets for other in times if when <= other < when + 1.0) for when in times)


def test_the_rate_is_under_a_third_of_the_limit():
    assert LINK_LOCAL_PACKETS_PER_S / 4 < PACKETS_PER_S < LINK_LOCAL_PACKETS_PER_S / 3


@pytest.mark.parametrize("work_s", [0.0, 0.001, 0.008])
def test_packets_are_spread_and_time_spent_working_is_made_good(work_s):
    times = sent_at(Pacer(), 400, work_s=work_s)
    assert most_in_a_second(times) <= LINK_LOCAL_PACKETS_PER_S / 3
    assert pytest.approx(times[-1] - times[0], rel=0.02) == 399 * 3 / PACKETS_PER_S


def test_after_a_pause_there_is_no_burst():
    pacer = Pacer()
    pacer.spend(3, 10.0)
    assert pacer.wait_s(50.0) == 0
    pacer.spend(3, 50.0)
    pacer.spend(30, 50.0)
    assert pacer.wait_s(50.0) == pytest.approx(33 / PACKETS_PER_S - CATCH_UP_S)


def test_what_cost_more_than_thought_is_waited_for():
    pacer = Pacer(100)
    pacer.spend(3, 10.0)
    first = pacer.wait_s(10.0)
    pacer.spend(2, 10.0)
    assert pacer.wait_s(10.0) == pytest.approx(first + 0.02)


def test_nothing_is_waited_for_at_first():
    assert Pacer().wait_s(0.0) == 0
    assert Pacer().wait_s(1e9) == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.floats(0, 2.5), st.integers(0, 3)),  # packets, idle before, accounted for later
        min_size=1,
        max_size=150,
    )
)
def test_no_second_has_too_many_whatever_is_sent_and_when(sendings):
    pacer, now, sent = Pacer(), 5.0, []
    for packets, idle_s, later in sendings:
        now += idle_s if idle_s > 1.5 else idle_s / 50
        now += pacer.wait_s(now)
        sent.append((now, packets))
        pacer.spend(packets, now)
        pacer.spend(later, now)
    for start, _ in sent:
        packets = sum(count for when, count in sent if start <= when < start + 1.0)
        assert packets <= PACKETS_PER_S * (1.0 + CATCH_UP_S) + 8


def test_time_spent_asking_costs_nothing():
    pacer = Pacer(100)
    pacer.spend(5, 10.0)
    assert [pacer.wait_s(now) for now in (10.0, 10.0, 10.02, 10.04, 11.0)] == pytest.approx([0.04, 0.04, 0.02, 0, 0])
    pacer.spend(0, 10.02)
    assert pacer.wait_s(10.02) == pytest.approx(0.02)
