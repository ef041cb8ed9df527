"""What containers are called, looked up when one is met that is not known yet."""

from __future__ import annotations

import time
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.facts.containers import short
from imds_probe.inventory.containers.discovery import discover
from imds_probe.reading.here import HERE, Asks
from imds_probe.system import procfs
from imds_probe.watch.caller import Caller

AGAIN_AFTER_S = 5.0
WITHIN_S = 1.0  # whoever watches waits for it


class ContainerNames:
    """Names by the container's identity, from records that `reader` reads. Raises nothing: one without a name is called by the
    start of its id.
    """

    def __init__(self, root: Path, reader: Asks = HERE) -> None:
        self._root, self._reader = root, reader
        self._names: dict[str, str] = {}
        self._looked_at = float("-inf")

    def name(self, caller: Caller | None) -> str | None:
        """Pod and name, or name, of the container that a caller runs in; None outside of any."""
        if caller is None or caller.container is None:
            return None
        if caller.container not in self._names and time.monotonic() - self._looked_at > AGAIN_AFTER_S:
            self._look()
        return self._names.get(caller.container) or short(caller.container)

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        try:
            found = discover(
                self._root,
                procfs.below(self._root),
                in_own_pid_namespace=self._root == Path("/"),
                deadline=self._looked_at + WITHIN_S,
                reader=self._reader,
            )
        except ProbeError:
            return
        for each in found.containers:
            self._names[each.identity] = each.title
