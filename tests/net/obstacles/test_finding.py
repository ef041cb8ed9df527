"""The whole, in real namespaces: what is reported is what connections there run into."""

import socket

import pytest
from soon import SOON_S, cpu_s

from imds_probe.net.obstacles.finding import find_obstacles
from imds_probe.net.obstacles.obstacle import ITEMS_LIMIT
from imds_probe.net.obstacles.settings import Settings
from imds_probe.system import process
from imds_probe.system.procfs import NOWHERE

IMDS = "169.254.169.254"


def test_nothing_stands_in_the_way(host):
    assert host.found() == []
    assert (host.connect("ipv4"), host.connect("ipv6")) == ("connected", "connected")


@pytest.mark.parametrize(
    ("rule", "kind", "outcome"),
    [
        (f"ip daddr {IMDS} tcp dport 80 drop", "drop", "TimeoutError"),
        (f"ip daddr {IMDS} tcp dport 80 reject with tcp reset", "reject", "ConnectionRefusedError"),
        (f"ip daddr {IMDS} reject", "reject", "ConnectionRefusedError"),
        ("ip daddr 169.254.0.0/16 drop", "drop", "TimeoutError"),
        ("ip daddr 169.254.100.0-169.254.200.255 tcp dport 1-1024 drop", "drop", "TimeoutError"),
        (f"ip daddr {{ 1.1.1.1, {IMDS} }} drop", "drop", "TimeoutError"),
        (f"ip daddr . tcp dport {{ {IMDS} . 80 }} drop", "drop", "TimeoutError"),
        (f"ip daddr . tcp dport vmap {{ {IMDS} . 80 : drop, 1.1.1.1 . 80 : accept }}", "drop", "TimeoutError"),
        ("tcp dport vmap { 22 : accept, 80 : drop }", "drop", "TimeoutError"),
        ("ip daddr != 10.0.0.0/8 drop", "drop", "TimeoutError"),
        ("ip protocol tcp drop", "drop", "TimeoutError"),
        ("meta l4proto { tcp, udp } th dport 80 drop", "drop", "TimeoutError"),
        ("ct state new drop", "drop", "TimeoutError"),
        ('oifname "eth*" drop', "drop", "TimeoutError"),
        (f"ip daddr {IMDS} tcp flags & (syn | ack) == syn drop", "drop", "TimeoutError"),
        ("meta skuid 0 ip daddr 169.254.0.0/16 drop", "drop", "TimeoutError"),
        ("fib daddr type unicast drop", "drop", "TimeoutError"),
    ],
)
def test_nftables_rules_that_stop_requests(host, rule, kind, outcome):
    host.chain(rule)
    (found,) = [each for each in host.found() if each.family != "ipv6"]
    assert (found.kind, found.certain, found.applies_to) == (kind, True, "output")
    assert found.where == "nftables inet t c"
    assert host.connect(expected=outcome) == outcome


@pytest.mark.parametrize(
    "rules",
    [
        "ip daddr 169.254.169.253 drop",
        "ip daddr 169.254.170.2 tcp dport 80 drop",
        "ip daddr 169.254.0.0/17 drop",
        f"ip daddr {IMDS} tcp dport 443 drop",
        f"ip daddr {IMDS} udp dport 80 drop",
        f"ip daddr != {IMDS} drop",
        f"ip daddr != {{ 1.1.1.1, {IMDS} }} drop",
        "tcp dport != 80 ip daddr 169.254.0.0/16 drop",
        f"ip daddr {IMDS} accept\nip daddr 169.254.0.0/16 drop",
        f"ip daddr {IMDS} tcp dport 80 return\ntcp dport 80 ip protocol tcp drop",
        "ip daddr 169.254.0.0/16 tcp dport 80 counter log",
        "ct state { established, related } drop",
        "ct state invalid drop",
        "meta mark 0x1 drop",
        'oifname "docker0" drop',
        'iifname "docker0" drop',
        "tcp flags & (fin | syn) == (fin | syn) drop",
        "ip protocol icmp drop",
        f"ip daddr . tcp dport {{ {IMDS} . 443, 1.1.1.1 . 80 }} drop",
        f"ip daddr vmap {{ {IMDS} : accept, 1.1.1.1 : drop }}",
        "fib daddr type local drop",
        "ip ttl 65-255 drop",
    ],
)
def test_nftables_rules_that_only_look_like_it(host, rules):
    host.chain(rules)
    assert [each for each in host.found() if each.family != "ipv6"] == []
    assert host.connect() == "connected"


