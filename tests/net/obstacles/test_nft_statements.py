import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net.obstacles.conditions import judge_all
from imds_probe.net.obstacles.flow import EVERY_MARK, Surroundings, flows
from imds_probe.net.obstacles.nft_statements import Meaning, meaning
from imds_probe.net.obstacles.ranges import network

REQUEST = flows("ipv4", "output", Surroundings(own=network("10.9.0.2"), uplink="eth0"))[0]
DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
MAPS = {
    "verdicts": [["169.254.169.254", {"drop": None}], ["1.1.1.1", {"accept": None}]],
    "broken": ["169.254.169.254"],
    "imds": ["169.254.169.254"],
}


def meant(*statements):
    """What each part of the rule does, for the parts that concern the request."""
    read = meaning(list(statements), Meaning(MAPS.get, ("ip", "t"), {}))
    judged = [(judge_all(conditions, REQUEST).answer, action) for conditions, action in read]
    return [(answer, action.kind, action.to, action.number) for answer, action in judged if answer != "no"]


def match(left, right, op="=="):
    return {"match": {"op": op, "left": left, "right": right}}


@pytest.mark.parametrize(
    ("statement", "kind", "to", "number"),
    [
        ({"drop": None}, "drop", "", 0),
        ({"accept": None}, "accept", "", 0),
        ({"return": None}, "return", "", 0),
        ({"reject": {"type": "tcp reset"}}, "reject", "", 0),
        ({"jump": {"target": "far"}}, "jump", "far", 0),
        ({"goto": {"target": "far"}}, "goto", "far", 0),
        ({"queue": {"num": 1}}, "elsewhere", "", 0),
        ({"masquerade": None}, "accept", "", 0),
        ({"dnat": {"addr": "10.0.0.1", "port": 8181}}, "redirect", "10.0.0.1:8181", 0),
        ({"dnat": {"addr": "fd00::1", "port": 81}}, "redirect", "[fd00::1]:81", 0),
        ({"dnat": {"addr": "10.0.0.1"}}, "redirect", "10.0.0.1", 0),
        ({"redirect": {"port": 8181}}, "redirect", ":8181", 0),
        ({"redirect": None}, "redirect", "", 0),
        ({"tproxy": {"addr": "127.0.0.1", "port": 15001}}, "redirect", "127.0.0.1:15001", 0),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}, "mark", "", 5),
        (
            {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"meta": {"key": "mark"}}, 0x4000]}}},
            "mark",
            "",
            0x4000,
        ),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {"key": "mark"}}}}, "mark", "", EVERY_MARK),
        ({"mangle": {"key": {"payload": {"protocol": "ip", "field": "ttl"}}, "value": 1}}, "ttl", "", 1),
        ({"mangle": {"key": DADDR, "value": "1.1.1.1"}}, "elsewhere", "", 0),
        ({"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}, "pass", "", 0),
        ({"xt": {"type": "target", "name": "TPROXY"}}, "redirect", "", 0),
        ({"xt": {"type": "target", "name": "LOG"}}, "pass", "", 0),
        ({"xt": {"type": "target", "name": "NEWONE"}}, "elsewhere", "", 0),
    ],
)
def test_actions(statement, kind, to, number):
    assert meant(statement) == [("yes", kind, to, number)]


@pytest.mark.parametrize(
    "statement", [{"counter": None}, {"log": {"prefix": "x"}}, {"set": {"op": "add", "set": "@s"}}]
)
def test_statements_that_change_nothing(statement):
    assert meant(statement, {"drop": None}) == [("yes", "drop", "", 0)]
    assert meant(statement) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"limit": {"rate": 3, "per": "second"}},
        {"xt": {"type": "match", "name": "string"}},
        {"set": {"op": "update", "set": "@s", "stmt": [{"limit": {}}]}},
        {"something new": {}},
    ],
)
def test_statements_that_may_stop_the_rule(statement):
    assert meant(statement, {"drop": None}) == [("unclear", "drop", "", 0)]


