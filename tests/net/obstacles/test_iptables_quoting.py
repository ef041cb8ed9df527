import pytest

from imds_probe.net.obstacles.iptables import quoted


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
