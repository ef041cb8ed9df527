"""Which process owns a socket, for hosts without the tracepoint: the kernel names the socket's inode, /proc who holds it.

Misses who has ended by then, as short-lived processes have: a fallback. Source: sock_diag(7), <linux/inet_diag.h>.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from imds_probe.inventory.settings.programs import running
from imds_probe.net import namespaces
from imds_probe.net.netlink import NLM_F_REQUEST, attributes, message

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
ALL_STATES = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8
NAMESPACES_MAX = 512
REFRESHED_S = 2.0
# A container that began since is looked for at once, as its first request may be its only one: by one in so much of the time.
LOOKING_SHARE = 20
ANSWER_WITHIN_S = 0.2
SENT_WITHIN_S = 0.25  # what is sent is seen so soon
# The kernel says how long ago that was, as of when it answers: known so exactly, or asked for again, so often.
ANSWERED_WITHIN_S, ASKS = 0.05, 8
_STATE_AT, _INODE_AT, _ATTRIBUTES_AT = 16 + 1, 16 + 68, 16 + 72  # behind the netlink header: struct inet_diag_msg
INET_DIAG_INFO = 2  # an attribute: struct tcp_info
_LAST_SENT_AT = 44  # in it, in milliseconds before now: <linux/tcp.h>
CONNECTED = (1, 4, 5, 8)  # established, and those that are being closed by one end: <net/tcp_states.h>


class Socket(NamedTuple):
    inode: int
    connected: bool
    sent_before_s: float | None  # when payload was sent last, from when the kernel answered


class Owners:
    """Asks in every network namespace that a process of `proc` is in; a socket for asking is kept open in each. `met` is
    told of each namespace, by its inode and a process in it.
    """

    def __init__(self, proc: Path, met: Callable[[int, int], None] = lambda *_: None) -> None:
        self._proc, self._met = proc, met
        self._asking: dict[int, socket.socket] = {}
        self._listed_at = self._not_before = 0.0

    def owner(
        self,
        client: str,
        port: int,
        service: str,
        service_port: int,
        *,
        may_be_in: Callable[[int], bool] = lambda _: True,
        sent_at: float | None = None,
    ) -> int | None:
        """The process id of whoever has this connection open, None where nobody is found.

        `may_be_in` says in which network namespaces it can be. With `sent_at`, in seconds since the epoch, it must be connected and
        have sent something then, and nothing after that.
        """
        asked = question(client, port, service, service_port)
        if time.monotonic() - self._listed_at > REFRESHED_S:
            self._list()
        known, new = list(self._asking), list[int]()
        found = self._socket(known, asked, may_be_in, sent_at)
        if found is None and time.monotonic() > self._not_before:
            self._list()
            new = [each for each in self._asking if each not in known]
            found = self._socket(new, asked, may_be_in, sent_at)
        return self._holder(found.inode) if found is not None else None

    def _socket(
        self, among: Iterable[int], asked: bytes, may_be_in: Callable[[int], bool], sent_at: float | None
    ) -> Socket | None:
        for netns in among:
            if not may_be_in(netns):
                continue
            asking = self._asking[netns]
            found = answered(asking, asked) if sent_at is None else _that_sent(asking, asked, sent_at)
            if found is not None:
                return found
        return None

    def close(self) -> None:
        """Close the sockets."""
        for asking in self._asking.values():
            asking.close()
        self._asking.clear()

    def _list(self) -> None:
        self._listed_at, began = time.monotonic(), time.thread_time()
        there: dict[int, Path] = {}
        # The oldest process first: the newest may be who calls just now, and gone before its namespace is entered.
        for pid in sorted(running(self._proc)):
            path = self._proc / str(pid) / "ns/net"
            try:
                there.setdefault(path.stat().st_ino, path)
            except OSError:
                continue
        for inode in [each for each in self._asking if each not in there]:
            self._asking.pop(inode).close()
        for inode, path in list(there.items())[:NAMESPACES_MAX]:
            if inode not in self._asking:
                try:
                    asking = namespaces.socket_in(path, socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
                except namespaces.NamespaceError:
                    continue
                asking.settimeout(ANSWER_WITHIN_S)
                self._asking[inode] = asking
            self._met(inode, int(path.parts[-3]))
        self._not_before = time.monotonic() + LOOKING_SHARE * (time.thread_time() - began)

    def _holder(self, inode: int) -> int | None:
        """The newest process first: what was just started is what is just calling."""
        wanted = f"socket:[{inode}]"
        for pid in sorted(running(self._proc), reverse=True):
            directory = f"{self._proc}/{pid}/fd"
            try:
                names = os.listdir(directory)
            except OSError:
                continue
            for name in names:
                try:
                    if os.readlink(f"{directory}/{name}") == wanted:
                        return pid
                except OSError:
                    continue
        return None


def question(client: str, port: int, service: str, service_port: int) -> bytes:
    """struct inet_diag_req_v2 for one connection, with its netlink header."""
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    ends = [socket.inet_pton(family, address).ljust(16, b"\0") for address in (client, service)]
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), ALL_STATES)
    body += struct.pack("!HH", port, service_port) + b"".join(ends) + struct.pack("=I", 0) + NO_COOKIE
    return message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, body)


def answered(asking: socket.socket, asked: bytes) -> Socket | None:
    """The connection's socket, None where the namespace has no such connection or the socket no owner."""
    try:
        asking.send(asked)
        answer = asking.recv(4096)
    except OSError:
        return None
    if len(answer) < _ATTRIBUTES_AT or struct.unpack_from("=H", answer, 4)[0] != SOCK_DIAG_BY_FAMILY:
        return None
    (inode,) = struct.unpack_from("=I", answer, _INODE_AT)
    info = attributes(answer[_ATTRIBUTES_AT:]).get(INET_DIAG_INFO, b"")
    sent = struct.unpack_from("=I", info, _LAST_SENT_AT)[0] / 1000 if len(info) >= _LAST_SENT_AT + 4 else None
    return Socket(inode, answer[_STATE_AT] in CONNECTED, sent) if inode else None


def _that_sent(asking: socket.socket, asked: bytes, at: float) -> Socket | None:
    """The connection's socket, where it sent something then and nothing since. The clock is read around each question alone: on
    a busy machine anything else may take longer than what is sent needs to be seen.
    """
    for _ in range(ASKS):
        before = time.time()
        found, after = answered(asking, asked), time.time()
        if found is None or not found.connected or found.sent_before_s is None:
            return None
        if after - before <= ANSWERED_WITHIN_S:
            return found if abs(before - found.sent_before_s - at) < SENT_WITHIN_S else None
    return None
