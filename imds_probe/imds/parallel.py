"""Token PUTs from many network namespaces at once, by one thread."""

from __future__ import annotations

import contextlib
import random
import selectors
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.exchange import TIME_UP, Attempt, Exchange, Way
from imds_probe.imds.pace import Pacer
from imds_probe.imds.replies import Outcome

ATTEMPTS = 2
PAUSE_S = (0.1, 0.3)
_REPEATED = (Outcome.ANSWER_LOST, Outcome.CONNECT_TIMEOUT, Outcome.THROTTLED)


def put_tokens(
    ways: Sequence[Way],
    *,
    origins: Mapping[Endpoint, Attempt],
    pacer: Pacer,
    deadline: float,
    counter: RequestCounter,
    on_turn: Callable[[], None] = lambda: None,
) -> list[Attempt]:
    """Ask for a token on each way, in parallel, and give what came of it in the same order.

    `origins` has what the instance itself saw at each address. Nothing is asked without a token, and no token is
    kept but where a way says so.
    `on_turn` is called after each wait, for what has to be read meanwhile.
    """
    results: dict[int, Attempt] = {}
    waiting = [(0.0, index, 1) for index in range(len(ways))]  # not before, which, which attempt
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        running: dict[Exchange, tuple[int, int]] = {}
        stack.callback(_close_all, running)
        while waiting or running:
            now = time.monotonic()
            if now >= deadline:
                waiting.clear()  # what runs ends below, and is counted
            wait_s = max(pacer.wait_s(now), waiting[0][0] - now) if waiting else deadline - now
            if waiting and wait_s <= 0:
                _, index, attempt = waiting.pop(0)
                exchange = Exchange(ways[index], origins.get(ways[index].endpoint), deadline, selector)
                running[exchange] = (index, attempt)
                exchange.begin()
                pacer.spend(exchange.packets_since(), now)
            else:
                wait_s = min(wait_s, min((exchange.deadline for exchange in running), default=deadline) - now)
            # Also after a start, and always before time is called up: where starting is slow, answers would be missed.
            ready = selector.select(max(0.0, wait_s))
            on_turn()
            for key, _ in ready:
                key.data.go_on()
                pacer.spend(key.data.packets_since(), now)
            now = time.monotonic()
            for exchange in [each for each in running if each.result or now >= each.deadline]:
                index, attempt = running.pop(exchange)
                result = exchange.finish()
                if exchange.connected:
                    counter.add(imdsv2=True)
                pacer.spend(exchange.packets_since(), now)
                if attempt < ATTEMPTS and result.outcome in _REPEATED and not exchange.expected_to_be_lost:
                    # Once more, as a single packet can get lost anywhere; a filter or a limit will show again.
                    waiting.append((now + random.uniform(*PAUSE_S), index, attempt + 1))  # noqa: S311
                    waiting.sort()
                results[index] = result
    return [results.get(index, Attempt(None, TIME_UP)) for index in range(len(ways))]


def _close_all(exchanges: Iterable[Exchange]) -> None:
    for exchange in exchanges:
        exchange.close()
