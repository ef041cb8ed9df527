"""Targets: what is on record of boots, of rehearsals and of the switch, and what a watch from early in the boot hands over."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from fuzz.target import Target, check, choose, chosen
from watched_calls import NOW, SEEN

from imds_probe.collect.tokens_seen import seen
from imds_probe.facts.callers import last_whole
from imds_probe.service.handover import Handed, HandoverError
from imds_probe.service.handover import decoded as handed
from imds_probe.service.handover import encoded as handing
from imds_probe.watch import rehearsed, switches
from imds_probe.watch.boots import Boot, ThisBoot, as_facts, decoded, encoded

BOOTS = (Boot("b" * 36, NOW - 9000, 3.0, True, 3597.0, 1), Boot("a" * 36, NOW, 41.0, False))
HANDED = Handed(NOW, 1.0, NOW + 60, True, 2, {"veth2": 3}, (SEEN, replace(SEEN, caller=None, status=None)))


def _boots(data: bytes) -> None:
    """A file of boots, and its content behind a seal that is right."""
    at, content = choose(data, 3)
    if at == 2:
        with contextlib.suppress(HandoverError):
            check(handed(content))
        return
    sealed = content if at == 0 else hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    with contextlib.suppress(ValueError):
        found = decoded(sealed)
        facts = as_facts(found, NOW, None, None)
        check(facts)
        last_whole(facts, 1000.0)


def _rehearsed(data: bytes) -> None:
    """A record of rehearsals, and its content behind a seal that is right."""
    at, content = choose(data, 2)
    sealed = content if at == 0 else hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    with contextlib.suppress(ValueError):
        check(rehearsed.decoded(sealed))


def _rehearsed_seeds() -> Mapping[str, bytes]:
    caller = rehearsed.KeptCaller(
        "/usr/bin/curl", "gave-up", script="/opt/a.sh", uid=0, refused=2, program_stamp="1.2.3"
    )
    content = rehearsed.encoded([rehearsed.Kept("unit", "web.service", NOW, 600.0, 1, (caller,))])
    return {
        "record": bytes([0]) + content,
        "sealed": bytes([1]) + content.partition(b"\n")[2],
        "later": chosen(1, '{"format": 2}'),
        "none": chosen(1, '{"format": 1, "rehearsals": []}'),
    }


LOOK = switches.Look("i-0123456789abcdef0", "required", NOW, ThisBoot("a" * 36, 60.0))


def _switches(data: bytes) -> None:
    """A record of when tokens were required, and its content behind a seal that is right; what a run makes of it."""
    at, content = choose(data, 2)
    sealed = content if at == 0 else hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    with contextlib.suppress(ValueError):
        found = switches.decoded(sealed)
        check(found)
        check(seen(switches.noted(found, LOOK._replace(instance_id=found.instance_id)), kept=True))


def _switches_seeds() -> Mapping[str, bytes]:
    record = switches.noted(switches.Record(), LOOK._replace(tokens="optional"))
    content = switches.encoded(switches.noted(record, LOOK))
    return {
        "record": bytes([0]) + content,
        "sealed": bytes([1]) + content.partition(b"\n")[2],
        "later": chosen(1, '{"format": 2}'),
        "none": chosen(1, '{"format": 1, "periods": []}'),
    }


def _seeds() -> Mapping[str, bytes]:
    payload = encoded(BOOTS).partition(b"\n")[2]
    return {
        "boots": bytes([0]) + encoded(BOOTS),
        "sealed": bytes([1]) + payload,
        "no-boots": chosen(1, "{}"),
        "handed": bytes([2]) + handing(HANDED),
        "nothing-handed": chosen(2, "{}"),
    }


TARGETS = {
    "boots": Target(lambda _: _boots, _seeds),
    "rehearsals": Target(lambda _: _rehearsed, _rehearsed_seeds),
    "switches": Target(lambda _: _switches, _switches_seeds),
}
