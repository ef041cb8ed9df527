"""Listening sockets: where, in which namespace, and one clear error where not."""

import errno
import os
import socket

import pytest
from soon import SOON_S

from imds_probe.errors import ProbeError
from imds_probe.net.namespaces import NamespaceGone
from imds_probe.simulator.listeners import address_text, family_of, open_listener


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listener(host):
    with open_listener((host, 0)) as listener, socket.create_connection(listener.getsockname()[:2], timeout=SOON_S):
        assert listener.getblocking() is False
        listener.accept()[0].close()


def test_ipv6_is_ipv6_only():
    with open_listener(("::", 0)) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=SOON_S)


def test_texts():
    assert address_text(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert address_text(("fd00:ec2::254", 80)) == "[fd00:ec2::254]:80"
    assert (family_of("127.0.0.1"), family_of("::1")) == (socket.AF_INET, socket.AF_INET6)


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        (("169.254.169.254", 80), "network namespace"),
        (("fd00:ec2::254", 80), "network namespace"),
        (("FD00:EC2:0::254", 80), "network namespace"),
        (("192.0.2.1", 8080), "Use an address that `ip address` lists"),
        (("192.0.2.1", 80), "Use an address that `ip address` lists"),
    ],
)
def test_addresses_that_are_not_here(address, remedy):
    with pytest.raises(ProbeError, match="cannot listen on .*assign requested address") as caught:
        open_listener(address)
    assert remedy in caught.value.remedy


def test_a_port_that_is_taken():
    with open_listener(("127.0.0.1", 0)) as listener, pytest.raises(ProbeError, match="already in use"):
        open_listener(listener.getsockname())


@pytest.mark.parametrize("address", [("localhost", 80), ("127.0.0.1", 65536), ("", 80), ("127.0.0.1", -1)])
def test_nonsense(address):
    with pytest.raises(ProbeError):
        open_listener(address)


def test_in_a_namespace(metadata_netns):
    own = os.stat("/proc/thread-self/ns/net").st_ino
    with open_listener(("169.254.169.254", 80), metadata_netns) as listener:
        assert listener.getsockname() == ("169.254.169.254", 80)
    assert os.stat("/proc/thread-self/ns/net").st_ino == own
    with pytest.raises(ProbeError, match="cannot listen"):
        open_listener(("192.0.2.1", 80), metadata_netns)


def test_a_namespace_that_is_not_there():
    with pytest.raises(NamespaceGone):
        open_listener(("127.0.0.1", 0), "/run/netns/imds-probe-nowhere")


def test_a_port_that_is_taken_or_not_allowed_has_a_remedy_of_its_own(monkeypatch):
    with open_listener(("127.0.0.1", 0)) as taken, pytest.raises(ProbeError) as caught:
        open_listener(taken.getsockname())
    assert caught.value.remedy.startswith("Use another port, or end the program that listens there")

    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(ProbeError) as caught:
        open_listener(("127.0.0.1", 80))
    assert caught.value.remedy == "Use a port from 1024 up, or run as root"
