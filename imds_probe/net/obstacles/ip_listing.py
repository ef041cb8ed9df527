"""What iproute2 says about one address family: addresses, routing rules, routes, and the way to one address."""

from __future__ import annotations

import json
import re
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.flow import ADDRESSES
from imds_probe.net.obstacles.ranges import network
from imds_probe.system import process

Entry = dict[str, Any]
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_FAILED = re.compile(r"^Command failed -:([0-9]{1,9})", re.MULTILINE)


@dataclass(frozen=True)
class IpListing:
    """The listings as iproute2's JSON has them. `way` is its answer to where a packet to the metadata address goes.

    `refusal` is the kernel's word where there is no way ("Network is unreachable"), else empty. `rules` is None where
    the kernel keeps none.
    """

    family: Family
    addresses: tuple[Entry, ...]
    rules: tuple[Entry, ...] | None
    routes: tuple[Entry, ...]
    way: Entry | None
    refusal: str


class ListingError(ProbeError):
    """What ip printed is its JSON, and makes no sense."""


def number(entry: Entry, key: str, default: int = 0) -> int:
    """A number of an entry, or as ip writes some, a text that is one. Raises ListingError."""
    value = entry.get(key, default)
    if isinstance(value, int) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return int(value)
    raise ListingError(f"ip printed {key} {str(value)[:40]!r} where a number should be")


def span(text: object) -> tuple[int, int]:
    """The first and the last address of a network or address. Raises ListingError."""
    try:
        return network(str(text)).spans[0]
    except ValueError:
        raise ListingError(f"ip printed {str(text)[:40]!r} where an address should be") from None


def read(family: Family, timeout_s: float) -> IpListing:
    """Ask iproute2, in one process for all four. Nothing is sent: `route get` only asks the kernel's own tables.

    Raises ProbeError where there is no iproute2, or none that speaks JSON.
    """
    wanted = ("addr show", "rule show", "route show table all", f"route get {ADDRESSES[family]} ipproto tcp dport 80")
    flag = "-4" if family == "ipv4" else "-6"
    done = process.run(
        ["ip", flag, "-j", "-force", "-batch", "-"], timeout_s=timeout_s, stdin="\n".join(wanted).encode() + b"\n"
    )
    said = done.stderr.decode(errors="replace")
    failed = {int(line) for line in _FAILED.findall(said)} & set(range(1, len(wanted) + 1))
    answers = _arrays(done.stdout.decode(errors="replace"))
    if len(answers) + len(failed) != len(wanted) or failed & {1, 3}:
        raise ProbeError(
            f"ip printed something else than its JSON: {done.stderr_line() or 'nothing'}",
            "Install iproute2, as BusyBox's ip has no JSON",
        )
    by_line: dict[int, tuple[Entry, ...]] = {}
    for line in range(1, len(wanted) + 1):
        if line not in failed:
            by_line[line] = answers.pop(0)
    way = by_line.get(4, ())
    return IpListing(
        family,
        addresses=by_line[1],
        rules=by_line.get(2),
        routes=by_line[3],
        way=way[0] if way else None,
        refusal=_refusal(said) if 4 in failed else "",
    )


def _arrays(text: str) -> list[tuple[Entry, ...]]:
    """The JSON arrays that stand one after another in a text."""
    decoder, arrays, at = json.JSONDecoder(), list[tuple[Entry, ...]](), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            array, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        if not isinstance(array, list):
            return []
        arrays.append(tuple(each for each in array if isinstance(each, dict) and each))
    return arrays


def _refusal(said: str) -> str:
    """The reason before the last "Command failed", as RTNETLINK gave it."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Command failed")]
    return lines[-1].removeprefix("RTNETLINK answers: ").removeprefix("Error: ") if lines else "refused"