@pytest.mark.parametrize(
    "more",
    [
        f"  set s {{ type ipv4_addr; elements = {{ {IMDS} }}; }}",
        "  set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 169.254.0.0/16 }; }",
        f"  set s {{ type ipv4_addr; flags timeout; elements = {{ {IMDS} timeout 1h }}; }}",
    ],
)
def test_named_sets_that_hold_the_address(host, more):
    host.chain("ip daddr @s drop", more=more)
    found = host.only()
    assert (found.kind, found.quote, found.certain) == ("drop", "ip daddr @s drop", True)
    assert host.connect(expected="TimeoutError") == "TimeoutError"


def test_named_sets_that_do_not(host):
    host.chain("ip daddr @s drop", more="  set s { type ipv4_addr; elements = { 1.1.1.1 }; }")
    assert host.found() == []


def test_named_verdict_map(host):
    host.chain(
        "ip daddr . tcp dport vmap @v",
        more=f"  map v {{ type ipv4_addr . inet_service : verdict; elements = {{ {IMDS} . 80 : drop }}; }}",
    )
    assert (host.only().kind, host.only().quote) == ("drop", "ip daddr . tcp dport vmap @v")
    assert host.connect(expected="TimeoutError") == "TimeoutError"


def test_ipv6_alone(host):
    host.chain("ip6 daddr fd00:ec2::/32 tcp dport 80 drop")
    assert host.only().family == "ipv6"
    assert (host.connect("ipv6", "TimeoutError"), host.connect("ipv4")) == ("TimeoutError", "connected")


def test_one_rule_for_both_families_is_one_obstacle(host):
    host.chain("tcp dport 80 reject with tcp reset")
    assert (host.only().family, host.only().kind) == ("both", "reject")


@pytest.mark.parametrize("word", ["jump", "goto"])
def test_rules_in_chains_that_are_jumped_to(host, word):
    host.nft(
        f"table ip t {{ chain far {{\n drop\n }}\n chain near {{\n tcp dport 80 {word} far\n }}\n"
        f" chain c {{ type filter hook output priority 0;\n ip daddr {IMDS} {word} near\n accept\n }}\n}}"
    )
    found = host.only()
    assert (found.kind, found.where, found.quote) == ("drop", "nftables ip t far (reached from c)", "drop")
    assert host.connect(expected="TimeoutError") == "TimeoutError"


def test_rules_in_chains_that_nobody_reaches(host):
    host.nft(
        f"table ip t {{ chain far {{\n drop\n }}\n chain idle {{\n ip daddr {IMDS} drop\n }}\n"
        " chain c { type filter hook output priority 0;\n ip daddr 1.1.1.1 jump far\n }\n}"
    )
    assert host.found() == []
    assert host.connect() == "connected"


def test_a_table_that_is_asleep(host):
    host.nft("table ip t { flags dormant; chain c { type filter hook output priority 0;\n drop\n }\n}")
    assert (host.found(), host.connect()) == ([], "connected")


def test_policy_drop_is_a_maybe(host):
    host.nft("table ip t { chain c { type filter hook output priority 0; policy drop;\n tcp dport 443 accept\n }\n}")
    found = host.only()
    assert (found.kind, found.certain, found.quote) == (
        "drop",
        False,
        "type filter hook output priority 0; policy drop;",
    )
    assert host.connect(expected="TimeoutError") == "TimeoutError"


def test_policy_drop_after_an_accept(host):
    host.nft(
        "table ip t { chain c { type filter hook output priority 0; policy drop;\n ip daddr 169.254.0.0/16 accept\n }\n}"
    )
    assert (host.found(), host.connect()) == ([], "connected")


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        (f"ip daddr {IMDS} tcp dport 80 redirect to :8080", ":8080"),
        (f"ip daddr {IMDS} tcp dport 80 dnat to 10.9.0.2:8080", "10.9.0.2:8080"),
        (f"dnat to ip daddr . tcp dport map {{ {IMDS} . 80 : 10.9.0.2 . 8080 }}", "10.9.0.2:8080"),
    ],
)
def test_redirects_of_own_requests(host, rule, target):
    host.chain(rule, kind="nat", table="ip t")
    assert (host.only().kind, host.only().target, host.only().certain) == ("redirect", target, True)
    with host.listen("0.0.0.0", 8080) as proxy:
        assert host.connect() == "connected"
        proxy.accept()[0].close()
    host.servers[0].settimeout(0.05)
    with pytest.raises(TimeoutError):
        host.servers[0].accept()


