"""Metadata proxies of Kubernetes, kube2iam and kiam: their processes, and the port that both take requests on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.net.obstacles.obstacle import Obstacle
from imds_probe.system.procfs import processes
from imds_probe.system.shares import shared
from imds_probe.system.small_file import read_head, read_pieces

NAMES = ("kube2iam", "kiam")
DEFAULT_PORT = 8181  # --app-port of kube2iam, --port of the kiam agent
LISTENING = "0A"  # TCP_LISTEN in <net/tcp_states.h>, as /proc/net/tcp writes it
TABLE_MAX = 4 * 1024 * 1024
DESCRIPTORS_MAX = 4096
PROXIES_MAX = 40  # of root's, and of all others
_PORT = re.compile(r"[0-9]{1,5}")
_LISTENED = re.compile(r"[0-9A-F]+:([0-9A-F]{1,4})")


@dataclass(frozen=True)
class Proxy:
    """One process; `ports` are those it listens on, empty where that could not be seen."""

    name: str
    pid: int
    ports: tuple[int, ...]


def running(proc: Path) -> tuple[Proxy, ...]:
    """The proxies among the processes of a mounted /proc, by command name or the name of the executable.

    All that is read of a process here the kernel answers from what it knows itself: its name, the texts of links, which lead
    nowhere by that, and its table of sockets. Nothing of that waits for the process's memory, or for what it has mounted. Anybody
    may call a process so: root's come first, then one of each user.
    """
    try:
        pids = processes(proc)
    except OSError:
        return ()
    found = [(name, pid) for pid in pids if (name := _name(proc / str(pid))) in NAMES]
    kept, _ = shared(found, lambda each: _user(proc / str(each[1])), PROXIES_MAX, PROXIES_MAX)
    return tuple(Proxy(name, pid, _ports(proc / str(pid))) for name, pid in kept)


def obstacles(proxies: Iterable[Proxy], redirects: Iterable[Obstacle]) -> list[Obstacle]:
    """Each proxy as an obstacle, certain where a redirect leads to a port of its; and redirects to their usual port."""
    targets = {port for redirect in redirects if (port := _port_of(redirect.target))}
    found = [_obstacle(proxy, certain=bool(targets & set(proxy.ports))) for proxy in proxies]
    found.sort(key=lambda each: not each.certain)
    if not found and DEFAULT_PORT in targets:
        # Without a process to see it stays a guess: others can use the port too.
        where, quote = f"port {DEFAULT_PORT}", f"redirected to port {DEFAULT_PORT}, where kube2iam and kiam listen"
        found.append(Obstacle("proxy", "ipv4", where, quote, f":{DEFAULT_PORT}", False, None, "prerouting"))
    return found


def _obstacle(proxy: Proxy, *, certain: bool) -> Obstacle:
    listens = f", listening on port {', '.join(map(str, proxy.ports))}" if proxy.ports else ""
    return Obstacle(
        kind="proxy",
        family="ipv4",
        where=f"process {proxy.pid}",
        quote=f"{proxy.name} (pid {proxy.pid}){listens}",
        target=f":{DEFAULT_PORT if DEFAULT_PORT in proxy.ports else proxy.ports[0]}" if proxy.ports else None,
        certain=certain,
        scope=None,
        applies_to="prerouting",
        pid=proxy.pid,
    )


def _port_of(target: str | None) -> int | None:
    port = (target or "").rpartition(":")[2]
    return int(port) if _PORT.fullmatch(port) else None


def _name(process: Path) -> str:
    """The name of a process if it is one of those looked for, by its command or its executable; else empty."""
    try:
        command = read_head(process / "comm", 64).decode(errors="replace").rstrip("\n")
        if command in NAMES:
            return command
        executable = os.path.basename(os.readlink(process / "exe")).removesuffix(" (deleted)")
    except OSError:
        return ""  # it has ended, is a kernel thread, or another user's
    return executable if executable in NAMES else ""


def _user(process: Path) -> int | None:
    """Whose it is, None where it is root's."""
    try:
        return os.stat(process).st_uid or None
    except OSError:
        return -1  # it has ended


def _ports(process: Path) -> tuple[int, ...]:
    sockets = set(_sockets(process))
    ports = {
        port for table in ("tcp", "tcp6") for inode, port in _listeners(process / "net" / table) if inode in sockets
    }
    return tuple(sorted(ports))


def _sockets(process: Path) -> Iterator[str]:
    """The inode numbers of the sockets that a process holds open."""
    try:
        descriptors = os.listdir(process / "fd")[:DESCRIPTORS_MAX]
    except OSError:
        return
    for descriptor in descriptors:
        try:
            target = os.readlink(process / "fd" / descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _listeners(table: Path) -> Iterator[tuple[str, int]]:
    """Inode and port of every listening socket in /proc/PID/net/tcp: proc(5)."""
    try:
        lines = read_pieces(table, TABLE_MAX).decode(errors="replace").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTENING and (port := _LISTENED.fullmatch(fields[1])):
            yield fields[9], int(port[1], 16)
