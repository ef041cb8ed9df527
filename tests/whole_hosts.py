"""Facts of a whole run: what a test left out is what this version's collectors leave on a host on which they find nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from observed import changed

from imds_probe.collect import callers, tokens_seen
from imds_probe.collect.collectors import COLLECTORS
from imds_probe.facts.acceptances import Acceptances
from imds_probe.facts.callers import Callers
from imds_probe.facts.code import Code, CodeRead
from imds_probe.facts.collector_run import CollectorRun, CollectorStatus
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.rehearsals import Rehearsals
from imds_probe.facts.section import Section
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware
from imds_probe.facts.standing import SchedulesSeen, Standing
from imds_probe.facts.switched import Switched

WITHOUT: Mapping[str, str] = {each.id: each.without for each in COLLECTORS}
STANDING = Standing("3a2c6e1e-5f0d-4c55-9d3e-9a56ad6f1f6c", (SchedulesSeen("crontabs", 4, "0" * 32),), history=False)
READ = CodeRead(programs=43, programs_read=43, scheduled=12, scheduled_read=12, bytes_searched=310 * 2**20)
NO_CONTAINERS = "no containers are running"
PER_RUN_MS = 5.0


def fell_short(collector: str, status: CollectorStatus, reason: str) -> CollectorRun:
    """A collector that did not see everything, as a run says it."""
    return CollectorRun(collector, status, PER_RUN_MS, reason, WITHOUT[collector])


def whole(facts: Facts) -> Facts:
    """These facts as a run of today has them: each collector that applies has ended, and what it did not find is not there.
    Collectors that fell short stay as they are.
    """
    short = {run.id: run for run in facts.collectors if run.status in ("failed", "partial", "skipped")}
    read = facts.get(CodeRead) or CodeRead(READ.programs, READ.programs)
    rest = {name: getattr(READ, name) for name in ("scheduled", "scheduled_read", "bytes_searched")}
    facts = facts.with_(facts.get(Code) or Code(()), replace(read, **rest))
    sdks = short.get("sdks")
    facts = facts.with_(SdkSearch(() if sdks is None else (sdks.reason,)))
    if facts.get(Standing) is None:
        facts = facts.with_(replace(STANDING, history=facts.get(Callers) is not None))
    ended = {each: _ended(each, why) for each, why in _nothing(facts).items()}
    return changed(
        facts, collectors=tuple(short.get(each, ended.get(each)) for each in WITHOUT if each in ended | short)
    )


def _ended(collector: str, nothing: str) -> CollectorRun:
    return CollectorRun(collector, "nothing" if nothing else "ok", PER_RUN_MS, nothing)


def _nothing(facts: Facts) -> dict[str, str]:
    """The collectors that apply to such a host, each with why it found nothing, empty where it found something."""
    imds, containers = facts.get(Imds), facts[Containers].containers
    software = facts[Installed].software
    family = (facts[Host].os.id, *facts[Host].os.id_like)
    told: dict[str, str] = {"platform": "", "host": ""}
    told["dpkg"] = "" if "debian" in family else "no dpkg database"
    told["rpm"] = "" if "fedora" in family else "no rpm database"
    told |= {each: f"no {each} database" for each in ("apk", "snap")}
    told["owner"] = "no file or process of this host names an owner"
    if imds is not None:
        told |= {"options": "", "obstacles": ""}
        told["identity"] = "" if facts.get(Instance) else "there was no token to ask with"
        told["running-containers"] = told["containers"] = "" if containers else NO_CONTAINERS
        if containers:
            told["container-software"] = (
                "" if _any(facts, inside=True) else "none of the packages in containers is in the catalog"
            )
        if containers is not None:
            told["container-obstacles"] = ""
        if imds.tokens != "unknown":
            told["tokens-seen"] = "" if _has(facts, Switched) or imds.tokens == "required" else tokens_seen.NEVER
    told["settings"] = "" if any(each.settings for each in software) else "no installed software depends on a setting"
    told["sdks"] = "" if any(isinstance(each, SdkSoftware) for each in software) else "no AWS SDKs were found"
    told["code"] = ""
    told["callers"] = "" if _has(facts, Callers) else callers.NOBODY
    told["rehearsals"] = "" if facts[Rehearsals].rehearsals else "no rehearsal is on record"
    if _has(facts, Acceptances):
        told["acceptances"] = ""
    return {**told, "standing": ""}


def _any(facts: Facts, *, inside: bool) -> bool:
    return any(
        not isinstance(each, SdkSoftware) and (each.container is not None) is inside
        for each in facts[Installed].software
    )


def _has(facts: Facts, kind: type[Section]) -> bool:
    return facts.get(kind) is not None
