"""Reports from wherever they are kept, and of each host the newest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import msgspec

from imds_probe.fleet.hosts import Fix, Host, Shared
from imds_probe.fleet.problems import Kind, Problems
from imds_probe.fleet.reading import read
from imds_probe.fleet.sources import STANDARD_INPUT, Piece, check, place, tasks
from imds_probe.fleet.workers import worked

# A clock may be this much ahead. A report from later than that counts only where a host has no other.
AHEAD_S = 3600
LAPSED = "acceptance-expired"  # what a run on such a host finds
_AT_ONCE = 1000  # hosts that one process hands over


class _Read(msgspec.Struct, array_like=True):
    """What one process found in one task."""

    hosts: list[Host]
    counts: dict[Kind, int]
    named: list[tuple[Kind, str, str]]


_TASK = msgspec.msgpack.Decoder(tuple[Piece, ...])
_READ = msgspec.msgpack.Decoder(_Read)


class Gathered:
    """The newest report of each host, by the host's key, and what was left out: `older` reports, the same report again
    (`duplicates`), and reports `from_future` that another one of the host outweighs. `unvouched` counts the reports
    that alone say whose they are, and `vouched` has the hosts of all others.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self.hosts: dict[str, Host] = {}
        self.problems = Problems()
        self.read = self.older = self.duplicates = self.from_future = 0
        self.unvouched = 0
        self.vouched: set[str] = set()
        self._newest = int(now) + AHEAD_S
        self._shared = Shared()

    def add(self, host: Host) -> None:
        """One more report."""
        self.read += 1
        if host.lapsed(self.now):
            # The finding counts again since that day, and only the host knows what it implies.
            host.state, host.confidence, host.fixes = "unknown", "low", (Fix("check", LAPSED, LAPSED), *host.fixes)
        if host.vouched:
            self.vouched.add(host.key)
        else:
            self.unvouched += 1
        there = self.hosts.get(host.key)
        if there is None:
            self.hosts[host.key] = self._shared.of(host)
            return
        if host.rank(self._newest) > there.rank(self._newest):
            self.hosts[host.key] = self._shared.of(host)
            host, there = there, host
        if (host.started_at, host.run) == (there.started_at, there.run):
            self.duplicates += 1
        elif host.started_at > self._newest:
            self.from_future += 1
        else:
            self.older += 1


def gathered(
    paths: Sequence[str], now: float, jobs: int = 0, progress: Callable[[str], None] = lambda _: None
) -> Gathered:
    """All reports below these paths. `now` is in seconds since the epoch, `jobs` how many processes read, 0 for one a processor.
    `progress` is told how far it is. Raises UsageError where a path is not there.
    """
    check(paths)
    found = Gathered(now)
    work = tasks(paths, lambda path, why: found.problems.add("unreadable", path, why))
    processes = 1 if STANDARD_INPUT in paths else jobs or len(os.sched_getaffinity(0))
    packed = (msgspec.msgpack.encode(task) for task in work)
    for result in worked(packed, _work, processes, lambda task: _singly(task, found.problems)):
        _take(found, _READ.decode(result))
        progress(f"reports read so far: {found.read:,} (hosts: {len(found.hosts):,})")
    return found


def _singly(task: bytes, problems: Problems) -> Iterator[bytes]:
    """The pieces of a task by themselves, so that the one that no process survives is known. It is counted as damaged."""
    pieces = _TASK.decode(task)
    for piece in pieces:
        if len(pieces) == 1 or piece.path == STANDARD_INPUT:  # which nobody reads twice
            problems.add(
                "damaged", place(piece, 0), "the process that read it was ended, perhaps because memory was short"
            )
        else:
            yield msgspec.msgpack.encode((piece,))


def _work(task: bytes) -> Iterator[bytes]:
    """In a process of its own."""
    problems = Problems()
    hosts: list[Host] = []
    for piece in _TASK.decode(task):
        for host in read(piece, problems):
            hosts.append(host)
            if len(hosts) >= _AT_ONCE:
                yield msgspec.msgpack.encode(_Read(hosts, {}, []))
                hosts = []
    yield msgspec.msgpack.encode(_Read(hosts, dict(problems.counts), problems.named))


def _take(found: Gathered, part: _Read) -> None:
    for host in part.hosts:
        found.add(host)
    found.problems.take(part.counts, part.named)
