"""Whether what matters still works, asked every few seconds: a command of the user's own, or a page."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from imds_probe.errors import UsageError
from imds_probe.system.background import Background

EVERY_S = 5.0
WITHIN_S = 10.0

Check = Callable[[], str]


def by_command(command: str) -> Check:
    """A command line for sh, which is well where it exits 0 within WITHIN_S. What it prints is dropped."""

    def check() -> str:
        # A session of its own, so that what it starts ends with it.
        child = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = child.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            return f"the check did not end within {WITHIN_S:g} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return f"the check ended with exit code {code}" if code else ""

    return check


def by_url(url: str) -> Check:
    """A page, which is well where it is answered with a status below 400 within WITHIN_S. No redirect is followed, no proxy used.

    Raises UsageError for what is no http or https URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{url!r} is no http or https URL", "Write e.g. --check-url http://localhost:8080/health")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def check() -> str:
        connection = kind(host, port, timeout=WITHIN_S)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"the checked page gave no answer ({type(error).__name__})"
        finally:
            connection.close()
        return f"the checked page answered with status {status}" if status >= 400 else ""

    return check


class Checking:
    """Checks, one after the other, in the background. `failure` is what the first that failed said, empty where none has."""

    def __init__(self, checks: list[Check]) -> None:
        self._checks = checks
        self._running: Background[str] | None = None
        self._next_at = 0.0

    def failure(self) -> str:
        """Never waits."""
        if self._running is None:
            if self._checks and time.monotonic() >= self._next_at:
                self._running = Background("check", self._all)
            return ""
        if not self._running.ended:
            return ""
        failed, self._running = self._running.result(), None
        self._next_at = time.monotonic() + EVERY_S
        return failed

    def before(self) -> str:
        """The same, waited for: what does not work without a rehearsal says nothing in one."""
        return self._all()

    def _all(self) -> str:
        return next((failed for check in self._checks if (failed := check())), "")
