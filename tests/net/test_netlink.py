from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net import netlink
from imds_probe.net.netlink import NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, Message, attribute, attributes, message


def test_attributes_that_make_no_sense_end_there() -> None:
    whole = attribute(5, b"abcd") + attribute(6 | netlink.NESTED, b"x")
    assert attributes(whole) == {5: b"abcd", 6: b"x"}
    for length in range(len(whole)):
        assert set(attributes(whole[:length])) <= {5, 6}
    assert attributes(bytes(8)) == {}


def test_messages_are_read_as_they_are_written() -> None:
    both = message(24, NLM_F_REQUEST, 7, b"abc") + message(NLMSG_ERROR, NLM_F_ACK, 8, struct.pack("=i", -13))
    first, second = netlink.messages(both)
    assert first == Message(24, NLM_F_REQUEST, 7, b"abc")
    assert (second.number, second.error, Message(NLMSG_ERROR, 0, 8, b"").error) == (8, 13, 0)
    assert list(netlink.messages(both[:20])) == [first._replace(body=b"abc")]
    assert list(netlink.messages(bytes(64))) == []  # a length of nothing does not go on for ever


def test_a_number_has_32_bits() -> None:
    assert netlink.number(struct.pack("=i", -2)) == -2
    assert netlink.number(b"abc") is netlink.number(None) is None
    assert netlink.text(b"veth\0") == "veth"


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    attributes(data)
    for each in netlink.messages(data):
        assert isinstance(each.error, int)
