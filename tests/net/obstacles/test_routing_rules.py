import pytest

from imds_probe.net.obstacles.routing_rules import selected

MAIN = {"priority": 100, "src": "all", "table": "main"}


@pytest.mark.parametrize(
    ("more", "scopes", "exact", "applies_to"),
    [
        ({}, (), False, "any"),
        ({"dst": "169.254.169.254"}, (), False, "any"),
        ({"dst": "169.254.0.0", "dstlen": 16}, (), False, "any"),
        ({"src": "10.0.0.0", "srclen": 8}, ("from 10.0.0.0/8",), True, "any"),
        ({"uid_start": 1000, "uid_end": 1000}, ("uid 1000",), True, "output"),
        ({"uid_start": 1000, "uid_end": 2000}, ("uid 1000-2000",), True, "output"),
        ({"iif": "lo"}, (), False, "output"),
        ({"iif": "docker0"}, ("in via docker0",), True, "forward"),
        ({"fwmark": "0x1", "fwmask": "0x1"}, ("some packets",), False, "any"),
        ({"ipproto": "tcp", "dport": 80}, (), False, "any"),
        ({"dport_start": 1, "dport_end": 100}, (), False, "any"),
        ({"not": None, "src": "10.0.0.0", "srclen": 8}, ("from 10.0.0.0/8", "some packets"), False, "any"),
    ],
)
def test_whom_a_rule_concerns(more, scopes, exact, applies_to):
    rule = selected(MAIN | more, "ipv4")
    assert rule is not None
    assert (rule.scopes, rule.exact, rule.applies_to) == (scopes, exact, applies_to)


@pytest.mark.parametrize(
    "more",
    [
        {"dst": "169.254.170.2"},
        {"dst": "10.0.0.0", "dstlen": 8},
        {"ipproto": "udp"},
        {"dport": 443},
        {"dport_start": 81, "dport_end": 90},
    ],
)
def test_rules_about_something_else(more):
    assert selected(MAIN | more, "ipv4") is None


def test_what_a_rule_does():
    lookup = selected(MAIN | {"suppress_prefixlen": 0}, "ipv4")
    assert lookup is not None
    assert (lookup.table, lookup.suppressed, lookup.goto, lookup.text) == ("main", 0, 0, "100: from all lookup main")
    refusing = selected({"priority": 5, "src": "10.0.0.0", "srclen": 8, "fwmark": "0x1", "action": "blackhole"}, "ipv4")
    assert refusing is not None
    assert (refusing.action, refusing.table, refusing.text) == (
        "blackhole",
        "",
        "5: from 10.0.0.0/8 fwmark 0x1 blackhole",
    )
    onward = selected({"priority": 5, "src": "all", "goto": 200}, "ipv6")
    assert onward is not None
    assert (onward.goto, onward.suppressed) == (200, -1)
