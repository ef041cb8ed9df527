import json

import pytest

from imds_probe.net.obstacles.nft_quoting import nft_json, nft_rule


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