def test_a_redirect_to_the_service_itself_is_none(host):
    host.chain(f"ip daddr {IMDS} tcp dport 80 dnat to {IMDS}:80", kind="nat", table="ip t")
    assert host.found() == []


def test_redirect_for_containers(host):
    host.chain(
        f'iifname "docker0" ip saddr 172.17.0.0/16 ip daddr {IMDS} tcp dport 80 dnat to 10.9.0.2:8181',
        hook="prerouting",
        kind="nat",
        table="ip t",
    )
    redirect, proxy = host.found()
    assert (redirect.kind, redirect.target, redirect.applies_to) == ("redirect", "10.9.0.2:8181", "prerouting")
    assert redirect.scope == "in via docker0, from 172.17.0.0/16"
    assert (proxy.kind, proxy.certain) == ("proxy", False)


@pytest.mark.parametrize("hook", ["input", "prerouting"])
def test_ttl_filter_on_what_comes_back(host, hook):
    host.chain("ip ttl lt 2 drop", hook=hook)
    found = host.only()
    assert (found.kind, found.certain, found.scope) == ("ttl-filter", True, "TTL < 2")
    assert host.connect() == "connected"
    host.servers[0].close()
    with host.service.listen(IMDS, ttl=1):
        assert host.connect(expected="TimeoutError") == "TimeoutError"


@pytest.mark.parametrize("hook", ["input", "prerouting", "forward", "postrouting"])
def test_ttls_are_changed_in_any_chain(host, hook):
    host.chain("ip saddr 169.254.169.254 ip ttl set 64", hook=hook)
    found = host.only()
    assert (found.kind, found.target, found.certain) == ("ttl-change", "64", True)
    assert "ttl set 64" in found.quote


def test_replies_can_be_dropped_too(host):
    host.chain("ip saddr 169.254.0.0/16 tcp sport 80 drop", hook="input")
    assert (host.only().kind, host.only().applies_to) == ("drop", "output")
    assert host.connect(expected="TimeoutError") == "TimeoutError"


def test_a_firewall_that_lets_answers_in(host):
    host.nft(
        "table inet t { chain c { type filter hook input priority 0; policy drop;\n"
        ' ct state vmap { established : accept, related : accept, invalid : drop }\n iifname "lo" accept\n'
        " tcp dport 22 accept\n icmpv6 type nd-neighbor-solicit accept\n icmpv6 type nd-neighbor-advert accept\n }\n}"
    )
    assert (host.found(), host.connect()) == ([], "connected")


def test_scopes_say_whom_a_rule_concerns(host):
    host.chain(f"meta skuid 0 ip daddr {IMDS} accept\nip daddr {IMDS} drop", table="ip t")
    assert (host.only().scope, host.only().certain) == ("not uid 0", True)
    assert host.connect() == "connected"


def test_what_cannot_be_judged_is_a_maybe(host):
    host.chain(f"ip daddr {IMDS} limit rate over 10/second drop", table="ip t")
    assert (host.only().kind, host.only().certain) == ("drop", False)


def test_marks_from_an_earlier_chain(host):
    host.chain("meta mark 0x1 drop", table="ip t")
    assert host.found() == []
    host.nft(
        f"table ip m {{ chain c {{ type route hook output priority -150;\n ip daddr {IMDS} meta mark set 0x1\n }}\n}}"
    )
    assert (host.only().kind, host.only().certain) == ("drop", False)
    assert host.connect(expected="TimeoutError") == "TimeoutError"


LEGACY_AND_NFT = pytest.mark.parametrize("variant", ["legacy", "nft"])


def place(variant, table, chain):
    return f"iptables-legacy {table} {chain}" if variant == "legacy" else f"nftables ip {table} {chain}"


