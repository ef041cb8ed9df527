"""What is looked up of the settings of software, and what is found; reading.py reads them."""

from __future__ import annotations

from imds_probe.catalog.rows import Row
from imds_probe.dataclass import dataclass
from imds_probe.facts.software import SettingSeen


@dataclass(frozen=True)
class Looked:
    """What the parser looks up: rows whose settings may stand below a root, or with processes there."""

    root: str
    proc: str
    pids: tuple[int, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Seen:
    """A row's settings in force, and its running programs."""

    component: str
    settings: tuple[SettingSeen, ...]
    pids: tuple[int, ...]
