"""Whether the verdict of a stored report still holds on this host. Pure: what is there now is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe import __version__, standing
from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.acceptances import Acceptances
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.facts.section import Section
from imds_probe.facts.standing import Standing
from imds_probe.report_document import Stored
from imds_probe.rules import RULES, acceptance, callers
from imds_probe.rules.accepted_risks import AcceptedRisk
from imds_probe.rules.callers_kinds import OF_CALLS
from imds_probe.rules.judging import judge
from imds_probe.standing import Change
from imds_probe.system.bug import TellBug, untold

OF_THIS_HOST = "Name a report of this host."
_UNNAMED = "a host whose instance id is not known"
NEW_RUN = "Run imds-probe again for a new verdict."
# Without these, nothing tells whether what they look at is as it was. An absent package manager has "nothing" on record.
_NEEDED = ("platform", "options", "dpkg", "rpm", "apk", "snap", "running-containers", "callers", "standing")


@dataclass(frozen=True)
class Confirmation:
    """`reasons` say in clauses why the verdict no longer holds, `changes` what is no longer as it was. It holds where there are
    neither.
    """

    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.reasons and not self.changes


def unusable(stored: Stored, now: str) -> str:
    """Why a report's verdict holds no longer, whatever is there `now` (RFC 3339), a clause; empty where that has to be looked at.
    Raises UsageError for a report that cannot be confirmed at all.
    """
    try:
        is_whole = stored.verdict.digest is None or stored.verdict.digest == standing.digest(stored.facts)
    except NotInReport:
        is_whole = False
    if not is_whole:
        raise UsageError("the report is damaged: its digest does not match its content", OF_THIS_HOST)
    if stored.facts.get(Standing) is None or stored.verdict.valid_until is None or stored.verdict.digest is None:
        return f"the report does not say what its verdict stood on: imds-probe {stored.probe.version} made it"
    if _minor(stored.probe.version) != _minor(__version__):
        return f"imds-probe {stored.probe.version} made the report, and this is {__version__}"
    if stored.verdict.state == "unknown":
        return "the verdict is unknown, so there is nothing to confirm"
    if stored.probe.started_at > now:
        return f"the report is of {stored.probe.started_at}, which is later than this host's clock"
    if stored.verdict.valid_until < now:
        return f"the verdict counted until {stored.verdict.valid_until}"
    return ""


def confirmed(stored: Stored, facts: Facts, now: str, catalog: Catalog, bug: TellBug = untold) -> Confirmation:
    """Whether the verdict holds `now` (RFC 3339), by what a run that confirms has observed. Raises UsageError for a report of
    another host. `bug` is told of errors that nobody expected.
    """
    was, is_ = instance_id(stored.facts), instance_id(facts)
    if was != is_:
        raise UsageError(f"the report is of {was or _UNNAMED}, and this is {is_ or _UNNAMED}", OF_THIS_HOST)
    reasons = [*_boot(stored.facts, facts), *_not_seen(facts)]
    if reasons:
        return Confirmation(tuple(reasons))
    began = stored.probe.started_at
    ended = standing.watch_ended(stored.facts, facts, began, now)
    changes = (
        *standing.changes(stored.facts, facts, began),
        *_calls_again(stored, facts, began, catalog, bug),
        *_accepted_no_more(stored.verdict.accepted, facts),
    )
    return Confirmation((ended,) if ended else (), changes)


def _accepted_no_more(risks: Sequence[AcceptedRisk], now: Facts) -> Iterator[Change]:
    """Risks without which the verdict would have been another one. A later day, and other words, take nothing from it."""
    section = now.get(Acceptances)
    entries = section.entries if section is not None else ()
    for risk in risks:
        theirs = [each for each in entries if acceptance.accepts(each, risk.id, risk.subject, risk.implies)]
        latest = max((each.expires for each in theirs), default=None)
        of = f"the risk of {risk.id} for {risk.subject}"
        if latest is None:
            yield Change("acceptances", f"the configuration no longer accepts {of}")
        elif latest < risk.expires:
            yield Change("acceptances", f"the configuration accepts {of} until {latest}, and did until {risk.expires}")


def _calls_again(stored: Stored, now: Facts, began: str, catalog: Catalog, bug: TellBug) -> Iterator[Change]:
    """Callers whom the report knows and did not hold against the switch, or for less: they fell back at that time, and now ask
    for no token. What they do now is judged, on the host as the report has it.
    """
    again = standing.called_again(stored.facts, now, began)
    if again is None:
        return
    rules = (callers.RULE.id, acceptance.RULE.id)
    findings, runs = judge(RULES, rules, stored.facts.with_(again), catalog, bug)
    for run in runs:
        if run.status == "error":
            yield Change("calls", f"calls by IMDSv1 since the report could not be judged: {run.reason}")
    said = {(each.id, each.subject) for each in stored.findings if each.implies}
    for each in findings:
        if each.id in OF_CALLS and each.implies and (each.id, each.subject) not in said:
            yield Change("calls", each.summary)


def _boot(was: Facts, now: Facts) -> Sequence[str]:
    before, after = was[Standing].boot_id, _of(now, Standing).boot_id
    if before is None or after is None:
        return ("the kernel does not say which boot this is",)
    return () if before == after else ("this host was booted since the report",)


def _not_seen(facts: Facts) -> list[str]:
    runs = (facts.collector(each) for each in _NEEDED)
    return [
        f"{run.means} could not be looked at: {run.reason}"
        for run in runs
        if run and run.status in ("failed", "skipped")
    ]


def _of(facts: Facts, kind: type[Standing]) -> Standing:
    return facts.get(kind) or Standing()


def instance_id(facts: Facts) -> str | None:
    """By its identity document, else by the firmware."""
    instance, platform = facts.get(Instance), facts.get(Platform)
    named: Sequence[Section | None] = (instance, platform)
    return next((found for each in named if (found := getattr(each, "instance_id", None))), None)


def _minor(version: str) -> list[str]:
    """What changes with each release that may judge otherwise."""
    return version.split(".")[:2]