@LEGACY_AND_NFT
@pytest.mark.parametrize(
    ("words", "kind", "target", "outcome"),
    [
        (f"-A OUTPUT -d {IMDS} -j DROP", "drop", None, "TimeoutError"),
        (
            f"-A OUTPUT -d {IMDS} -p tcp --dport 80 -j REJECT --reject-with tcp-reset",
            "reject",
            None,
            "ConnectionRefusedError",
        ),
        ("-A OUTPUT -p tcp -m multiport --dports 22,80:90 -j DROP", "drop", None, "TimeoutError"),
        ("-A OUTPUT ! -d 10.0.0.0/8 -j DROP", "drop", None, "TimeoutError"),
        ("-A OUTPUT -m iprange --dst-range 169.254.0.0-169.254.255.255 -j DROP", "drop", None, "TimeoutError"),
        ("-A OUTPUT -d 169.254.0.0/16 -m owner --uid-owner 0-10 -j DROP", "drop", None, "TimeoutError"),
        ("-A OUTPUT -m addrtype ! --dst-type LOCAL -j DROP", "drop", None, "TimeoutError"),
        ("-A OUTPUT -m conntrack --ctstate NEW -j DROP", "drop", None, "TimeoutError"),
        (f"-t nat -A OUTPUT -d {IMDS} -p tcp -j REDIRECT --to-ports 8080", "redirect", ":8080", "connected"),
        (
            f"-t nat -A OUTPUT -d {IMDS} -p tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8080",
            "redirect",
            "10.9.0.2:8080",
            "connected",
        ),
    ],
)
def test_iptables_rules_that_stop_requests(host, variant, words, kind, target, outcome):
    host.run(f"iptables-{variant}", *words.split())
    with host.listen("0.0.0.0", 8080):
        assert host.connect(expected=outcome) == outcome
    found = host.only()
    table = "nat" if "-t nat" in words else "filter"
    assert (found.kind, found.target, found.certain, found.where) == (
        kind,
        target,
        True,
        place(variant, table, "OUTPUT"),
    )
    assert found.family == "ipv4"


@LEGACY_AND_NFT
@pytest.mark.parametrize(
    "words",
    [
        "-A OUTPUT -d 169.254.169.253 -j DROP",
        f"-A OUTPUT ! -d {IMDS} -j DROP",
        f"-A OUTPUT -d {IMDS} -p tcp --dport 443 -j DROP",
        f"-A OUTPUT -d {IMDS} -p udp -j DROP",
        "-A OUTPUT -p tcp -m multiport ! --dports 80,443 -j DROP",
        "-A OUTPUT -d 169.254.0.0/16 -o docker0 -j DROP",
        f"-A OUTPUT -d {IMDS} -m comment --comment '-j' -j ACCEPT",
        "-A OUTPUT -m mark --mark 0x8000/0x8000 -j DROP",
        "-A OUTPUT -m addrtype --dst-type LOCAL -j DROP",
        "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j DROP",
        "-A OUTPUT -p tcp --tcp-flags ALL NONE -j DROP",
        "-A OUTPUT -m ttl --ttl-gt 64 -j DROP",
        "-A INPUT -p tcp --dport 80 -j DROP",
        "-A FORWARD -s 203.0.113.7 -j DROP",
    ],
)
def test_iptables_rules_that_only_look_like_it(host, variant, words):
    host.run(f"iptables-{variant}", *words.split())
    assert (host.found(), host.connect()) == ([], "connected")


@LEGACY_AND_NFT
def test_iptables_chains(host, variant):
    iptables = f"iptables-{variant}"
    for words in (
        "-N FAR",
        "-N IDLE",
        f"-A IDLE -d {IMDS} -j DROP",
        "-A FAR -s 10.9.0.0/24 -j RETURN",
        "-A FAR -j DROP",
    ):
        host.run(iptables, *words.split())
    host.run(iptables, "-A", "OUTPUT", "-d", IMDS, "-j", "FAR")
    assert (host.found(), host.connect()) == ([], "connected")
    host.run(iptables, "-D", "FAR", "1")
    found = host.only()
    assert (found.kind, found.where) == ("drop", f"{place(variant, 'filter', 'FAR')} (reached from OUTPUT)")
    assert host.connect(expected="TimeoutError") == "TimeoutError"


