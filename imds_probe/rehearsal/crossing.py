"""Whether what is asked in other network namespaces passes the rules of the host, which is tried before anybody in there is led."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import random
import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from imds_probe.inventory.containers.discovered import NetworkNamespace
from imds_probe.net.namespaces import NamespaceError, call_in, open_netns
from imds_probe.net.rtnetlink import outgoing_interface
from imds_probe.rehearsal.asking import gives_token, token_put
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.host_rules import HostRules
from imds_probe.rehearsal.relay import Relay

WITHIN_S = 2.0
BEAT_EVERY_S = 0.5
ROUNDS = 3
PORTS, PORTS_EACH = (32768, 60999), 8
ANSWER_BYTES = 64 * 1024

# led: it comes to the relay, and the answer back. around: it reaches the service without a rule of the host. kept: it reaches
# the service, and not the relay. closed: it does not reach the service, though there is a way. nothing: there is no way.
Outcome = Literal["led", "around", "kept", "closed", "nothing"]
Key = tuple[int, socket.AddressFamily]


class Crossing(NamedTuple):
    """`link` is the host's interface that it comes in by, or would; None where that is not known."""

    outcome: Outcome
    link: str | None = None


class Trial(NamedTuple):
    """What it is tried with: the relay for what is forwarded, and a function that keeps the lease up meanwhile."""

    service: Service
    rules: HostRules
    relay: Relay
    beat: Callable[[], None]


def crossings(there: Sequence[NetworkNamespace], trial: Trial) -> dict[Key, Crossing]:
    """By namespace and family, for those that could be entered. Raises OSError where the rules are gone."""
    with contextlib.ExitStack() as stack:
        entered: dict[int, int] = {}
        for each in there:
            with contextlib.suppress(NamespaceError):
                opened = open_netns(each.path)
                stack.callback(os.close, opened)
                if os.fstat(opened).st_ino == each.inode:
                    entered[each.inode] = opened
        found = _directly([(inode, family) for inode in entered for family in trial.service.addresses], entered, trial)
        # A busy host may let a lease run out between two lines: what does not come is tried again.
        for _ in range(ROUNDS):
            if doubtful := [key for key, each in found.items() if each.outcome in ("around", "kept")]:
                found |= _by_rules(doubtful, entered, trial)
        return found


def _directly(keys: Sequence[Key], entered: Mapping[int, int], trial: Trial) -> dict[Key, Crossing]:
    """Who reaches the service as it is: "around" until it is known by which way."""
    with contextlib.ExitStack() as stack:
        sockets = _made(keys, entered, stack)
        errors = _connected(sockets, trial)
        closed = {key: _link(sockets[key]) for key, error in errors.items() if error == errno.ETIMEDOUT}
        return {
            key: Crossing("around" if not error else "closed" if key in closed else "nothing", closed.get(key))
            for key, error in errors.items()
        }


def _by_rules(keys: Sequence[Key], entered: Mapping[int, int], trial: Trial) -> dict[Key, Crossing]:
    with contextlib.ExitStack() as stack:
        sockets = _made(keys, entered, stack)
        ports = _bound(sockets)
        for key, port in ports.items():
            trial.relay.admit(key[1], port)
        try:
            trial.beat()
            for family in trial.service.addresses:
                trial.rules.try_from(family, [port for key, port in ports.items() if key[1] == family])
            asking = {key: sockets[key] for key in ports}
            errors = _connected(asking, trial)
            answers = _answers({key: asking[key] for key, error in errors.items() if not error}, trial)
            return {key: _judged(key, sockets[key], ports[key], answers.get(key), trial) for key in ports}
        finally:
            for key, port in ports.items():
                trial.relay.withdraw(key[1], port)


def _judged(key: Key, sock: socket.socket, port: int, answer: bytes | None, trial: Trial) -> Crossing:
    """`answer` is None where there was no connection."""
    came_from = trial.relay.led_from(key[1], port)
    if came_from is not None and answer is not None and gives_token(answer):
        return Crossing("led", outgoing_interface(came_from))
    if came_from is None and answer is not None:
        return Crossing("around")
    return Crossing("kept", _link(sock))


