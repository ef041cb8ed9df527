import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net.obstacles.ranges import Ranges, between, network, only

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


def members(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges.spans for number in range(low, high + 1)}


@given(spans, spans)
def test_they_are_sets(one, other):
    a, b = Ranges.of(one), Ranges.of(other)
    expected = {number for low, high in one for number in range(low, high + 1)}
    assert members(a) == expected
    assert members(a.both(b)) == members(a) & members(b)
    assert members(a.minus(b)) == members(a) - members(b)
    assert a.covers(b) == (members(b) <= members(a))
    assert a.touches(b) == bool(members(a) & members(b))


@given(spans)
def test_spans_are_in_order_and_apart(given_spans):
    joined = Ranges.of(given_spans).spans
    assert all(low <= high for low, high in joined)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(joined))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("169.254.169.254", "169.254.169.254", "169.254.169.254"),
        ("169.254.1.2/16", "169.254.0.0", "169.254.255.255"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0", "10.255.255.255"),
        ("fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::254"),
        ("fd00:ec2::/32", "fd00:ec2::", "fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_networks(text, first, last):
    assert network(text).spans == ((int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))),)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4/33", "fd00::/129", "1.2.3.4.5"])
def test_what_is_no_network(text):
    with pytest.raises(ValueError):
        network(text)


def test_raised():
    low = Ranges(((1, 3), (64, 64)))
    assert low.raised(2, 255) == Ranges(((3, 5), (66, 66)))
    assert low.raised(192, 255) == Ranges(((193, 195), (255, 255)))
    assert Ranges().raised(1, 255) == Ranges()


def test_between():
    assert between("10.0.0.1", "10.0.0.3") == Ranges(((0x0A000001, 0x0A000003),))
    assert between("10.0.0.3", "10.0.0.1") == Ranges()
    assert only(80).covers(Ranges())
