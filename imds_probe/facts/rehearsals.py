"""What rehearsals of the switch on this host came to, as far as their record goes back."""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Count, HopLimit, Pid, Seconds, Timestamp

# token: it asked for a token before anything else. recovered: it was refused, and then asked with a token. gave-up: it was
# refused and did not. other: no request of it was served or refused. silent: it is known to ask, and did not.
RehearsalOutcome = Literal["token", "recovered", "gave-up", "other", "silent"]
RehearsedKind = Literal["command", "unit", "container", "host"]
FIT: tuple[RehearsalOutcome, ...] = ("token", "recovered")


@dataclass(frozen=True)
class RehearsedCaller:
    """One caller, which may be several processes: then it is the worst of what came of them.

    `program`, `comm`, `script`, `unit`, `container`, `container_id`, `uid` and `on_host` are as in CallerSeen. `known_by` says how
    one was known that did not ask, empty where it asked. `pids` run it now, and run what was rehearsed. `stale` says in a clause
    what has changed since, so that the outcome counts no more.
    """

    program: str
    outcome: RehearsalOutcome
    comm: str | None = None
    script: str | None = None
    unit: str | None = None
    container: str | None = None
    container_id: str | None = None
    uid: int | None = None
    on_host: bool = False
    refused: Count = 0
    tokens: Count = 0
    served: Count = 0
    known_by: str = ""
    pids: tuple[Pid, ...] = ()
    stale: str = ""

    @property
    def identity(self) -> tuple[str | int | None, ...]:
        """Who it is, in the sense of CallerSeen.identity: a script is one caller, whatever it asks with."""
        who = self.script or self.program, self.unit, self.container_id or self.container
        return (*who, None if self.container_id or self.container else self.uid)

    @property
    def asked(self) -> bool:
        """Whether anything can be learnt from it."""
        return self.outcome in ("token", "recovered", "gave-up")


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal: of what, from when on and for how long, `lapsed_s` of that without effect. `restarted`: the unit began anew in
    it. `ended_by` says why it ended early, empty where it did not. `unidentified` counts the requests that were refused in it to
    processes that could not be identified.
    """

    kind: RehearsedKind
    target: str
    began: Timestamp
    age_s: Seconds
    lasted_s: Seconds
    hop_limit: HopLimit
    callers: tuple[RehearsedCaller, ...]
    lapsed_s: Seconds = 0.0
    restarted: bool = False
    ended_by: str = ""
    unidentified: Count = 0


@dataclass(frozen=True)
class Rehearsals(Section):
    """Those that are on record, the newest first."""

    rehearsals: tuple[Rehearsal, ...] = ()

    @classmethod
    def absent(cls) -> Rehearsals:
        return cls()
