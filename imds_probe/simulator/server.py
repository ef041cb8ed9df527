"""The simulator: a metadata service on local addresses, served by one thread that `stop` ends."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from imds_probe.errors import ProbeError
from imds_probe.simulator.connection import serve
from imds_probe.simulator.counts import Counts
from imds_probe.simulator.instance import LoggedRequest, SimulatedInstance
from imds_probe.simulator.listeners import Address, address_text, family_of, open_listener
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.tokens import Clock

ANY_PORT: tuple[Address, ...] = (("127.0.0.1", 0), ("::1", 0))
ACCEPTS_AT_ONCE = 64
PAUSE_S = 0.1
CONNECTIONS_LIMIT = 4096


class Simulator:
    """EC2's metadata service as one instance would see it.

    `listen` are (IP address, port) pairs, port 0 for any; with `netns`, a path such as /run/netns/lab, they are those
    of that network namespace. IPv6 ones are open only while `http_protocol_ipv6` is enabled, as closed ports refuse
    connections at once and cannot be mistaken for a hop limit. Also a context manager.
    """

    def __init__(
        self,
        state: InstanceState | None = None,
        listen: Sequence[Address] = ANY_PORT,
        netns: str | None = None,
        *,
        clock: Clock | None = None,
        on_request: Callable[[LoggedRequest], None] | None = None,
    ) -> None:
        self._instance = SimulatedInstance(state or InstanceState(), clock or Clock(), on_request)
        self._listen = [(host, port) for host, port in listen]
        self._netns = netns
        self._update_lock = threading.Lock()
        self._listeners: dict[int, socket.socket] = {}  # by the index of their address
        self._connections: set[asyncio.Task[None]] = set()
        self._bugs: list[BaseException] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen and serve. Raises ProbeError where an address cannot be had; nothing is left open then."""
        if self._thread is not None:
            raise RuntimeError("the simulator was started already")
        self._open_missing()
        running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(running)), name="imds-simulator")
        self._thread.start()
        running.wait()

    def stop(self) -> None:
        """Close everything and end the thread; what clients were promised is dropped. Raises what was a bug in here."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        # An update that is under way waits for the thread, so the thread must not be ended before it is through.
        with self._update_lock:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = self._loop = self._stop = None
        if self._bugs:
            raise self._bugs.pop(0)

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def addresses(self) -> list[Address]:
        """The (host, port) pairs that are open now, in the order given."""
        return [self._listen[index] for index in sorted(self._listeners)]

    @property
    def url(self) -> str:
        """The first open address as a URL without a slash at its end; fit for AWS_EC2_METADATA_SERVICE_ENDPOINT."""
        addresses = self.addresses
        if not addresses:
            raise ProbeError("the simulator has no open address", "Start it, or enable http_protocol_ipv6")
        return f"http://{address_text(addresses[0])}"

    @property
    def state(self) -> InstanceState:
        return self._instance.state

    @property
    def counts(self) -> Counts:
        """A snapshot of what was seen since the start or the last `reset_counts`."""
        return self._instance.counts()

    def reset_counts(self) -> None:
        self._instance.reset_counts()

    @property
    def issued_secrets(self) -> frozenset[str]:
        """Every token handed out and every secret value of the credentials, to search other programs' output for."""
        return self._instance.issued_secrets()

    def update(self, **changes: Any) -> None:
        """Change fields of the state while it runs; the next request sees all of them.

        Raises ProbeError naming an unknown field or a bad value, or where an IPv6 address cannot be opened; nothing is
        changed then. Not to be called from `on_request`.
        """
        with self._update_lock:
            planned = self._instance.preview(changes)
            if self._loop is not None and planned.http_protocol_ipv6 != self.state.http_protocol_ipv6:
                if planned.http_protocol_ipv6 == "enabled":
                    self._open_missing(ipv6=True)
                    self._on_loop(self._watch_listeners)
                else:
                    self._on_loop(self._close_ipv6)
            self._instance.update(changes)

    def _open_missing(self, *, ipv6: bool | None = None) -> None:
        """Open the addresses that should be open and are not. A port that was found once is kept."""
        ipv6 = self.state.http_protocol_ipv6 == "enabled" if ipv6 is None else ipv6
        opened: dict[int, socket.socket] = {}
        try:
            for index, (host, port) in enumerate(self._listen):
                if index in self._listeners or (family_of(host) == socket.AF_INET6 and not ipv6):
                    continue
                opened[index] = open_listener((host, port), self._netns)
                self._listen[index] = (host, opened[index].getsockname()[1])
        except ProbeError:
            for listener in opened.values():
                listener.close()
            raise
        self._listeners |= opened

    def _on_loop(self, function: Callable[[], None]) -> None:
        """Call a function on the serving thread and wait until it is done."""
        assert self._loop is not None  # noqa: S101 - callers looked
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def call() -> None:
            function()
            done.set_result(None)

        self._loop.call_soon_threadsafe(call)
        done.result()

    async def _main(self, running: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._watch_listeners()
        running.set()
        await self._stop.wait()
        for listener in self._listeners.values():
            self._close(listener)
        self._listeners.clear()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _watch_listeners(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners.values():
            loop.add_reader(listener, self._accept, listener)

    def _close_ipv6(self) -> None:
        for index, listener in list(self._listeners.items()):
            if listener.family == socket.AF_INET6:
                self._close(self._listeners.pop(index))

    def _close(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(listener)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTS_AT_ONCE):
            if len(self._connections) >= CONNECTIONS_LIMIT:
                self._pause(listener)
                return
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of descriptors or memory
                self._pause(listener)
                return
            sock.setblocking(False)
            caller = str(address[0]).partition("%")[0]
            task = loop.create_task(serve(sock, caller, self._instance))
            self._connections.add(task)
            task.add_done_callback(functools.partial(self._ended, sock))

    def _pause(self, listener: socket.socket) -> None:
        """Leave new connections to the kernel's queue for a moment; it stays readable, so that trying on would spin."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(PAUSE_S, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        with contextlib.suppress(ValueError):  # closed meanwhile
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _ended(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        sock.close()  # a task that is cancelled before its first step does not come to it
        self._connections.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._bugs.append(task.exception() or RuntimeError("a connection ended"))