@LEGACY_AND_NFT
@pytest.mark.parametrize(
    ("words", "kind", "scope", "certain", "applies_to"),
    [
        (f"-A FORWARD -s 172.17.0.0/16 -d {IMDS} -j DROP", "drop", "from 172.17.0.0/16", True, "forward"),
        (f"-A FORWARD -i docker+ -d {IMDS} -j REJECT", "reject", "in via docker*", True, "forward"),
        (f"-A OUTPUT -d {IMDS} -m owner ! --uid-owner 0-100 -j DROP", "drop", "not uid 0-100", True, "output"),
        ("-A FORWARD -m ttl --ttl-lt 2 -j DROP", "ttl-filter", "TTL < 2", True, "forward"),
        ("-A INPUT -m ttl --ttl-eq 1 -j DROP", "ttl-filter", "TTL 1", True, "output"),
        ("-t mangle -A POSTROUTING -j TTL --ttl-set 1", "ttl-filter", None, False, "any"),
        ("-t mangle -A POSTROUTING -j TTL --ttl-set 64", "ttl-change", None, True, "any"),
        (f"-t mangle -A PREROUTING -s {IMDS} -j TTL --ttl-inc 1", "ttl-change", None, True, "prerouting"),
        (f"-t mangle -A PREROUTING -s {IMDS} -j TTL --ttl-dec 1", "ttl-change", None, True, "prerouting"),
        ("-t mangle -A FORWARD -m ttl --ttl-lt 3 -j TTL --ttl-set 9", "ttl-change", "TTL < 3", True, "forward"),
        (f"-A OUTPUT -d {IMDS} -m statistic --mode random --probability 0.5 -j DROP", "drop", None, False, "output"),
        (f"-A OUTPUT -d {IMDS} -m string --string x --algo bm -j DROP", "drop", None, False, "output"),
        (
            f"-t mangle -A PREROUTING -d {IMDS} -p tcp --dport 80 -j TPROXY --on-port 15001 --on-ip 127.0.0.1",
            "redirect",
            None,
            True,
            "prerouting",
        ),
    ],
)
def test_iptables_rules_for_some(host, variant, words, kind, scope, certain, applies_to):
    host.run(f"iptables-{variant}", *words.split())
    found = host.only()
    assert (found.kind, found.scope, found.certain, found.applies_to) == (kind, scope, certain, applies_to)


@LEGACY_AND_NFT
def test_ip6tables(host, variant):
    host.run(
        f"ip6tables-{variant}", *["-A", "OUTPUT", "-d", "fd00:ec2::254", "-p", "tcp", "--dport", "80", "-j", "DROP"]
    )
    assert (host.only().family, host.connect("ipv6", "TimeoutError")) == ("ipv6", "TimeoutError")


def test_the_same_rule_in_both_kinds_is_two_rules(host):
    for variant in ("legacy", "nft"):
        host.run(f"iptables-{variant}", "-A", "OUTPUT", "-d", IMDS, "-j", "DROP")
    assert {each.where for each in host.found()} == {"iptables-legacy filter OUTPUT", "nftables ip filter OUTPUT"}


def test_docker_s_own_rules(host):
    """The rules of a Docker host, as dockerd 27 writes them."""
    for words in (
        "-P FORWARD DROP",
        "-N DOCKER",
        "-N DOCKER-USER",
        "-N DOCKER-ISOLATION-STAGE-1",
        "-N DOCKER-ISOLATION-STAGE-2",
        "-A FORWARD -j DOCKER-USER",
        "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A FORWARD -o docker0 -j DOCKER",
        "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
        "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
        "-A DOCKER ! -i docker0 -o docker0 -j DROP",
        "-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2",
        "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
        "-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
        "-A DOCKER-ISOLATION-STAGE-2 -j RETURN",
        "-A DOCKER-USER -j RETURN",
    ):
        host.run("iptables-nft", *words.split())
    assert host.found() == []
    host.run("iptables-nft", *f"-I DOCKER-USER -d {IMDS} -j REJECT".split())
    assert (host.only().kind, host.only().applies_to) == ("reject", "forward")


