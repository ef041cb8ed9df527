"""What containers are called, looked up when one is met that is not known yet.

A look takes up to a second, and who watches must not be kept from reading what the kernel notes: by then, a caller of some
milliseconds is nobody's any more. So it is made on a thread of its own, and calls wait for their names instead.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from imds_probe.errors import ProbeError
from imds_probe.facts.containers import short
from imds_probe.inventory.containers.discovery import discover
from imds_probe.reading.here import HERE, Asks
from imds_probe.system import procfs
from imds_probe.system.background import Background
from imds_probe.watch.caller import Caller
from imds_probe.watch.seen_call import SeenCall

AGAIN_AFTER_S = 5.0  # of one that was looked for in vain
RESTS = 10.0  # between two looks, so many times as long as the last one took
WITHIN_S = 1.0  # a look
LOOKED_FOR_MAX = 10_000
FOUND_MAX, WAITING_MAX = 10_000, 10_000  # containers, and calls that wait for their names
LOOKS_AGAIN_S = 0.1  # where calls wait for names


class _Container(NamedTuple):
    title: str
    image: str | None


class ContainerNames:
    """Names by the container's identity, from records that `reader` reads. Raises nothing that is expected: one without a name
    is called by the start of its id. `looked` is called after each look, which may be the last one for days.
    """

    def __init__(self, root: Path, reader: Asks = HERE, looked: Callable[[], object] = lambda: None) -> None:
        self._root, self._reader, self._looked = root, reader, looked
        self._found: dict[str, _Container] = {}
        self._in_vain: dict[str, float] = {}  # when each was looked for, of the monotonic clock
        self._looking: Background[float] | None = None
        self._wanted: set[str] = set()
        self._next_at = float("-inf")

    def name(self, caller: Caller | None) -> str | None:
        """Pod and name, or name, of the container that a caller runs in, as far as it is known; None outside of any."""
        if caller is None or caller.container is None:
            return None
        known = self._found.get(caller.container)
        return known.title if known else short(caller.container)

    def image(self, caller: Caller | None) -> str | None:
        """The image of that container, None where it is not known or has none."""
        known = self._found.get(caller.container) if caller is not None and caller.container is not None else None
        return known.image if known else None

    def meet(self, caller: Caller | None) -> bool:
        """Have its container looked for, as long as it runs. Whether that is not done yet."""
        container = caller.container if caller is not None else None
        if container is None or container in self._found:
            return False
        now = time.monotonic()
        if now - self._in_vain.get(container, float("-inf")) < AGAIN_AFTER_S:
            return False
        self._wanted.add(container)
        self._go_on(now)
        return container in self._wanted

    def ask(self, *callers: Caller | None) -> None:
        """Have their containers looked for, and wait."""
        if any([self.meet(each) for each in callers]):  # noqa: C419 - all of them
            self.wait()

    def wait(self) -> None:
        """Until all that were met have been looked for."""
        while self._wanted:
            if self._looking is None:
                self._next_at = float("-inf")
            else:
                self._looking.result()
            self._go_on(time.monotonic())

    def _go_on(self, now: float) -> None:
        if self._looking is not None and self._looking.ended:
            took_s, self._looking = self._looking.result(), None
            self._next_at = now + RESTS * took_s
        if self._looking is None and self._wanted and now >= self._next_at:
            wanted = tuple(self._wanted)
            self._looking = Background("containers", lambda: self._look(wanted))

    def _look(self, wanted: Iterable[str]) -> float:
        """How long it took."""
        began = time.monotonic()
        try:
            found = discover(
                self._root,
                procfs.below(self._root),
                in_own_pid_namespace=self._root == Path("/"),
                deadline=began + WITHIN_S,
                reader=self._reader,
            )
            before = self._found if len(self._found) < FOUND_MAX else {}
            self._found = before | {each.identity: _Container(each.title, each.image) for each in found.containers}
        except ProbeError:
            pass
        finally:
            self._looked()
        ended = time.monotonic()
        if len(self._in_vain) > LOOKED_FOR_MAX:
            self._in_vain.clear()
        for each in wanted:
            if each not in self._found:
                self._in_vain[each] = ended
            self._wanted.discard(each)
        return ended - began


class NamedCalls:
    """Calls in their order, each with what its container is called, once that was looked up."""

    def __init__(self, names: ContainerNames) -> None:
        self._names = names
        self._waiting: deque[SeenCall] = deque()

    @property
    def due_in_s(self) -> float:
        """In how many seconds to ask again."""
        return LOOKS_AGAIN_S if self._waiting else float("inf")

    def take(self, calls: Iterable[SeenCall]) -> Iterator[tuple[SeenCall, str | None]]:
        """These after those that waited, as far as their names are known or were looked for, or there is no room to wait."""
        for seen in calls:
            is_met = self._names.meet(seen.there)
            if self._waiting or is_met:
                self._waiting.append(seen)
            else:
                yield self._named(seen)
        while self._waiting and (len(self._waiting) > WAITING_MAX or not self._names.meet(self._waiting[0].there)):
            yield self._named(self._waiting.popleft())

    def rest(self, calls: Iterable[SeenCall]) -> Iterator[tuple[SeenCall, str | None]]:
        """These and all others, at the end."""
        self._waiting.extend(calls)
        for seen in self._waiting:
            self._names.meet(seen.there)
        self._names.wait()
        while self._waiting:
            yield self._named(self._waiting.popleft())

    def _named(self, seen: SeenCall) -> tuple[SeenCall, str | None]:
        there = seen.there
        if there is None or there.container is None:
            return seen, None
        seen.image = self._names.image(there)
        return seen, self._names.name(there)
