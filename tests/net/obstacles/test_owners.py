import pytest
from soon import SOON_S

from imds_probe.net.obstacles import owners
from imds_probe.net.obstacles.owners import may_tell_owners
from imds_probe.simulator.lab.lab import Lab

NFT = "nft 'add table ip t; add chain ip t out { type nat hook output priority -100; }'; nft add rule ip t out"
RULES = {
    "iptables": ("iptables -t nat -A OUTPUT -p tcp -m owner --uid-owner 1000 -j REDIRECT --to-ports 15001", True),
    "ip6tables": ("ip6tables -A OUTPUT -m owner --gid-owner 1000 -j DROP", True),
    "skuid": (f"{NFT} meta skuid 1000 tcp dport 80 redirect to :15001", True),
    "skgid": (f"{NFT} meta skgid 1000 tcp dport 80 redirect to :15001", True),
    "dns": (
        "iptables -t nat -A OUTPUT -d 127.0.0.11/32 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:4",
        False,
    ),
    "mark": (f"{NFT} meta mark 10 tcp dport 80 redirect to :15001", False),
    "none": ("", False),
}


@pytest.fixture(scope="module")
def lab():
    with Lab("owns") as built:
        yield built


@pytest.mark.parametrize("name", RULES)
def test_rules_on_owners_are_found_without_reading_all(lab, name):
    rules, expected = RULES[name]
    node = lab.add_container(name)
    done = node.run(["sh", "-ec", rules], timeout_s=SOON_S)
    assert done.returncode == 0, done.stderr
    assert may_tell_owners(node.netns) is expected


def test_a_kernel_without_nf_tables_is_not_made_to_load_it(lab, monkeypatch):
    node = lab.add_container("asked")
    done = node.run(["sh", "-ec", RULES["skuid"][0]], timeout_s=SOON_S)
    assert done.returncode == 0, done.stderr
    assert may_tell_owners(node.netns)
    monkeypatch.setattr(owners, "is_loaded", lambda: False)
    monkeypatch.setattr(owners, "Nfnetlink", None)
    assert not may_tell_owners(node.netns)


@pytest.mark.parametrize(("matches", "expected"), [("u32\nowner\n", True), ("u32\nstate\n", False), (None, True)])
def test_legacy_tables_have_rules_on_owners_only_where_the_kernel_has_the_match(
    lab, monkeypatch, tmp_path, matches, expected
):
    """Docker has a table of its own in each container, for names."""
    if matches is not None:
        (tmp_path / "ip_tables_matches").write_text(matches)
    there = {f"/proc/thread-self/net/{name}": tmp_path / name for name in ("ip_tables_matches", "ip6_tables_matches")}
    monkeypatch.setattr(owners, "Path", lambda path: there[path])
    monkeypatch.setattr(owners, "legacy_tables", lambda prefix: ["nat"] if prefix == "ip" else [])
    monkeypatch.setattr(owners, "is_loaded", lambda: False)
    assert may_tell_owners(lab.instance.netns) is expected


def test_nobody_may_look(tmp_path):
    assert not may_tell_owners(tmp_path / "gone")
