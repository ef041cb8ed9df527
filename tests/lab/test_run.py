"""The main job in the lab, as its users meet it: verdicts, exit codes, and what it must never do."""

import socket
import sys

import pytest
from watching import SOURCE

from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


def test_old_software_must_not_be_switched(run, service, host):
    scenarios.write_host(host, scenarios.OLD_PACKAGES, "i-0123456789abcdef0")
    ran = run()
    assert (ran.code, ran.verdict) == (1, "not-ready")
    blocked = {finding["subject"] for finding in ran.report["findings"] if finding["implies"] == "not-ready"}
    assert blocked == {"cloud-init", "amazon-ssm-agent", "aws-cli-v1"}
    assert run("--exit-zero").code == 0


def test_upgraded_software_may(run, service):
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready")
    assert ran.report["verdict"]["confidence"] == "medium"
    assert ran.report["verdict"]["evidence"] == ["capability", "code", "reachability"]
    assert ran.report["read"]["programs"] == ran.report["read"]["programs_read"] > 0


@pytest.mark.parametrize("by", ["option", "configuration"])
def test_no_code_is_read_where_that_is_switched_off(run, service, tmp_path, by):
    config = tmp_path / "imds-probe.toml"
    config.write_text("[code]\nread = false\n")
    ran = run(*(["--no-code"] if by == "option" else ["--config", str(config)]))
    assert (ran.verdict, ran.report["read"], ran.report["code"]) == ("ready", None, [])
    assert ran.report["verdict"]["evidence"] == ["capability", "reachability"]


def test_the_probe_and_its_simulator_are_no_software_in_use(run, service, first_line):
    """They have the service's addresses and paths in them, too."""
    before = run().report["read"]["programs"]
    argv = [sys.executable, "-m", "imds_probe", "simulate", "--listen", "127.0.0.1:1338"]
    assert first_line(argv, env={"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"})[1]
    ran = run()
    assert (ran.verdict, ran.report["read"]["programs"], ran.report["code"]) == ("ready", before, [])


def test_without_privilege_all_but_containers_and_others_processes_is_seen(run, service):
    ran = run(privileged=False)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert {finding["id"] for finding in ran.report["findings"] if finding["implies"]} == {
        *("containers-not-seen", "sdks-not-seen", "code-not-read")
    }
    assert (ran.imds["hop_limit_method"], ran.report["probe"]["privileged"]) == ("minttl", False)


def test_a_damaged_package_database_is_no_clean_bill(run, service, host):
    (host / "var/lib/dpkg/status").write_text("Package: cloud-init\nStatus: instal")
    ran = run()
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert "package-manager-failed" in ran.finding_ids
    assert ran.imds["endpoint"] == "enabled"


@pytest.mark.parametrize("arguments", [("--skip", "software"), ("--only", "endpoint,tokens")])
def test_what_was_left_out_is_not_called_ready(run, service, arguments):
    ran = run(*arguments)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert any("was not judged" in reason for reason in ran.report["verdict"]["reasons"])


@pytest.mark.parametrize("arguments", [(), ("--no-v1-probe",)])
def test_elsewhere_nothing_is_sent(run, service, lab, host, arguments):
    (host / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    with lab.instance.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap:
        ran = run(*arguments)
        tap.setblocking(False)
        packets = []
        while True:
            try:
                packets.append(tap.recvfrom(65535)[0])
            except BlockingIOError:
                break
    addresses = [socket.inet_aton("169.254.169.254"), socket.inet_pton(socket.AF_INET6, "fd00:ec2::254")]
    assert [packet for packet in packets if any(address in packet for address in addresses)] == []
    assert (ran.code, ran.verdict, ran.imds) == (3, "unknown", None)
    assert service.counts.connections == 0
    assert (ran.report["probe"]["imdsv1_requests_made"], ran.report["probe"]["imdsv2_requests_made"]) == (0, 0)


def test_assume_ec2_is_believed(run, service, host):
    (host / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    assert run("--assume-ec2").code == 0


def test_proxies_in_the_environment_see_nothing(run, service, lab):
    with Simulator(InstanceState(), (("127.0.0.1", 3128),), netns=str(lab.instance.netns)) as trap:
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
        assert run(env=dict.fromkeys(names, "http://127.0.0.1:3128")).code == 0
        assert trap.counts.connections == 0


def test_a_netrc_for_the_address_is_not_used(run, service, lab, tmp_path):
    (tmp_path / ".netrc").write_text("machine 169.254.169.254 login netrc-user password netrc-secret\n")
    with lab.service.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        assert run(env={"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc")}).code == 0
        tap.setblocking(False)
        wire = b""
        while True:
            try:
                wire += tap.recvfrom(65535)[0]
            except BlockingIOError:
                break
    assert b"PUT /latest/api/token" in wire
    assert b"authorization" not in wire.lower()
