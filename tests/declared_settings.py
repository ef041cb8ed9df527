"""A section of settings as a sink would declare one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.config import values
from imds_probe.config.keys import Conflict, Section, setting


def as_it_is(value: object) -> dict:
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return dict(value)


@dataclass(frozen=True)
class Pigeon(Section):
    speed_s: float = setting("pigeon.speed", "1m", values.duration, "How long it flies.")
    loft: Path | None = setting("pigeon.loft", None, values.absolute, "Where it lives.", example="/srv/loft")
    rings: Mapping[str, str] = setting("pigeon.rings", {}, as_it_is, "What it wears.")

    def conflict(self) -> Conflict | None:
        return Conflict("pigeon.rings", "are too many for such speed") if self.rings and self.speed_s < 60 else None
