import pytest

from imds_probe.net.obstacles.conditions import (
    AnyOf,
    DestinationTypeIs,
    FamilyIs,
    FieldIs,
    InterfaceIs,
    MarkIs,
    Never,
    StateIs,
    TcpFlagsAre,
    Unclear,
    judge_all,
)
from imds_probe.net.obstacles.flow import Surroundings, flows
from imds_probe.net.obstacles.ranges import Ranges, network, only

HERE = Surroundings(own=network("10.9.0.2"), uplink="eth0")
SENT = flows("ipv4", "output", HERE)[0]
ROUTED, REPLY = flows("ipv4", "forward", HERE)
IMDS = network("169.254.169.254")


@pytest.mark.parametrize(
    ("condition", "flow", "answer"),
    [
        (FieldIs("daddr", IMDS, ""), SENT, "yes"),
        (FieldIs("daddr", IMDS, "", negated=True), SENT, "no"),
        (FieldIs("daddr", network("10.0.0.0/8"), ""), SENT, "no"),
        (FieldIs("daddr", network("10.0.0.0/8"), "", negated=True), SENT, "yes"),
        (FieldIs("saddr", network("172.17.0.0/16"), ""), ROUTED, "some"),
        (FieldIs("saddr", network("198.51.100.0/24"), ""), ROUTED, "no"),
        (FieldIs("uid", only(0), ""), SENT, "some"),
        (FieldIs("uid", only(0), ""), ROUTED, "no"),
        (FieldIs("uid", only(0), "", negated=True), ROUTED, "no"),
        (FieldIs("ttl", only(1), ""), REPLY, "some"),
        (FieldIs("dport", only(80), ""), REPLY, "no"),
        (InterfaceIs("oif", frozenset({"eth*"})), SENT, "yes"),
        (InterfaceIs("oif", frozenset({"docker0"})), SENT, "no"),
        (InterfaceIs("oif", frozenset({"docker0"}), negated=True), SENT, "yes"),
        (InterfaceIs("iif", frozenset({"lo"})), SENT, "no"),
        (InterfaceIs("iif", frozenset({"docker0"})), ROUTED, "some"),
        (InterfaceIs("iif", frozenset({"eth0"})), ROUTED, "no"),
        (InterfaceIs("iif", frozenset({"eth0"}), negated=True), ROUTED, "yes"),
        (FamilyIs("ipv4"), SENT, "yes"),
        (FamilyIs("ipv6"), SENT, "no"),
        (FamilyIs("ipv6", negated=True), SENT, "yes"),
        (StateIs(frozenset({"new"})), SENT, "yes"),
        (StateIs(frozenset({"established", "related"})), SENT, "no"),
        (StateIs(frozenset({"established", "related"})), REPLY, "yes"),
        (StateIs(frozenset({"invalid"}), negated=True), SENT, "yes"),
        (StateIs(frozenset({"dnat"})), SENT, "unclear"),
        (MarkIs(0x8000, 0x8000), SENT, "no"),
        (MarkIs(0), SENT, "yes"),
        (MarkIs(0x1, negated=True), SENT, "yes"),
        (TcpFlagsAre(0x02, 0x12), SENT, "yes"),
        (TcpFlagsAre(0x02, 0x12), REPLY, "no"),
        (TcpFlagsAre(0, 0x3F), SENT, "no"),
        (DestinationTypeIs(frozenset({"local"})), SENT, "no"),
        (DestinationTypeIs(frozenset({"local"}), negated=True), SENT, "yes"),
        (DestinationTypeIs(frozenset({"multicast"})), SENT, "no"),
        (Never(), SENT, "no"),
        (Never(negated=True), SENT, "yes"),
        (Unclear("limit"), SENT, "unclear"),
        (AnyOf(()), SENT, "no"),
        (AnyOf(((FieldIs("daddr", IMDS, ""), FieldIs("dport", only(443), "")),)), SENT, "no"),
        (AnyOf(((FieldIs("dport", only(443), ""),), (FieldIs("dport", only(80), ""),))), SENT, "yes"),
        (AnyOf(((FieldIs("dport", only(80), ""),),), negated=True), SENT, "no"),
        (AnyOf(((FieldIs("uid", only(5), "5"),),)), SENT, "some"),
        (AnyOf(((FieldIs("uid", only(5), "5"),), (FieldIs("uid", only(6), "6"),))), SENT, "unclear"),
    ],
)
def test_answers(condition, flow, answer):
    assert condition.judge(flow).answer == answer
    assert judge_all((condition,), flow).answer == answer


def test_what_is_left_on_either_side():
    judged = FieldIs("uid", only(0), "0").judge(SENT)
    assert (judged.scope, judged.others) == ("uid 0", "not uid 0")
    assert judged.inside.uid == only(0)
    assert judged.outside is not None
    assert not judged.outside.uid.touches(only(0))
    turned = FieldIs("uid", only(0), "0", negated=True).judge(SENT)
    assert (turned.scope, turned.inside, turned.outside) == ("not uid 0", judged.outside, judged.inside)


def test_interfaces_that_are_ruled_out_stay_so():
    judged = InterfaceIs("iif", frozenset({"docker*"})).judge(ROUTED)
    assert judged.outside is not None
    assert InterfaceIs("iif", frozenset({"docker0"})).judge(judged.outside).answer == "no"
    assert InterfaceIs("iif", frozenset({"br0"})).judge(judged.outside).answer == "some"


def test_marks_that_an_earlier_rule_may_have_set():
    from dataclasses import replace

    marked = replace(SENT, marks=0x4000)
    assert MarkIs(0x4000, 0x4000).judge(marked).answer == "unclear"
    assert MarkIs(0x8000, 0x8000).judge(marked).answer == "no"
    assert MarkIs(0, 0x8000).judge(marked).answer == "yes"


def test_conditions_see_what_the_ones_before_left():
    one, other = (FieldIs("saddr", network(text), text) for text in ("10.1.0.0/16", "10.2.0.0/16"))
    assert judge_all((one, other), ROUTED).answer == "no"
    both = judge_all((one, InterfaceIs("iif", frozenset({"br0"}))), ROUTED)
    assert (both.answer, both.scope, both.outside) == ("some", "from 10.1.0.0/16, in via br0", None)
    assert both.others == "except from 10.1.0.0/16, in via br0"


def test_unclear_does_not_hide_a_no():
    assert judge_all((Unclear("limit"), FieldIs("dport", Ranges(((443, 443),)), "443")), SENT).answer == "no"
    assert judge_all((Unclear("limit"), FieldIs("dport", only(80), "80")), SENT).answer == "unclear"
