"""A rehearsal put on record, and what is known beforehand of those who might ask in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from imds_probe.collect.callers import look as look_at_history
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.firmware import look as look_at_firmware
from imds_probe.commands.kept_reports import newest
from imds_probe.commands.messages import say
from imds_probe.config import Config
from imds_probe.errors import ProbeError, said
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.rehearsal import outcomes, words
from imds_probe.rehearsal.callers import Seen
from imds_probe.rehearsal.outcomes import Aim
from imds_probe.rules.known_callers import Known, known_callers
from imds_probe.watch.caller import Caller, caller_of
from imds_probe.watch.rehearsed import Kept, add
from imds_probe.watch.whose import claim

MEMBERS_MAX = 500  # processes of the target that are looked at
PROC = Path("/proc")


class Recording:
    """Of one rehearsal. `state` is where its record is kept, None for nowhere; `known` are callers that are known of this host."""

    def __init__(
        self, aim: Aim, hop_limit: int, state: Path | None, known: Sequence[Known] = (), *, restarted: bool = False
    ) -> None:
        self._aim, self._hop_limit, self._state, self._known = aim, hop_limit, state, known
        self._restarted = restarted
        self._present: list[Caller] = []
        self._began = time.time()

    def look(self, pids: Iterable[int]) -> None:
        """Who is in the target now: before it ends."""
        found = (caller_of(PROC, pid) for pid in list(pids)[:MEMBERS_MAX])
        self._present = [each for each in found if each is not None]

    def done(self, seen: Sequence[Seen], lasted_s: float, lapsed_s: float, ended_by: str) -> Kept:
        """Say who is known and did not ask, and put all on record, if that is wanted."""
        callers = outcomes.asked(seen, self._aim)
        silent = outcomes.not_asked(self._known, self._present, callers, self._aim)
        for line in words.silent(silent):
            say(line)
        kept = Kept(
            kind=self._aim.kind,
            target=self._aim.name,
            began=self._began,
            lasted_s=lasted_s,
            hop_limit=self._hop_limit,
            callers=outcomes.in_order(callers, silent),
            lapsed_s=lapsed_s,
            restarted=self._restarted,
            ended_by=ended_by,
            unidentified=outcomes.unidentified(seen),
        )
        if self._state is None:
            return kept
        try:
            claim(self._state, Path("/"), say)
            add(self._state, kept, say)
        except ProbeError as error:
            say(str(error))
        else:
            say("the next runs on this host count this rehearsal as evidence")
        return kept


def known_here(state: Path, config: Config, root: Path = Path("/")) -> tuple[Known, ...]:
    """Who is known by the history of calls and by the newest kept report of this host. What cannot be read is said."""
    facts = Facts(privileged=True, collectors=())
    stored = newest(look_at_firmware(root).instance_id, root, also=(f"{state}/report.json",))
    if stored is not None:
        facts = stored.facts
    try:
        callers = look_at_history(CallersOptions(state, config.window_s, config.coverage), None, root)
    except (ProbeError, OSError) as error:
        say(f"callers that do not ask are named by the last report alone: {said(error)}")
        callers = None
    if callers is not None:
        facts = facts.with_(callers)
    try:
        return known_callers(facts)
    except NotInReport:
        return ()
