"""What the rules for a whole host are, as nft itself reads them; whom they lead is in tests/lab."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess

import pytest

from imds_probe.rehearsal.host_rules import RELAYS_OWN, TRIAL, HostRules

NAME = "imds-probe-rehearsal-1-2"
SERVICE = {socket.AF_INET: ("169.254.169.254", 80), socket.AF_INET6: ("fd00:ec2::254", 80)}
RELAY = {socket.AF_INET: ("127.0.0.1", 1338), socket.AF_INET6: ("::1", 1339)}
PASSING = {socket.AF_INET: ("10.0.0.10", 1340), socket.AF_INET6: ("2001:db8::10", 1341)}


@pytest.fixture
def rules():
    made = HostRules(NAME, SERVICE, RELAY, PASSING)
    yield made
    with contextlib.suppress(OSError):  # closed already
        made.take_down()
    made.close()


def listed() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def rule(shown: str, words: str) -> list[str]:
    return [line.strip() for line in shown.splitlines() if words in line and "tcp dport 80" in line]


def test_only_trials_are_led_until_it_goes_live(rules):
    rules.put_up()
    shown = listed()
    assert len(rule(shown, f"meta mark 0x{TRIAL:08x}")) == 2 and rule(shown, "meta mark !=") == []
    assert "type nat hook output priority -110" in shown and "type nat hook prerouting priority dstnat - 10" in shown
    rules.go_live()
    assert len(rule(listed(), f"meta mark != 0x{RELAYS_OWN:08x}")) == 2
    for port in (1338, 1339):
        assert len(rule(listed(), f"redirect to :{port}")) == 2
    for place in ("10.0.0.10:1340", "[2001:db8::10]:1341"):
        by_port, by_link = rule(listed(), f"dnat to {place}")[::-1]
        assert "tcp sport @ports" in by_port and "iifname @links" in by_link
        assert all("@lease tcp flags syn / fin,syn,rst,ack" in each for each in (by_port, by_link))


def test_links_are_led_by_name_and_ports_for_a_moment(rules):
    rules.put_up()
    rules.lead_from(socket.AF_INET, ["docker0", "br-0123456789ab"])
    rules.lead_from(socket.AF_INET6, [])
    rules.try_from(socket.AF_INET, [4711])
    shown = listed()
    assert set(re.findall(r'"(docker0|br-[0-9a-f]+)"', shown)) == {"docker0", "br-0123456789ab"}
    assert re.search(r"elements = \{ 4711 expires [0-9]", shown)
    rules.lead_no_more_from(socket.AF_INET, ["docker0"])
    assert re.search(r'elements = \{ "br-0123456789ab" \}', listed())


def test_a_rule_set_that_was_saved_loads_where_the_links_are_gone(rules, tmp_path):
    rules.put_up()
    rules.lead_from(socket.AF_INET, ["docker0"])
    rules.go_live()
    saved = tmp_path / "saved.nft"
    saved.write_text(listed().replace("flags owner", ""))
    rules.take_down()
    subprocess.run(["nft", "-f", saved], check=True)
    assert "docker0" in listed()
