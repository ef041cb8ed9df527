import json

import pytest

from imds_probe.net.obstacles.iptables import quoted
from imds_probe.net.obstacles.quoting import nft_json, nft_rule


@pytest.mark.parametrize(
    "text",
    [
        "ip daddr 169.254.169.254 tcp dport 80 drop",
        "ip6 daddr fd00:ec2::254 reject with icmpx admin-prohibited",
        'iifname "docker0" ip daddr 169.254.0.0/16 dnat to 127.0.0.1:8181',
        "ip daddr @blocked jump far",
        "ip daddr { 10.0.0.1, 169.254.169.254 } tcp dport 1-1024 drop",
        "meta mark set 0x00000001 meta skuid 1000 accept",
        "ip daddr 169.254.169.254 redirect to :8181",
    ],
)
def test_what_a_rule_does_to_which_packets(text):
    assert nft_rule(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('drop comment "hunter2"', "drop comment …"),
        ('log prefix "hunter2 x" drop', "log prefix … drop"),
        ("hunter2 drop", "… drop"),
        ("ip daddr deadbeefcafe drop", "ip daddr … drop"),
        ('jump "a b"', "jump …"),
        ("drop # hunter2", "drop …"),
    ],
)
def test_what_its_author_made_up_is_left_out(text, kept):
    assert nft_rule(text) == kept


def test_json():
    rule = [
        {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "169.254.169.254"}},
        {"log": {"prefix": "hunter2"}},
        {"drop": None},
    ]
    kept = nft_json(rule)
    assert kept == [rule[0], {"log": {"prefix": "…"}}, rule[2]]
    assert "hunter2" not in json.dumps(nft_json({"hunter2": ["hunter2"]}))


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("-A OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DROP", None),
        ("-A PREROUTING -i docker0 -j DNAT --to-destination 127.0.0.1:8181", None),
        ("-A OUTPUT ! -d 10.0.0.0/8 -m owner ! --uid-owner 1000 -j REJECT --reject-with icmp-port-unreachable", None),
        ("-A OUTPUT -m set --match-set blocked dst -j DROP", "-A OUTPUT -m set --match-set blocked … -j DROP"),
        ('-A X -m comment --comment "hunter 2" -j DROP', "-A X -m comment --comment … -j DROP"),
        ("-A X -m comment --comment hunter2 -j DROP", "-A X -m comment --comment … -j DROP"),
        (r'-A X -m comment --comment "a\" -j hunter2" -j DROP', "-A X -m comment --comment … -j DROP"),
        ('-A X -j LOG --log-prefix "hunter2 "', "-A X -j LOG --log-prefix …"),
        ('-A X -m string --string "hunter2" --algo bm', "-A X -m string --string … --algo …"),
    ],
)
def test_iptables(line, kept):
    assert quoted(line) == (line if kept is None else kept)
