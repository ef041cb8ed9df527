import pytest

from imds_probe.net.obstacles.conditions import judge_all
from imds_probe.net.obstacles.flow import Surroundings, flows
from imds_probe.net.obstacles.nft_values import brief, concatenation, condition, elements_of, key, matching
from imds_probe.net.obstacles.ranges import network

REQUEST = flows("ipv4", "output", Surroundings(own=network("10.9.0.2"), uplink="eth0"))[0]
DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SETS = {"imds": ["169.254.169.254"], "net": [{"prefix": {"addr": "169.254.0.0", "len": 16}}], "none": []}


def meta(name):
    return {"meta": {"key": name}}


def answer(left, op, right):
    at = key(left)
    return judge_all((*at.implied, condition(at, op, right, SETS.get)), REQUEST).answer


@pytest.mark.parametrize(
    ("left", "op", "right", "expected"),
    [
        (DADDR, "==", "169.254.169.254", "yes"),
        (DADDR, "!=", "169.254.169.254", "no"),
        (DADDR, "==", {"prefix": {"addr": "169.254.0.0", "len": 16}}, "yes"),
        (DADDR, "==", {"range": ["169.254.169.253", "169.254.169.255"]}, "yes"),
        (DADDR, "==", {"set": ["1.1.1.1", {"elem": {"val": "169.254.169.254", "timeout": 5}}]}, "yes"),
        (DADDR, "==", "@imds", "yes"),
        (DADDR, "!=", "@imds", "no"),
        (DADDR, "==", "@net", "yes"),
        (DADDR, "==", "@none", "no"),
        (DADDR, "==", "@gone", "unclear"),
        (DADDR, "==", {"new": "kind"}, "unclear"),
        ({"payload": {"protocol": "ip6", "field": "daddr"}}, "==", "fd00:ec2::254", "no"),
        (DPORT, "==", 80, "yes"),
        (DPORT, "==", {"range": [80, 90]}, "yes"),
        (DPORT, "!=", 80, "no"),
        (DPORT, "<", 80, "no"),
        (DPORT, "<=", 80, "yes"),
        (DPORT, ">", 79, "yes"),
        (DPORT, ">=", 81, "no"),
        ({"payload": {"protocol": "udp", "field": "dport"}}, "==", 80, "no"),
        ({"payload": {"protocol": "icmp", "field": "type"}}, "==", "echo-request", "no"),
        ({"payload": {"protocol": "ether", "field": "saddr"}}, "==", "00:00:00:00:00:01", "unclear"),
        (meta("l4proto"), "==", "tcp", "yes"),
        (meta("l4proto"), "==", 6, "yes"),
        (meta("l4proto"), "==", {"set": ["udp", "icmp"]}, "no"),
        (meta("nfproto"), "==", "ipv4", "yes"),
        (meta("nfproto"), "!=", "ipv4", "no"),
        (meta("protocol"), "==", {"set": ["ip", "ip6"]}, "yes"),
        (meta("protocol"), "==", "arp", "no"),
        (meta("oifname"), "==", "eth*", "yes"),
        (meta("oif"), "==", {"set": ["lo", "docker0"]}, "no"),
        (meta("skuid"), "==", 1000, "some"),
        (meta("skuid"), "==", "nobody", "unclear"),
        (meta("mark"), "==", 0, "yes"),
        (meta("mark"), "==", {"set": [1, 2]}, "no"),
        ({"&": [meta("mark"), 0xFF]}, "==", 1, "no"),
        ({"&": [meta("mark"), 0xFF]}, "!=", 1, "yes"),
        ({"&": [DADDR, "255.0.255.0"]}, "==", "169.0.169.0", "unclear"),
        (meta("cgroup"), "==", 5, "unclear"),
        ({"ct": {"key": "state"}}, "in", ["new", "established"], "yes"),
        ({"ct": {"key": "state"}}, "in", "invalid", "no"),
        ({"ct": {"key": "mark"}}, "==", 1, "unclear"),
        ({"fib": {"result": "type", "flags": ["daddr"]}}, "==", "local", "no"),
        ({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "==", False, "unclear"),
        ("nonsense", "==", 5, "unclear"),
    ],
)
def test_matches(left, op, right, expected):
    assert answer(left, op, right) == expected


@pytest.mark.parametrize(
    ("right", "negated", "expected"),
    [
        ({"set": [{"concat": ["169.254.169.254", 80]}]}, False, "yes"),
        ({"set": [{"concat": ["169.254.169.254", 80]}]}, True, "no"),
        ({"set": [{"concat": ["169.254.169.254", {"range": [443, 445]}]}]}, False, "no"),
        ({"set": [{"concat": [{"prefix": {"addr": "169.254.0.0", "len": 16}}, {"range": [1, 99]}]}]}, False, "yes"),
        ({"set": [{"concat": ["too", "many", "parts"]}]}, False, "unclear"),
        ("@gone", False, "unclear"),
    ],
)
def test_concatenations(right, negated, expected):
    made = concatenation([DADDR, DPORT], right, SETS.get, negated=negated)
    assert made.judge(REQUEST).answer == expected


def test_elements():
    assert elements_of({"set": [1, 2]}, SETS.get) == [1, 2]
    assert elements_of(["new", "established"], SETS.get) == ["new", "established"]
    assert elements_of(5, SETS.get) == [5]
    assert matching([key(DADDR)], "*", SETS.get) == ()


@pytest.mark.parametrize(
    ("right", "text"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, "10.0.0.0/8"),
        ({"range": [80, 90]}, "80-90"),
        ({"set": [1, 2, 3, 4]}, "{1, 2, 3, …}"),
        ({"elem": {"val": 7}}, "7"),
        ("x" * 500, "x" * 60),
    ],
)
def test_brief(right, text):
    assert brief(right) == text
