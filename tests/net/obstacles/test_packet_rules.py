import os
import time

import pytest
from soon import SOON_S

from imds_probe.net import namespaces
from imds_probe.net.obstacles.packet_rules import PacketRules
from imds_probe.system import process

IMDS = "169.254.169.254"


def rules(host, timeout_s=SOON_S):
    return namespaces.call_in(host.path, lambda: PacketRules(time.monotonic() + timeout_s))


@pytest.fixture
def only_these(tmp_path):
    """Let no other programs be found than those named."""

    def limit(*names):
        folder = tmp_path / "programs"
        folder.mkdir()
        for name in names:
            (folder / name).symlink_to(f"/usr/sbin/{name}")
        patch.setattr(process, "SEARCH_PATH", str(folder))
        return folder

    with pytest.MonkeyPatch.context() as patch:  # one of its own: undone before the namespaces are removed
        yield limit


def test_an_empty_namespace(bare):
    read = rules(bare)
    assert (read.chains, read.unread) == ({}, [])


def test_every_kind_is_read_once(bare):
    bare.chain(f"ip daddr {IMDS} drop", table="ip t")
    for program in ("iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"):
        bare.run(
            program,
            "-A",
            "OUTPUT",
            "-p",
            "tcp",
            "-m",
            "ttl" if program[2] == "t" else "hl",
            "--ttl-lt" if program[2] == "t" else "--hl-lt",
            "2",
            "-j",
            "DROP",
        )
    read = rules(bare)
    assert read.unread == []
    counts = {key: len(chain.rules) for key, chain in read.chains.items() if chain.rules}
    assert counts == {
        ("nftables", "ip", "t", "c"): 1,
        ("nftables", "ip", "filter", "OUTPUT"): 1,
        ("nftables", "ip6", "filter", "OUTPUT"): 1,
        ("iptables-legacy", "", "filter", "OUTPUT"): 1,
        ("ip6tables-legacy", "", "filter", "OUTPUT"): 1,
    }


def test_quotes_are_nft_s_own_words(bare):
    bare.chain(f'ip daddr {IMDS} counter drop comment "why"', table="ip t")
    at = ("nftables", "ip", "t", "c")

    def look():
        read = PacketRules(time.monotonic() + SOON_S)
        place = at, read.chains[at].rules[0].handle
        return read.quotes({place})[place], read.quotes({(at, 999)})[at, 999]

    assert namespaces.call_in(bare.path, look) == (f"ip daddr {IMDS} drop comment …", "null")


def test_what_iptables_nft_save_leaves_out_is_not_lost(bare):
    """It prints a rule about a named set as one without conditions."""
    bare.run("iptables-nft", *f"-A OUTPUT -d {IMDS} -j ACCEPT".split())
    bare.nft("add set ip filter s { type ipv4_addr; }\nadd rule ip filter OUTPUT ip daddr @s drop")
    assert "-A OUTPUT -j DROP" in bare.run("iptables-nft-save")
    first, second = rules(bare).chains[("nftables", "ip", "filter", "OUTPUT")].rules
    assert (len(first.conditions), len(second.conditions)) == (2, 2)


def test_without_any_program(bare, only_these):
    only_these()
    assert rules(bare).unread == ["nftables: nft is not installed"]


def test_without_nft_iptables_still_tells(bare, only_these):
    bare.run("iptables-nft", *f"-A OUTPUT -d {IMDS} -j DROP".split())
    only_these("iptables-save", "ip6tables-save")
    read = rules(bare)
    assert read.unread == ["nftables: nft is not installed"]
    assert len(read.chains[("nftables", "ip", "filter", "OUTPUT")].rules) == 1


def test_legacy_tables_that_cannot_be_listed(bare, only_these):
    bare.run("iptables-legacy", *f"-A OUTPUT -d {IMDS} -j DROP".split())
    only_these("nft", "iptables-save")  # which reads nftables here
    assert rules(bare).unread == [
        "legacy iptables: the kernel has tables (filter), and iptables-legacy-save could not list them"
    ]


def test_extensions_without_their_words(bare, only_these):
    bare.run("iptables-nft", *f"-A OUTPUT -d {IMDS} -m ttl --ttl-lt 2 -j DROP".split())
    only_these("nft")
    (rule,) = rules(bare).chains[("nftables", "ip", "filter", "OUTPUT")].rules
    assert "Unclear(text='xt')" in str(rule.conditions)


def test_a_program_of_another_version(bare, only_these):
    program = only_these() / "nft"
    program.write_text("#!/bin/sh\necho 'nft: JSON support not compiled-in' >&2\nexit 1\n")
    program.chmod(0o755)
    assert rules(bare).unread == ["nftables: nft: nft: JSON support not compiled-in"]


def test_without_rights(bare):
    """In a child, as giving up root is for good."""
    bare.run("iptables-legacy", *f"-A OUTPUT -d {IMDS} -j DROP".split())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with namespaces.enter(bare.path):
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.write(writing, "\n".join(PacketRules(time.monotonic() + SOON_S).unread).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        unread = pipe.read().splitlines()
    os.waitpid(child, 0)
    assert unread[0].startswith("nftables: nft: ")
    assert "needs root (CAP_NET_ADMIN)" in unread[0]
    assert "legacy iptables: Permission denied; needs root (CAP_NET_ADMIN)" in unread


def test_out_of_time(bare, only_these):
    slow = only_these() / "nft"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(0o755)
    assert rules(bare, timeout_s=0.3).unread[0].startswith("nftables: nft did not end within 0.")
