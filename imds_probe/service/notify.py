"""What systemd wants to hear from a service of Type=notify. Source: sd_notify(3), sd_watchdog_enabled(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class ServiceManager:
    """Says nothing where nobody listens. Raises nothing: what cannot be said must not end the service."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        microseconds = environ.get("WATCHDOG_USEC", "")
        wanted = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(microseconds) / 1e6 if wanted and microseconds.isdigit() and int(microseconds) else None
        self._fed_at = time.monotonic()

    @property
    def feed_every_s(self) -> float | None:
        """At least so often; None where there is no watchdog."""
        return self.watchdog_s / 3 if self.watchdog_s else None

    def ready(self, status: str) -> None:
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def alive(self) -> None:
        """To be called in each turn of the loop that must not stand still."""
        if self.feed_every_s is not None and time.monotonic() - self._fed_at >= self.feed_every_s / 2:
            self._fed_at = time.monotonic()
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), address)
        except OSError:
            return