def _link(sock: socket.socket) -> str | None:
    """By which interface of the host its address is reached."""
    address: str = sock.getsockname()[0]
    return outgoing_interface(address)


def _made(keys: Sequence[Key], entered: Mapping[int, int], stack: contextlib.ExitStack) -> dict[Key, socket.socket]:
    """A socket in each namespace, which `stack` closes."""
    made: dict[Key, socket.socket] = {}
    for inode in dict.fromkeys(inode for inode, _ in keys):
        families = [family for other, family in keys if other == inode]
        with contextlib.suppress(NamespaceError, OSError):
            sockets = call_in(entered[inode], functools.partial(_opened, families))
            for family, sock in zip(families, sockets, strict=True):
                made[inode, family] = stack.enter_context(sock)
    return made


def _opened(families: Sequence[socket.AddressFamily]) -> list[socket.socket]:
    made = [socket.socket(family, socket.SOCK_STREAM) for family in families]
    for each in made:
        each.setblocking(False)
    return made


def _bound(sockets: Mapping[Key, socket.socket]) -> dict[Key, int]:
    """A port for each, which no other has: they are told apart by it."""
    free = iter(random.sample(range(*PORTS), min(len(sockets) * PORTS_EACH, PORTS[1] - PORTS[0])))
    ports: dict[Key, int] = {}
    for key, sock in sockets.items():
        for port in itertools.islice(free, PORTS_EACH):
            with contextlib.suppress(OSError):  # it is in use there
                sock.bind(("" if key[1] == socket.AF_INET else "::", port))
                ports[key] = port
                break
    return ports


def _connected(sockets: Mapping[Key, socket.socket], trial: Trial) -> dict[Key, int]:
    """How it went, as errno has it: 0 for well, ETIMEDOUT for those that are still waiting at the end."""
    errors: dict[Key, int] = {}
    waiting: dict[Key, socket.socket] = {}
    for key, sock in sockets.items():
        error = sock.connect_ex(trial.service.addresses[key[1]])
        if error == errno.EINPROGRESS:
            waiting[key] = sock
        else:
            errors[key] = error

    def ready(key: Key) -> bool:
        errors[key] = waiting[key].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return True

    _wait(waiting, selectors.EVENT_WRITE, ready, trial)
    return dict.fromkeys(sockets, errno.ETIMEDOUT) | errors


def _answers(sockets: Mapping[Key, socket.socket], trial: Trial) -> dict[Key, bytes]:
    """What each is answered for a token request, as far as it comes."""
    answers = dict.fromkeys(sockets, b"")
    for key, sock in sockets.items():
        with contextlib.suppress(OSError):
            sock.send(token_put(trial.service.addresses[key[1]][0]))

    def ready(key: Key) -> bool:
        try:
            piece = sockets[key].recv(ANSWER_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        answers[key] += piece
        return not piece or len(answers[key]) > ANSWER_BYTES

    _wait(sockets, selectors.EVENT_READ, ready, trial)
    return answers


def _wait(sockets: Mapping[Key, socket.socket], what: int, ready: Callable[[Key], bool], trial: Trial) -> None:
    """Call `ready` of those that are, until it says of all of them that they are done, or for WITHIN_S."""
    deadline = beaten_at = time.monotonic()
    deadline += WITHIN_S
    with selectors.DefaultSelector() as selector:
        for key, sock in sockets.items():
            selector.register(sock, what, key)
        while selector.get_map() and (now := time.monotonic()) < deadline:
            for each, _ in selector.select(min(BEAT_EVERY_S, deadline - now)):
                if ready(each.data):
                    selector.unregister(each.fileobj)
            if time.monotonic() - beaten_at > BEAT_EVERY_S:
                trial.beat()
                beaten_at = time.monotonic()
