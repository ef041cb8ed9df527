"""Every test runs cut off from the machine's network, and a guard says so where a test tries all the same.

Two layers, because this project is about an address that must never be reached by accident:
- the test process leaves the machine's network namespace before anything else; what it starts inherits that, so no
  packet of any subprocess can leave either;
- link-local connections made by the test process itself are refused unless their socket belongs to a namespace that a
  lab made.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import importlib
import ipaddress
import os
import signal
import socket
import struct
import sys
import types
from collections.abc import Iterator

import hypothesis
import pytest

# An example that takes long, or long to make, says something of the machine only, which may be busy.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


def _is_valid_syntax(term: str, value: str) -> bool:
    del sys.modules["rfc3987_syntax"]
    return bool(importlib.import_module("rfc3987_syntax").is_valid_syntax(term, value))


# jsonschema imports it for whoever checks IRIs, which is one test. It compiles 38 grammars as it is imported, and takes as much
# CPU for that as all other imports together: it is imported when it is asked.
_iris = types.ModuleType("rfc3987_syntax")
_iris.is_valid_syntax = _is_valid_syntax
sys.modules.setdefault("rfc3987_syntax", _iris)

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
SIOCGSKNS = 0x894C  # <linux/sockios.h>: the network namespace a socket belongs to
SIOCSIFFLAGS, SIOCGIFFLAGS, IFF_UP = 0x8914, 0x8913, 1
LINK_LOCAL = [ipaddress.ip_network(n) for n in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")]


class LinkLocalRefused(AssertionError):
    """A test tried to reach a link-local address outside of a lab."""


def _leave_the_machines_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if uid == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags):
        raise OSError(
            ctypes.get_errno(),
            "the tests need a network namespace of their own: run them as root, or allow user namespaces",
        )
    if uid:
        for name, content in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        (current,) = struct.unpack("16xh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", current | IFF_UP))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and getattr(config.option, "numprocesses", None):
        return  # xdist's controller runs no test; its workers come through here too
    # A shell that starts a job in the background has it ignore Ctrl-C, and every program below inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _leave_the_machines_network()
    config.stash[SESSION_NETNS] = os.stat("/proc/self/ns/net").st_ino


SESSION_NETNS = pytest.StashKey[int]()


def pytest_collection_finish() -> None:
    """Each session of botocore reads the interfaces of services anew, of which EC2's alone is several MB: half of what a test
    costs that makes clients. Here a process reads each file of botocore's own once.
    """
    if not (loaders := sys.modules.get("botocore.loaders")):
        return
    read, own = loaders.JSONFileLoader._load_file, loaders.Loader.BUILTIN_DATA_PATH
    once = functools.cache(lambda path, opened: read(None, path, opened))
    loaders.JSONFileLoader._load_file = lambda self, path, opened: (
        once(path, opened) if path.startswith(own) else read(self, path, opened)
    )


def _netns_of(sock: socket.socket) -> int:
    fd = fcntl.ioctl(sock, SIOCGSKNS)
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


@pytest.fixture(autouse=True)
def link_local_guard(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    session_netns = request.config.stash[SESSION_NETNS]

    def guarded(name: str):
        original = getattr(socket.socket, name)

        def call(self: socket.socket, *args):
            address = next((a for a in args if isinstance(a, tuple)), None)
            if self.family in (socket.AF_INET, socket.AF_INET6) and address:
                try:
                    target = ipaddress.ip_address(str(address[0]).split("%")[0])
                except ValueError:
                    target = None
                if (
                    target
                    and any(target in network for network in LINK_LOCAL if network.version == target.version)
                    and _netns_of(self) == session_netns
                ):
                    raise LinkLocalRefused(f"{name} to {address[0]} outside of a lab")
            return original(self, *args)

        return call

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(name), raising=True)
    yield


@pytest.fixture(autouse=True)
def machine_with_room(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the machine is short of just now is no matter of what a test finds."""
    nowhere = tmp_path_factory.getbasetemp() / "nowhere"
    monkeypatch.setattr("imds_probe.system.pressure.PRESSURE", nowhere)
    monkeypatch.setattr("imds_probe.system.pressure.MEMORY", nowhere)
