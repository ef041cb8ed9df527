import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net.obstacles.flow import EVERY_MARK
from imds_probe.net.obstacles.iptables import chains
from imds_probe.net.obstacles.ruleset import Action

TOOL = "iptables-legacy"


def saved(*lines, table="filter"):
    text = "\n".join((f"*{table}", ":INPUT ACCEPT [0:0]", ":OUTPUT DROP [5:300]", ":FAR - [0:0]", *lines, "COMMIT", ""))
    return chains(text.encode(), TOOL, "ipv4")


def test_chains_and_their_policies():
    found = saved()
    assert set(found) == {(TOOL, "", "filter", name) for name in ("INPUT", "OUTPUT", "FAR")}
    output, far = found[(TOOL, "", "filter", "OUTPUT")], found[(TOOL, "", "filter", "FAR")]
    assert (output.hook, output.policy, output.priority, output.kind) == ("output", "drop", 0, "filter")
    assert (far.hook, far.policy) == ("", "accept")
    nat = saved(table="nat")[(TOOL, "", "nat", "OUTPUT")]
    assert (nat.kind, nat.priority) == ("nat", -100)


def test_tables_kept_in_nftables_have_its_keys():
    assert set(chains(b"*nat\n:OUTPUT ACCEPT [0:0]\n", "nftables", "ipv6")) == {("nftables", "ip6", "nat", "OUTPUT")}


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ("-j ACCEPT", Action("accept")),
        ("-j DROP", Action("drop")),
        ("-j REJECT --reject-with icmp-port-unreachable", Action("reject")),
        ("-j RETURN", Action("return")),
        ("-j FAR", Action("jump", "FAR")),
        ("-g FAR", Action("goto", "FAR")),
        ("-j DNAT --to-destination 10.0.0.5:8181", Action("redirect", "10.0.0.5:8181")),
        ("-j REDIRECT --to-ports 8181", Action("redirect", ":8181")),
        ("-j REDIRECT", Action("redirect")),
        ("-j NETMAP --to 10.0.0.0/8", Action("redirect", "10.0.0.0/8")),
        ("-j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1", Action("redirect", ":15001")),
        ("-j MASQUERADE", Action("accept")),
        ("-j MARK --set-xmark 0x4000/0x4000", Action("mark", number=0x4000)),
        ("-j MARK --set-xmark what", Action("mark", number=EVERY_MARK)),
        ("-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80", Action("mark", number=0x80)),
        ("-j CONNMARK --save-mark", Action("pass")),
        ("-j TTL --ttl-set 1", Action("ttl", number=1)),
        ("-j TTL --ttl-dec 1", Action("ttl-add", number=-1)),
        ("-j HL --hl-dec 2", Action("ttl-add", number=-2)),
        ("-j TTL --ttl-dec 1000", Action("pass")),
        ("-j TTL --ttl-inc 1", Action("ttl-add", number=1)),
        ("-j HL --hl-inc 2", Action("ttl-add", number=2)),
        ("-j TTL", Action("pass")),
        ("-j HL --hl-set 64", Action("ttl", number=64)),
        ("-j LOG --log-prefix x", Action("pass")),
        ("-j NFQUEUE --queue-num 0", Action("elsewhere")),
        ("-j NOVELTY", Action("elsewhere")),
        ("", Action("pass")),
    ],
)
def test_actions(target, action):
    line = f"-A OUTPUT -d 169.254.169.254/32 {target}".rstrip()
    (rule,) = saved(line)[(TOOL, "", "filter", "OUTPUT")].rules
    assert (rule.action, rule.line) == (action, line)


def test_comments_hide_nothing_and_add_nothing():
    lines = (
        r'-A OUTPUT -m comment --comment "say \"-j ACCEPT\" \\" -j DROP',
        '-A OUTPUT -m comment --comment "first line',
        '-A OUTPUT -j ACCEPT" -j REJECT',
    )
    rules = saved(*lines)[(TOOL, "", "filter", "OUTPUT")].rules
    assert [rule.action.kind for rule in rules] == ["drop", "reject"]


@pytest.mark.parametrize(
    "text", [b"", b"-A OUTPUT -j DROP\n", b"*filter\n-A NOWHERE -j DROP\n", b"\xff\n-A\n:\n*\n-A \n"]
)
def test_something_else(text):
    assert all(chain.rules == [] for chain in chains(text, TOOL, "ipv4").values())


@pytest.mark.parametrize("variant", ["legacy", "nft"])
def test_what_the_real_program_prints(bare, variant):
    comment = "no \"imds' \\ here -j ACCEPT"
    bare.run(f"iptables-{variant}", "-A", "OUTPUT", "-m", "comment", "--comment", comment, "-j", "DROP")
    bare.run(
        f"iptables-{variant}",
        *[
            "-t",
            "nat",
            "-A",
            "PREROUTING",
            "-i",
            "docker+",
            "-p",
            "tcp",
            "--dport",
            "80",
            "-j",
            "REDIRECT",
            "--to-ports",
            "81",
        ],
    )
    found = chains(bare.run(f"iptables-{variant}-save").encode(), TOOL, "ipv4")
    assert [rule.action.kind for rule in found[(TOOL, "", "filter", "OUTPUT")].rules] == ["drop"]
    assert [rule.action for rule in found[(TOOL, "", "nat", "PREROUTING")].rules] == [Action("redirect", ":81")]


WORDS = st.sampled_from(
    [
        "!",
        "-d",
        "-p",
        "-m",
        "--dport",
        "--mark",
        "mark",
        "tcp",
        "-j",
        "DROP",
        "--ctstate",
        "--tcp-flags",
        '"',
        "\\",
        "80",
        "-i",
    ]
)


@given(st.lists(WORDS | st.text(max_size=6), max_size=12))
def test_no_line_is_too_strange(words):
    line = " ".join(words).replace("\n", " ")
    found = saved(f"-A OUTPUT {line}")
    assert len(found[(TOOL, "", "filter", "OUTPUT")].rules) <= 1


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000, "-1"])
def test_a_ttl_that_is_no_number(number):
    (rule,) = saved(f"-A OUTPUT -j TTL --ttl-set {number}")[(TOOL, "", "filter", "OUTPUT")].rules
    assert rule.action == Action("pass")
