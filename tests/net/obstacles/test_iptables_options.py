import pytest

from imds_probe.net.obstacles.conditions import judge_all
from imds_probe.net.obstacles.flow import Surroundings, flows
from imds_probe.net.obstacles.iptables_options import Word, parse
from imds_probe.net.obstacles.ranges import network

HERE = Surroundings(own=network("10.9.0.2"), uplink="eth0")
REQUEST = flows("ipv4", "output", HERE)[0]
ROUTED, REPLY = flows("ipv4", "forward", HERE)


def words(text):
    return [Word(word) for word in text.split()]


@pytest.mark.parametrize(
    ("text", "flow", "answer", "scope"),
    [
        ("-j DROP", REQUEST, "yes", ""),
        ("-d 169.254.169.254/32 -j DROP", REQUEST, "yes", ""),
        ("-d 169.254.0.0/255.255.0.0 -j DROP", REQUEST, "yes", ""),
        ("! -d 169.254.0.0/16 -j DROP", REQUEST, "no", ""),
        ("-d 1.1.1.1,169.254.169.254 -j DROP", REQUEST, "yes", ""),
        ("-s 172.17.0.0/16 -j DROP", ROUTED, "some", "from 172.17.0.0/16"),
        ("-i docker+ -j DROP", ROUTED, "some", "in via docker*"),
        ("! -i lo -o eth0 -j DROP", REQUEST, "yes", ""),
        ("-p tcp -m tcp --dport 80 -j DROP", REQUEST, "yes", ""),
        ("-p 6 -m tcp --dport 1:79 -j DROP", REQUEST, "no", ""),
        ("-p tcp -m tcp --dport 80: -j DROP", REQUEST, "yes", ""),
        ("-p tcp -m tcp ! --dport 80 -j DROP", REQUEST, "no", ""),
        ("-p udp -m udp --dport 80 -j DROP", REQUEST, "no", ""),
        ("! -p udp -j DROP", REQUEST, "yes", ""),
        ("-p all -j DROP", REQUEST, "yes", ""),
        ("-p tcp -m multiport --dports 22,80:90 -j DROP", REQUEST, "yes", ""),
        ("-p tcp -m multiport --ports 80 -j DROP", REPLY, "yes", ""),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", REQUEST, "yes", ""),
        ("-p tcp -m tcp --tcp-flags NOVEL SYN -j DROP", REQUEST, "unclear", ""),
        ("-m owner --uid-owner 1000-1005 -j DROP", REQUEST, "some", "uid 1000-1005"),
        ("-m owner ! --gid-owner 5 -j DROP", REQUEST, "some", "not gid 5"),
        ("-m owner --socket-exists -j DROP", REQUEST, "unclear", ""),
        ("-m ttl --ttl-lt 2 -j DROP", REPLY, "some", "TTL < 2"),
        ("-m hl --hl-eq 1 -j DROP", REPLY, "some", "TTL 1"),
        ("-m ttl --ttl-gt 64 -j DROP", REPLY, "no", ""),
        ("-m conntrack --ctstate NEW,RELATED -j DROP", REQUEST, "yes", ""),
        ("-m state --state ESTABLISHED -j DROP", REQUEST, "no", ""),
        ("-m conntrack --ctorigdst 169.254.169.254 -j DROP", REQUEST, "unclear", ""),
        ("-m mark --mark 0x1/0x1 -j DROP", REQUEST, "no", ""),
        ("-m mark ! --mark 0x1 -j DROP", REQUEST, "yes", ""),
        ("-m connmark --mark 0x1 -j DROP", REQUEST, "unclear", ""),
        ("-m addrtype --dst-type LOCAL -j DROP", REQUEST, "no", ""),
        ("-m addrtype --src-type LOCAL -j DROP", REQUEST, "unclear", ""),
        ("-m iprange --dst-range 169.254.0.0-169.254.255.255 -j DROP", REQUEST, "yes", ""),
        ("-m iprange ! --dst-range 169.254.0.0-169.254.255.255 -j DROP", REQUEST, "no", ""),
        ("-m set --match-set blocked dst -j DROP", REQUEST, "unclear", ""),
        ("-m recent --rcheck --seconds 60 --dport 443 -j DROP", REQUEST, "unclear", ""),
        ("-f -j DROP", REQUEST, "no", ""),
        ("-d nonsense -j DROP", REQUEST, "unclear", ""),
        ("--dport -j DROP", REQUEST, "yes", ""),
        ("!", REQUEST, "unclear", ""),
    ],
)
def test_matches(text, flow, answer, scope):
    judged = judge_all(tuple(parse(words(text), "ipv4").conditions), flow)
    assert (judged.answer, judged.scope) == (answer, scope)


def test_targets():
    parsed = parse(words("-d 10.0.0.1 -j DNAT --to-destination 10.0.0.5:8181 --random"), "ipv4")
    assert (parsed.target, parsed.goto) == ("DNAT", False)
    assert parsed.target_options == {"--to-destination": "10.0.0.5:8181", "--random": ""}
    assert parse(words("-g FAR"), "ipv4").goto
    assert parse([], "ipv4").target == ""


def test_quoted_words_are_values():
    comment = [Word("-m"), Word("comment"), Word("--comment"), Word("-j", quoted=True), Word("-j"), Word("DROP")]
    parsed = parse(comment, "ipv4")
    assert (parsed.target, parsed.conditions) == ("DROP", [])
    bang = [Word("-m"), Word("comment"), Word("--comment"), Word("!", quoted=True), Word("-d"), Word("169.254.169.254")]
    assert judge_all(tuple(parse(bang, "ipv4").conditions), REQUEST).answer == "yes"
