"""What the rules are, as nft itself reads them, and that they match what they are for."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import subprocess

import pytest
from rehearsing import place
from soon import SOON_S, wait_for

from imds_probe.net.nfnetlink import Nfnetlink, number, text
from imds_probe.rehearsal import rules as rules_module
from imds_probe.rehearsal.group import OwnGroup, left_behind
from imds_probe.rehearsal.rules import LEASE_S, Group, Rules, hash_of, remove

NAME = "imds-probe-rehearsal-1-1"
SERVICE = {socket.AF_INET: ("169.254.169.254", 80), socket.AF_INET6: ("fd00:ec2::254", 80)}
RELAY = {socket.AF_INET: ("127.0.0.1", 1338), socket.AF_INET6: ("::1", 1339)}


@pytest.fixture
def rules():
    made = Rules(NAME, SERVICE, RELAY, Group(4711, 3))
    yield made
    with contextlib.suppress(OSError):  # closed already
        made.take_down()
    made.close()


@pytest.fixture
def lasting(monkeypatch):
    """A lease that does not run out while a slow machine comes to what is tried in it."""
    monkeypatch.setattr(rules_module, "LEASE_S", 10 * SOON_S)


def listed() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def test_the_rules_as_nft_reads_them(rules):
    rules.put_up()
    shown = listed()
    for family, address, port in (("ip", "169.254.169.254", 1338), ("ip6", "fd00:ec2::254", 1339)):
        table = shown[shown.index(f"table {family} {NAME}") :]
        assert re.search(r"set lease \{\s+type ipv[46]_addr\s+timeout 4s\s+\}", table), table
        assert "type nat hook output priority -110; policy accept;" in table
        rule = next(line for line in table.splitlines() if "redirect" in line)
        assert f"tcp dport 80 {family} daddr @lease tcp flags syn / fin,syn,rst,ack" in rule
        assert rule.endswith(f'redirect to :{port} comment "imds-probe rehearse"')
        assert address not in table
    assert "flags owner" in shown and "cgroupv2 level 3" in shown
    rules.renew(SERVICE)
    assert re.search(r"169\.254\.169\.254 expires \d", listed())
    rules.end_lease()
    assert "169.254.169.254" not in listed()
    rules.take_down()
    assert NAME not in listed()
    rules.take_down()


def test_a_class_is_a_number(rules):
    rules._group = Group(class_id=0x494D0001)
    rules.put_up()
    assert f"meta cgroup {0x494D0001} counter" in listed()


def test_each_renewal_is_for_the_whole_time(rules):
    """An element that is added again would keep its time."""
    rules.put_up()

    def left_s() -> float:
        found = re.search(r"expires (?:(\d+)s)?(?:(\d+)ms)?", listed())
        return int(found[1] or 0) + int(found[2] or 0) / 1000 if found else 0.0

    rules.renew([socket.AF_INET])
    assert left_s() <= LEASE_S
    wait_for(lambda: left_s() < LEASE_S - 0.5)

    def renewed() -> bool:
        rules.renew([socket.AF_INET])
        return LEASE_S - 0.5 <= left_s() <= LEASE_S

    wait_for(renewed)
    assert "fd00:ec2::254" not in listed()


def test_a_table_that_is_held_is_its_owners_alone(rules):
    rules.put_up()
    assert rules.held
    with Nfnetlink() as other, pytest.raises(PermissionError):
        remove(other, 2, NAME)
    rules.close()
    assert NAME not in listed()


def test_where_tables_cannot_be_held_they_stay(rules, monkeypatch):
    """As on Linux before 5.12, which refuses the flag."""
    change = rules._netlink.change

    def old(changes):
        if any(b"\x00\x00\x00\x02" in each.body for each in changes if each.kind == 0):
            raise OSError(errno.EOPNOTSUPP, "")
        change(changes)

    monkeypatch.setattr(rules._netlink, "change", old)
    rules.put_up()
    assert not rules.held and "flags owner" not in listed()
    with Nfnetlink() as other:
        remove(other, 2, NAME)
    assert f"table ip {NAME}" not in listed()
    with pytest.raises(FileNotFoundError):
        rules.renew(SERVICE)


@pytest.mark.parametrize(("lacks", "has"), [([b"cgroupv2"], 2), ([b"cgroupv2", 2], 1)])
def test_before_nf_tables_knew_control_groups_the_match_of_iptables_does(rules, monkeypatch, lacks, has):
    """As on Linux 5.10, and on 4.18."""
    change, revisions = rules._netlink.change, []
    lacking = [text(1, "socket"), *(text(1, "cgroup") + number(2, each) for each in lacks[1:])]

    def old(changes):
        bodies = b"".join(each.body for each in changes)
        if any(each in bodies for each in lacking):
            raise OSError(errno.EOPNOTSUPP, "")
        revisions.append([each for each in (1, 2) if text(1, "cgroup") + number(2, each) in bodies])
        change(changes)

    monkeypatch.setattr(rules._netlink, "change", old)
    rules._group = Group(1, 1, path="/")
    rules.put_up()
    assert rules.held and revisions == [[has]]
    assert "redirect to" in listed()


def test_a_path_that_is_too_long_is_refused(rules, monkeypatch):
    monkeypatch.setattr(rules_module, "MANNERS", ("path-2",))
    rules._group = Group(1, 1, path="/" + "x" * 512)
    with pytest.raises(OSError) as raised:
        rules.put_up()
    assert raised.value.errno == errno.ENAMETOOLONG and NAME not in listed()


def test_all_or_nothing(rules):
    rules.put_up()
    again = Rules(NAME, SERVICE, RELAY, Group(1, 1))
    with pytest.raises(OSError):
        again.put_up()
    again.close()
    assert listed().count(f"table ip {NAME}") == 1


@pytest.mark.parametrize(("manner", "groups_tried"), [("hash", 6), ("path-2", 1), ("path-1", 1)])
def test_a_group_is_told_from_the_one_beside_it(monkeypatch, lasting, manner, groups_tried):
    """Each group's connection comes where it is led, and that of a group beside it does not. Hashes are the kernel's."""
    monkeypatch.setattr(rules_module, "MANNERS", (manner,))
    with place() as here, socket.socket() as relay, socket.socket() as service:
        relay.bind(("127.0.0.1", 0))
        service.bind(("127.0.0.9", 0))
        for each in (relay, service):
            each.listen()
            each.settimeout(SOON_S)
        for number in range(groups_tried):
            groups = [OwnGroup(f"{NAME}{number}{side}") for side in (1, 2)]
            made = Rules(
                NAME,
                {socket.AF_INET: service.getsockname()},
                {socket.AF_INET: relay.getsockname()},
                groups[0].kernels,
            )
            try:
                made.put_up()
                for group, comes_to in zip(groups, (relay, service), strict=True):
                    with group.inside():
                        asking = socket.socket()
                    with asking:
                        made.renew([socket.AF_INET])
                        asking.connect(service.getsockname())
                        with comes_to.accept()[0] as came:
                            assert came.getpeername() == asking.getsockname()
            finally:
                made.take_down()
                made.close()
        assert len(left_behind(here)) == 2 * groups_tried


def test_a_hash_is_a_number_of_32_bits():
    assert all(0 <= hash_of(inode, seed) < 2**32 for inode in (0, 1, 2**64 - 1) for seed in (1, 2))
    assert hash_of(1, 1) != hash_of(1, 2) != hash_of(2, 2)


def test_rules_follow_to_another_group(rules, lasting):
    rules.put_up()
    rules.renew(SERVICE)
    before = listed()
    rules.follow(Group(4712, 2))
    after = listed()
    assert after.count("redirect to") == 2 and after.count("cgroupv2 level 2") == 4
    assert "cgroupv2 level 3" in before and "cgroupv2 level 3" not in after
    assert re.search(r"169\.254\.169\.254 expires \d", after)
