import json

import pytest

from imds_probe.errors import ProbeError
from imds_probe.net.obstacles import nftables
from imds_probe.net.obstacles.nftables import Nftables
from imds_probe.net.obstacles.ruleset import Action, Chain, Rule

AT = ("nftables", "ip", "t", "c")


def listed(host):
    return Nftables(host.run("nft", "-j", "list", "ruleset").encode())


def test_a_real_listing(bare):
    bare.nft(
        "table ip t { set s { type ipv4_addr; elements = { 1.1.1.1 }; }\n"
        " chain far { \n }\n"
        " chain c { type filter hook forward priority -5; policy drop;\n ip daddr @s drop\n jump far\n }\n}\n"
        "table arp a { chain c { type filter hook input priority 0; \n drop\n }\n}"
    )
    nft = listed(bare)
    chains = nft.chains({}, ())
    assert set(chains) == {AT, (*AT[:3], "far")}
    chain = chains[AT]
    assert (chain.hook, chain.priority, chain.policy, chain.kind, chain.families) == (
        "forward",
        -5,
        "drop",
        "filter",
        ("ipv4",),
    )
    assert [rule.action for rule in chain.rules] == [Action("drop"), Action("jump", "far")]
    assert '"@s"' in nft.raw_quote(AT, chain.rules[0].handle)
    assert not nft.uses_xtables
    assert not nft.has_table_flags


def test_nothing_there(bare):
    assert listed(bare).chains({}, ()) == {}


def test_tables_that_are_switched_off():
    nft = Nftables(
        json.dumps(
            {
                "nftables": [
                    {"table": {"family": "ip", "name": "t", "flags": "dormant"}},
                    {"chain": {"family": "ip", "table": "t", "name": "c", "hook": "output"}},
                    {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 1, "expr": [{"drop": None}]}},
                ]
            }
        ).encode()
    )
    assert nft.has_table_flags
    assert nft.chains({}, {("ip", "t")}) == {}
    assert len(nft.chains({}, ())[AT].rules) == 1


def test_words_for_extensions_come_from_the_other_listing(bare):
    bare.run("iptables-nft", *["-A", "OUTPUT", "-d", "169.254.169.254", "-m", "ttl", "--ttl-lt", "2", "-j", "DROP"])
    nft = listed(bare)
    assert nft.uses_xtables
    at = ("nftables", "ip", "filter", "OUTPUT")
    saved = Rule((), Action("drop"), "-A OUTPUT as saved")
    other = Chain(at, ("ipv4",), rules=[saved])
    assert nft.chains({at: other}, ())[at].rules == [saved]
    two = Chain(at, ("ipv4",), rules=[saved, saved])  # not the same look at the chain
    (alone,) = nft.chains({at: two}, ())[at].rules
    assert (alone.line, alone.action) == ("", Action("drop"))


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"{}", b'{"nftables": 5}', b"table ip t {", b"[" * 100_000])
def test_something_else(text):
    with pytest.raises(ProbeError, match="something else than its JSON"):
        Nftables(text)


@pytest.mark.parametrize(
    "entries",
    [
        [5, None, {"rule": []}, {"chain": "x"}, {"table": None}],
        [{"chain": {"family": "ip", "table": "t", "name": "c", "prio": "high"}}],
        [
            {"chain": {"family": "ip", "table": "t", "name": "c"}},
            {"rule": {"family": "ip", "table": "t", "chain": "c"}},
        ],
        [
            {"chain": {"family": "ip", "table": "t", "name": "c"}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": "x", "expr": ["drop", 5, {}]}},
        ],
    ],
)
def test_shapes_that_nobody_promised(entries):
    chains = Nftables(json.dumps({"nftables": entries}).encode()).chains({}, ())
    assert set(chains) <= {AT}


def test_more_rules_than_are_read(monkeypatch):
    monkeypatch.setattr(nftables, "RULES_MAX", 3)
    rule = {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 1, "expr": [{"drop": None}]}}
    nft = Nftables(
        json.dumps({"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c"}}, *[rule] * 5]}).encode()
    )
    assert len(nft.chains({}, ())[AT].rules) == 3
    assert nft.truncated
