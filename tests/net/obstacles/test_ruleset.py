from imds_probe.net.obstacles.ruleset import Action, Chain, Rule


def test_places_read_like_the_tools_name_them():
    assert Chain(("nftables", "ip", "nat", "prerouting"), ("ipv4",)).place == "nftables ip nat prerouting"
    assert Chain(("iptables-legacy", "", "filter", "OUTPUT"), ("ipv4",)).place == "iptables-legacy filter OUTPUT"


def test_chains_do_not_share_their_rules():
    one, other = (Chain(("nftables", "ip", "t", name), ("ipv4",)) for name in "ab")
    one.rules.append(Rule((), Action("drop"), "drop"))
    assert (len(one.rules), len(other.rules)) == (1, 0)
    assert (one.hook, one.policy) == ("", "accept")
