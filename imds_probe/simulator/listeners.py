"""Listening sockets, made inside a network namespace where one is given."""

from __future__ import annotations

import errno
import ipaddress
import socket
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.net.namespaces import call_in

BACKLOG = 1024
# An address of this machine only where somebody put it on an interface, which is for a namespace of its own.
METADATA_ADDRESSES = {"169.254.169.254", "fd00:ec2::254"}

Address = tuple[str, int]


def family_of(host: str) -> socket.AddressFamily:
    """AF_INET or AF_INET6; raises ProbeError for anything but a plain IP address: no name is ever looked up."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise ProbeError(f"{host!r} is not an IP address", "Use e.g. 127.0.0.1 or ::1") from None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def address_text(address: Address) -> str:
    """host:port, with the brackets that IPv6 takes in URLs."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_listener(address: Address, netns: str | None = None) -> socket.socket:
    """A non-blocking listening socket. `netns` is a path such as /run/netns/lab: the socket is made in there and stays.

    Raises ProbeError where the address or port cannot be had, NamespaceError where the namespace cannot be entered.
    """
    if netns is None:
        return _open(address)
    return call_in(Path(netns), lambda: _open(address))


def _open(address: Address) -> socket.socket:
    host, port = address
    family = family_of(host)
    if not 0 <= port <= 65535:
        raise ProbeError(f"port {port} does not exist", "Use 1 to 65535, or 0 for any that is free")
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ProbeError(f"cannot listen on {address_text(address)}: {error.strerror}", _remedy(error, host)) from None
    return listener


def _remedy(error: OSError, host: str) -> str:
    if error.errno == errno.EADDRNOTAVAIL and str(ipaddress.ip_address(host)) in METADATA_ADDRESSES:
        return "Put that address on the loopback of a network namespace first, or listen on 127.0.0.1 or ::1"
    if error.errno == errno.EACCES:
        return "Use a port from 1024 up, or run as root"
    if error.errno == errno.EADDRINUSE:
        return "Use another port, or end the program that listens there: `ss --listening --tcp --processes` names it"
    if error.errno == errno.EADDRNOTAVAIL:
        return "Use an address that `ip address` lists"
    return "Use another port, or an address that `ip address` lists"
