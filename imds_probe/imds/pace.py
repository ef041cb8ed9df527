"""Staying far below the packet rate at which EC2 drops what goes to link-local services.

That limit is 1,024 packets a second for each network interface, and the host's DNS and NTP share it: EC2 User Guide,
instance metadata, throttling.
"""

from __future__ import annotations

LINK_LOCAL_PACKETS_PER_S = 1024
PACKETS_PER_S = 318  # under a third of it (341), as what routers add varies
CATCH_UP_S = 0.01  # what being late may cost is made good by sending up to three packets more at once


class Pacer:
    """Spreads packets evenly, without bursts to speak of. Times are of time.monotonic, in seconds."""

    def __init__(self, packets_per_s: float = PACKETS_PER_S) -> None:
        self._packets_per_s = packets_per_s
        self._free_at = 0.0

    def wait_s(self, now: float) -> float:
        """How long until the next packets may be sent; 0 for at once."""
        return max(0.0, self._free_at - now)

    def spend(self, packets: int, now: float) -> None:
        """Account for packets that are being sent, or were."""
        self._free_at = max(self._free_at, now - CATCH_UP_S) + packets / self._packets_per_s