def test_a_route_and_the_settings_that_explain_it(host):
    host.ip(f"route add prohibit {IMDS}")
    config = host.root / "etc/cloud/cloud.cfg"
    config.parent.mkdir(parents=True)
    config.write_text("users:\n - default\ndisable_ec2_metadata: true\n")
    route, setting = host.found()
    assert (route.kind, route.quote, route.certain) == ("route", f"prohibit {IMDS}", True)
    assert (setting.kind, setting.where, setting.certain) == ("setting", "/etc/cloud/cloud.cfg", True)
    assert host.connect() == "PermissionError"


def test_a_namespace_that_is_gone():
    looked = find_obstacles("/run/netns/obst-never-made", Settings(), NOWHERE)
    assert looked.items == ()
    assert looked.unread == (
        "the network namespace /run/netns/obst-never-made is gone. List those that exist with `lsns -t net`",
    )


def test_here_is_where_the_calling_thread_is(host):
    host.chain(f"ip daddr {IMDS} drop", table="ip t")
    assert {each.kind for each in find_obstacles(None, Settings(), NOWHERE).items} == {
        "route"
    }  # the tests' own namespace
    assert host.only().kind == "drop"


def test_twenty_thousand_rules(host):
    comment = r'comment "a \\ {b} ; c"'
    rules = "\n".join(
        f"ip daddr 10.{n // 65536}.{n // 256 % 256}.{n % 256} tcp dport 80 drop {comment}" for n in range(20_000)
    )
    host.chain(f"{rules}\nip daddr {IMDS} drop {comment}", table="ip t")
    started = cpu_s()
    looked = find_obstacles(str(host.path), Settings(), NOWHERE, timeout_s=5 * SOON_S)
    assert cpu_s() - started < 20
    assert looked.unread == ()
    assert [(each.kind, each.quote) for each in looked.items] == [("drop", f"ip daddr {IMDS} drop comment …")]


def test_more_obstacles_than_anybody_reads(host):
    host.chain(
        "\n".join(f"meta skuid {1000 + 2 * n} ip daddr {IMDS} drop" for n in range(ITEMS_LIMIT + 20)), table="ip t"
    )
    looked = host.look()
    assert (len(looked.items), looked.unread) == (
        ITEMS_LIMIT,
        (f"{ITEMS_LIMIT + 20} obstacles were found; the first {ITEMS_LIMIT} are listed",),
    )
    assert all(len(each.scope) <= 200 for each in looked.items)


def test_redirects_are_listed_before_what_a_policy_drops_of_each_pod(host):
    """A network policy has rules on the interface of each pod, which drop what it does not allow."""
    host.chain("\n".join(f'iifname "cali{n}" drop' for n in range(ITEMS_LIMIT + 20)), "forward", table="ip f")
    host.chain(f"ip daddr {IMDS} tcp dport 80 redirect to :8181", "prerouting", "nat", "ip n")
    looked = host.look()
    (said,) = looked.unread
    assert said.endswith(f"obstacles were found; the first {ITEMS_LIMIT} are listed")
    assert (looked.items[0].kind, looked.items[-1].kind) == ("redirect", "drop")


def test_out_of_time(host, tmp_path):
    host.chain(f"ip daddr {IMDS} drop", table="ip t")
    for name in ("ip", "nft"):
        (tmp_path / name).write_text("#!/bin/sh\nexec /bin/sleep 30\n")
        (tmp_path / name).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:  # undone before the namespaces are removed
        patch.setattr(process, "SEARCH_PATH", str(tmp_path))
        looked = find_obstacles(str(host.path), Settings(), NOWHERE, timeout_s=0.3)
    assert any(line.startswith("nftables: nft did not end within 0.") for line in looked.unread)
    assert any(line.startswith("routes (ipv4): ") for line in looked.unread)


def test_listing_is_all_that_is_done(host):
    """Nothing is sent, and no legacy table appears that was not there."""
    with namespaces_capture(host) as captured:
        host.look()
        captured.settimeout(0.1)
        with pytest.raises(TimeoutError):
            while True:
                frame = captured.recv(2048)
                assert frame[12:14] != b"\x08\x00", "an IPv4 packet left"
    assert host.run("cat", "/proc/thread-self/net/ip_tables_names") == ""


def namespaces_capture(host):
    from imds_probe.net import namespaces

    captured = namespaces.socket_in(host.path, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    captured.bind(("eth0", 3))
    return captured