def test_conditions_hold_for_what_stands_after_them():
    mark = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}
    assert meant(match(DADDR, "169.254.169.254"), mark, {"accept": None}) == [
        ("yes", "mark", "", 1),
        ("yes", "accept", "", 0),
    ]
    assert meant(match(DADDR, "1.1.1.1"), mark, {"accept": None}) == []
    assert meant(match(DADDR, "@imds"), {"drop": None}) == [("yes", "drop", "", 0)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"set": [["169.254.169.254", {"jump": {"target": "far"}}], ["1.1.1.1", {"drop": None}]]},
            [("yes", "jump", "far", 0)],
        ),
        ({"set": [["169.254.169.254", {"continue": None}]]}, [("yes", "pass", "", 0)]),
        ({"set": [["1.1.1.1", {"accept": None}], ["*", {"drop": None}]]}, [("yes", "drop", "", 0)]),
        ("@verdicts", [("yes", "drop", "", 0)]),
        ("@gone", [("unclear", "elsewhere", "", 0)]),
        ("@broken", [("unclear", "elsewhere", "", 0)]),
    ],
)
def test_verdict_maps(data, expected):
    assert meant({"vmap": {"key": DADDR, "data": data}}) == expected


def test_targets_through_a_map():
    addresses = {"map": {"key": DADDR, "data": {"set": [["169.254.169.254", "10.0.0.1"], ["1.1.1.1", "10.0.0.2"]]}}}
    assert meant({"dnat": {"addr": addresses, "port": 81}}) == [("yes", "redirect", "10.0.0.1", 0)]
    ports = {"map": {"key": DADDR, "data": {"set": [["169.254.169.254", 8181]]}}}
    assert meant({"dnat": {"addr": "10.0.0.1", "port": ports}}) == [("yes", "redirect", "10.0.0.1:8181", 0)]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (match({"&": [FLAGS, ["syn", "ack"]]}, "syn"), True),
        (match({"&": [FLAGS, {"|": ["fin", "syn"]}]}, {"|": ["fin", "syn"]}), False),
        (match({"&": [FLAGS, ["syn", "ack"]]}, "syn", "!="), False),
        (match(FLAGS, "syn", "in"), True),
        (match(FLAGS, ["rst", "fin"], "in"), False),
        (match(FLAGS, "syn"), True),
        (match(FLAGS, ["fin", "rst"], "!"), True),
    ],
)
def test_tcp_flags(condition, holds):
    assert meant(condition, {"drop": None}) == ([("yes", "drop", "", 0)] if holds else [])


def test_tcp_flags_that_are_not_known():
    assert meant(match(FLAGS, "urgent-new"), {"drop": None}) == [("unclear", "drop", "", 0)]


NAMES = [
    "op",
    "left",
    "right",
    "key",
    "data",
    "payload",
    "protocol",
    "field",
    "ip",
    "daddr",
    "set",
    "elem",
    "val",
    "concat",
    "@imds",
]
KINDS = [
    "match",
    "vmap",
    "dnat",
    "mangle",
    "xt",
    "jump",
    "tproxy",
    "meta",
    "mark",
    "&",
    "|",
    "range",
    "prefix",
    "ct",
    "fib",
    "flags",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(NAMES + KINDS) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + KINDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(KINDS), JSON, min_size=1, max_size=1), max_size=4))
def test_no_statement_is_too_strange(statements):
    assert isinstance(meant(*statements), list)


@given(
    st.sampled_from([DADDR, FLAGS, {"meta": {"key": "mark"}}, {"meta": {"key": "iif"}}, {"ct": {"key": "state"}}]), JSON
)
def test_no_right_side_is_too_strange(left, right):
    for op in ("==", "!=", "<", "in", "!"):
        assert len(meant(match(left, right, op), {"drop": None})) <= 1
        assert isinstance(meant({"vmap": {"key": left, "data": right}}), list)
