"""Sets of whole numbers as sorted spans: addresses, ports, user ids and TTLs are all compared this way."""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable

from imds_probe.dataclass import dataclass

Span = tuple[int, int]  # both ends belong to it


@dataclass(frozen=True)
class Ranges:
    """Spans in order, none touching the next. Build one with `of`."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Ranges:
        """Sort and join spans; those that end before they begin are nothing."""
        joined: list[Span] = []
        for low, high in sorted(span for span in spans if span[0] <= span[1]):
            if joined and low <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
            else:
                joined.append((low, high))
        return cls(tuple(joined))

    def covers(self, other: Ranges) -> bool:
        """Whether all of `other` is in here; of nothing, all is."""
        for low, high in other.spans:
            at = self._last_starting_by(low)
            if at < 0 or self.spans[at][1] < high:
                return False
        return True

    def touches(self, other: Ranges) -> bool:
        """Whether anything of `other` is in here."""
        for low, high in other.spans:
            at = self._last_starting_by(high)
            if at >= 0 and self.spans[at][1] >= low:
                return True
        return False

    def both(self, other: Ranges) -> Ranges:
        """What is in both."""
        found: list[Span] = []
        for low, high in other.spans:
            at = max(0, self._last_starting_by(low))
            while at < len(self.spans) and self.spans[at][0] <= high:
                found.append((max(low, self.spans[at][0]), min(high, self.spans[at][1])))
                at += 1
        return Ranges.of(found)

    def minus(self, other: Ranges) -> Ranges:
        """What is here and not in `other`."""
        left: list[Span] = []
        for low, high in self.spans:
            start = low
            for cut_low, cut_high in other.both(Ranges(((low, high),))).spans:
                left.append((start, cut_low - 1))
                start = cut_high + 1
            left.append((start, high))
        return Ranges.of(left)

    def raised(self, by: int, to: int) -> Ranges:
        """The same with so much added to each number, and none above `to`."""
        return Ranges.of((min(low + by, to), min(high + by, to)) for low, high in self.spans)

    def _last_starting_by(self, number: int) -> int:
        return bisect_right(self.spans, number, key=lambda span: span[0]) - 1


def only(number: int) -> Ranges:
    """Just one number."""
    return Ranges(((number, number),))


def network(text: str) -> Ranges:
    """An address, ADDRESS/LENGTH or ADDRESS/MASK as the numbers it stands for. Raises ValueError."""
    if "/" not in text:  # most are plain addresses, and this is ten times as quick
        try:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
        except OSError:
            raise ValueError(f"{text!r} is no address") from None
        return only(int.from_bytes(packed))
    block = ipaddress.ip_network(text, strict=False)
    return Ranges(((int(block.network_address), int(block.broadcast_address)),))


def between(low: str, high: str) -> Ranges:
    """All addresses from one to another. Raises ValueError."""
    return Ranges.of([(int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high)))])
