"""The relay: stands between callers and the service on loopback, on a thread of its own, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from imds_probe.rehearsal.connection import Connection, Hops, Relayed, Service
from imds_probe.simulator.listeners import open_listener

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
# Two descriptors a connection, and 1,024 are what a process may have where nobody raised it.
CONNECTIONS_LIMIT = 400
ACCEPTS_AT_ONCE = 64
PAUSE_S = 0.05
URGENT = -5  # a nice value: callers wait for it, on a busy host too
# Of whoever is killed, the kernel closes high descriptors first: callers must hear of the end, those too that were not accepted
# yet, as long as the rules' own socket is open. Once that is closed, nothing translates what callers are told.
CALLERS_FROM = 512
STALLED_S = 1.0  # whoever has not moved a byte for so long makes room for others
DRAINED_WITHIN_S = 30.0
COUNTED_WITHIN_S = 1.0
QUIET = 2  # so often in turn nobody is found any more: a connection takes a moment to be made
OWN = Hops(64)  # what the owner asks tells whether the relay works: that is no question of hops
SO_ORIGINAL_DST = 80  # <linux/netfilter_ipv4.h>, and IP6T_SO_ORIGINAL_DST in <linux/netfilter_ipv6/ip6_tables.h>
_ADDRESS_IPV4, _ADDRESS_IPV6 = struct.Struct("!2xH4s8x"), struct.Struct("!2xH4x16s4x")

Peer = tuple[str, int]


class Relay:
    """Answers as `service` would, were tokens required; listens on loopback, a port for each family that it has.

    `led_only`: nobody is served but who was led here by a rule on the way to the service, and ports that `admit` names.
    `opened` makes its listening sockets, in whichever network namespace: they tell who can be led to it.
    On the relay's thread, `met` is told of each connection while its caller waits, `noted` of each request that was answered, and
    `over` of each connection that was met and has ended. Also a context manager.
    """

    def __init__(
        self,
        service: Service,
        hops: Hops,
        *,
        led_only: bool = True,
        opened: Callable[[tuple[str, int]], socket.socket] = open_listener,
        met: Callable[[socket.AddressFamily, Peer], None] | None = None,
        noted: Callable[[Relayed], None] | None = None,
        over: Callable[[socket.AddressFamily, Peer], None] | None = None,
    ) -> None:
        self._over, self._opened = over, opened
        self._service, self._hops, self._led_only, self._met, self._noted = service, hops, led_only, met, noted
        self._listeners: dict[socket.AddressFamily, socket.socket] = {}
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._admitted: set[tuple[socket.AddressFamily, int]] = set()
        self._led: dict[tuple[socket.AddressFamily, int], str] = {}
        self._bugs: list[BaseException] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises ProbeError where no port can be had."""
        try:
            for family in self._service.addresses:
                self._listeners[family] = _closed_early(self._opened((LOOPBACK[family], 0)))
        except BaseException:
            self._close_listeners()
            raise
        running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(running)), name="imds-relay", daemon=True)
        self._thread.start()
        running.wait()

    def stop(self) -> None:
        """Close everything, connections too. Raises what was a bug in here."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None
        if self._bugs:
            raise self._bugs.pop(0)

    def drain(self, within_s: float = DRAINED_WITHIN_S) -> int:
        """Wait until all connections have ended, those too that were not accepted yet; how many have not, at least."""
        deadline = time.monotonic() + within_s
        unfinished, quiet = self._unfinished(deadline), 0
        while quiet < QUIET and time.monotonic() < deadline:
            time.sleep(0.02)
            unfinished = self._unfinished(deadline)
            quiet = 0 if unfinished else quiet + 1
        return unfinished

    def _unfinished(self, deadline: float) -> int:
        """Counted on the relay's own thread, as a caller is neither waiting nor served while it is accepted."""
        if self._loop is None or self._thread is None:
            return 0
        counting = asyncio.run_coroutine_threadsafe(self._counted(), self._loop)
        try:
            return counting.result(max(COUNTED_WITHIN_S, deadline - time.monotonic()))
        except TimeoutError:
            return max(1, len(self._connections))  # whoever waits is not served either
        finally:
            counting.cancel()

    async def _counted(self) -> int:
        waiting = select.poll()
        for listener in self._listeners.values():
            waiting.register(listener, select.POLLIN)
        return len(self._connections) + len(waiting.poll(0))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def address(self, family: socket.AddressFamily) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listeners[family].getsockname()[:2]
        return host, port

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def admit(self, family: socket.AddressFamily, port: int) -> None:
        """Serve one connection of the owner's, which comes from this port, however it came; it is not told of."""
        self._admitted.add((family, port))

    def was_led(self, family: socket.AddressFamily, port: int) -> bool:
        """Whether the admitted connection from there came by the rules; asked once."""
        return self.led_from(family, port) is not None

    def led_from(self, family: socket.AddressFamily, port: int) -> str | None:
        """From which address it came by the rules, None where it did not, or not yet; told once."""
        return self._led.pop((family, port), None)

    def withdraw(self, family: socket.AddressFamily, port: int) -> None:
        """Serve nobody from this port any more."""
        self._admitted.discard((family, port))

    async def _main(self, running: threading.Event) -> None:
        with contextlib.suppress(OSError):  # this thread's alone; without the right it is as it is
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), URGENT)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        for listener in self._listeners.values():
            self._loop.add_reader(listener, self._accept, listener)
        running.set()
        await self._stop.wait()
        for listener in self._listeners.values():
            self._loop.remove_reader(listener)
        self._close_listeners()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close_listeners(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            if len(self._connections) >= CONNECTIONS_LIMIT:
                self._make_room()
                self._pause(listener)
                return
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of descriptors or memory
                self._pause(listener)
                return
            sock = _closed_early(sock)
            sock.setblocking(False)
            peer = address[0].partition("%")[0], address[1]
            led = self._came_for_the_service(sock)
            # Of a port on another address, anybody can be the owner.
            own = (sock.family, peer[1]) in self._admitted and (led or peer[0] == listener.getsockname()[0])
            if own or led or not self._led_only:
                self._begin(sock, peer, own=own, led=led)
            else:
                sock.close()

    def _begin(self, sock: socket.socket, peer: Peer, *, own: bool, led: bool) -> None:
        if own:
            self._admitted.discard((sock.family, peer[1]))
            if led:
                self._led[sock.family, peer[1]] = peer[0]
        elif self._met is not None:
            self._met(sock.family, peer)
        connection = Connection(sock, peer, self._service, OWN if own else self._hops)
        task = asyncio.get_running_loop().create_task(self._serve(connection, own=own))
        self._connections[task] = connection
        task.add_done_callback(functools.partial(self._ended, sock, sock.family, peer))

    async def _serve(self, connection: Connection, *, own: bool) -> None:
        relayed = await connection.serve()
        if relayed is not None and self._noted is not None and not own:
            self._noted(relayed)

    def _make_room(self) -> None:
        """End those that have stalled longest, a share of all at once: an attacker must not be able to lock others out."""
        since = time.monotonic() - STALLED_S
        stalled = sorted((each.progressed_at, id(task), task) for task, each in self._connections.items())
        for progressed_at, _, task in stalled[: CONNECTIONS_LIMIT // 8]:
            if progressed_at < since:
                task.cancel()

    def _pause(self, listener: socket.socket) -> None:
        """Leave new connections to the kernel's queue for a moment; it stays readable, so that trying on would spin."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(PAUSE_S, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        with contextlib.suppress(ValueError):  # closed meanwhile
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _ended(self, sock: socket.socket, family: socket.AddressFamily, peer: Peer, task: asyncio.Task[None]) -> None:
        sock.close()  # a task that is cancelled before its first step does not come to it
        if self._over is not None:
            self._over(family, peer)
        self._connections.pop(task, None)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bugs.append(bug)

    def _came_for_the_service(self, sock: socket.socket) -> bool:
        """Whether a rule led a connection here that was meant for the service."""
        level, form = (socket.IPPROTO_IP, _ADDRESS_IPV4), (socket.IPPROTO_IPV6, _ADDRESS_IPV6)
        where, layout = level if sock.family == socket.AF_INET else form
        try:
            raw = sock.getsockopt(where, SO_ORIGINAL_DST, 28)
        except OSError:
            return False  # it came by itself: the kernel knows no other destination
        port, packed = layout.unpack_from(raw)
        return (socket.inet_ntop(sock.family, packed), port) == self._service.addresses[sock.family]


def _closed_early(sock: socket.socket) -> socket.socket:
    """The same one by a number from CALLERS_FROM on, where this process may have so many."""
    try:
        number = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, CALLERS_FROM)
    except OSError:
        return sock
    early = socket.socket(fileno=number)
    early.settimeout(sock.gettimeout())
    sock.close()
    return early
