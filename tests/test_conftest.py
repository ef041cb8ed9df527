"""The guard itself: a suite that could reach the metadata service would prove nothing about a probe that must not."""

import socket
import subprocess

import pytest


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.170.2"])
def test_link_local_ipv4_is_refused(address):
    with socket.socket() as sock, pytest.raises(AssertionError, match="outside of a lab"):
        sock.connect((address, 80))


def test_link_local_ipv6_is_refused():
    with socket.socket(socket.AF_INET6) as sock, pytest.raises(AssertionError, match="outside of a lab"):
        sock.connect_ex(("fd00:ec2::254", 80))


def test_loopback_is_not_refused():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_a_subprocess_has_no_way_out_either():
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split(": ")[1].split("@")[0] for line in links if "state UP" in line] == []
    route = subprocess.run(["ip", "route", "get", "169.254.169.254"], capture_output=True, check=False)
    assert route.returncode != 0
