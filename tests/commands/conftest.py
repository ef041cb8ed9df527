from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def started_from_a_terminal() -> Iterator[None]:
    """Commands do not inherit that SIGHUP is ignored, as it is where the suite runs under nohup(1)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
