"""Which findings does the configuration accept? They stay in the report and no longer decide, until a day that passes.

The rule comes last, as it looks at what the others found. It never accepts what would leave the verdict without a meaning, nor
what the switch command cures. Whoever accepts that the switch breaks a caller accepts that it is refused afterwards.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.acceptances import Acceptance, Acceptances, UnusableAcceptance
from imds_probe.facts.facts import Facts
from imds_probe.findings import Accepted, Finding, Fix, Found, Kind, State
from imds_probe.rules.acceptance_kinds import (
    ACCEPTANCE_EXPIRED,
    ACCEPTANCE_EXPIRES_SOON,
    ACCEPTANCE_UNUSABLE,
    ACCEPTANCE_UNUSED,
    KINDS,
)
from imds_probe.rules.callers_kinds import IMDSV1_CALLER, IMDSV1_FALLBACK_KEPT_OUT, IMDSV1_REFUSED
from imds_probe.rules.code_kinds import CODE_IMDSV1
from imds_probe.rules.containers_kinds import HOP_LIMIT_TOO_LOW, SCHEDULED_CONTAINER_WITHOUT_TOKEN
from imds_probe.rules.phrases import few
from imds_probe.rules.rehearsals_kinds import REHEARSAL_GAVE_UP
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settling import OWNER
from imds_probe.rules.switched_kinds import REFUSED_FOR_GOOD, REFUSED_KEPT_OUT

T = TypeVar("T")
EVERY = "*"
SOON_DAYS = 14
# What the switch is known to break, and what the same caller's finding is once the switch was made. What was only unknown before is
# not among it: that the switch broke it is news.
_BROKEN = (IMDSV1_CALLER.id, CODE_IMDSV1.id, REHEARSAL_GAVE_UP.id)
_BROKEN_SINCE = (REFUSED_FOR_GOOD.id, IMDSV1_REFUSED.id)
# The same of what follows from a hop limit that is not raised for a container.
_KEPT_OUT = (IMDSV1_FALLBACK_KEPT_OUT.id, REFUSED_KEPT_OUT.id)
# Of those that need a higher hop limit, what the configuration can leave out of it.
_LEFT_OUT = (HOP_LIMIT_TOO_LOW.id, SCHEDULED_CONTAINER_WITHOUT_TOKEN.id)
CURED = (
    "A higher hop limit cures the finding, and the report has the command that sets it. If a container is to have no metadata, "
    "accept hop-limit-too-low for that container."
)


def apart(
    kind: Kind, subject: str, members: Sequence[T], called: Callable[[T], str], facts: Facts
) -> list[tuple[str, list[T]]]:
    """The members of a finding about many, by the subject of the finding that they belong to: those that the configuration
    accepts by name have one each, so that it accepts them alone, and the others are together under `subject`.
    """
    names = _accepted_names(kind, facts)
    parts: dict[str, list[T]] = {}
    for each in members:
        name = called(each)
        parts.setdefault(name if name in names else subject, []).append(each)
    return list(parts.items())


def named_first(kind: Kind, members: Sequence[T], called: Callable[[T], str], facts: Facts) -> list[T]:
    """The same, those first that the configuration accepts by name: where only the first have a finding each, these have."""
    names = _accepted_names(kind, facts)
    return sorted(members, key=lambda each: called(each) not in names)


def _accepted_names(kind: Kind, facts: Facts) -> set[str]:
    section, implies = facts.get(Acceptances), kind.implies or "not-ready"
    return {each.subject for each in section.entries if _is_of(each, kind.id, implies)} if section else set()


def accepts(entry: Acceptance, finding: str, subject: str, implies: State) -> bool:
    """Whether an entry is about a finding of this id, which comes to so much where nobody accepts it."""
    named = entry.subject in (subject, EVERY)
    if finding in _KEPT_OUT and entry.finding == HOP_LIMIT_TOO_LOW.id:
        named = named or subject.startswith(
            f"{entry.subject}: "
        )  # a script in the container: see caller_phrases.called
    return named and _is_of(entry, finding, implies)


def _is_of(entry: Acceptance, finding: str, implies: State) -> bool:
    is_since = finding in _BROKEN_SINCE and implies == "not-ready" and entry.finding in _BROKEN
    is_kept_out = finding in _KEPT_OUT and entry.finding == HOP_LIMIT_TOO_LOW.id
    return is_since or is_kept_out or finding == entry.finding


def why_not_acceptable(kind: Kind) -> str:
    """Why the risk of a kind of finding cannot be accepted, a sentence; empty where it can, or where there is none."""
    if kind.id in _LEFT_OUT:
        return ""  # hop_need leaves the container out, and the finding says what the switch takes from it
    return kind.not_acceptable or (CURED if kind.implies == "needs-hop-limit" else "")


def unusable(entries: Sequence[Acceptance | UnusableAcceptance], kinds: Sequence[Kind]) -> Iterator[UnusableAcceptance]:
    """Those entries of a configuration that accept nothing on any host."""
    known = {kind.id: kind for kind in kinds}
    for each in entries:
        refused = each if isinstance(each, UnusableAcceptance) else _refused(each, known)
        if refused is not None:
            yield refused


def accepted_in_force(kind: Kind, facts: Facts) -> frozenset[str]:
    """The subjects for which the risk of a kind of finding is accepted on the day of the run: see is_named."""
    section = facts.get(Acceptances)
    entries = section.entries if section is not None else ()
    return frozenset(
        each.subject for each in entries if section and each.finding == kind.id and each.expires >= section.day
    )


def is_named(subject: str, accepted: frozenset[str]) -> bool:
    """Whether it is one of these subjects, or all are."""
    return EVERY in accepted or (bool(subject) and subject in accepted)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    section = facts.get(Acceptances)
    if section is None or not (section.entries or section.unusable):
        return NothingToJudge("the configuration accepts no risks")
    return [_unusable(each) for each in section.unusable]


def review(findings: Sequence[Finding], facts: Facts, kinds: Sequence[Kind]) -> tuple[list[Finding], list[Found]]:
    """The findings as they are once the accepted ones no longer decide, and what is to be said about the entries."""
    section = facts.get(Acceptances)
    if section is None:
        return list(findings), []
    known = {kind.id: kind for kind in kinds}
    left, said = dict(enumerate(findings)), []
    # Those that last longest come first, so that an entry which somebody has renewed is the one that counts.
    for entry in sorted(section.entries, key=lambda each: each.expires, reverse=True):
        if refused := _refused(entry, known):
            said.append(_unusable(refused))
            continue
        matching = {at: each for at, each in left.items() if _matches(entry, each)}
        chosen = _trusted(entry, matching)
        open_ = {at: each for at, each in chosen.items() if each.accepted is None}
        curable = any(each.implies == "needs-hop-limit" for each in open_.values())
        accepted = {at: each for at, each in open_.items() if each.implies != "needs-hop-limit"}
        if not accepted:
            if curable and entry.finding not in _LEFT_OUT:
                said.append(_unusable(_cannot_be(entry, CURED)))
            elif curable and entry.expires < section.day:
                said.append(_expired(entry, list(open_.values())))
            elif not matching:
                said.append(_unused(entry, findings))
            continue
        if entry.expires < section.day:
            said.append(_expired(entry, list(accepted.values())))
            continue
        left |= {at: _accepted(each, entry) for at, each in accepted.items()}
        days = _days_left(entry, section.day)
        if days is not None and days <= SOON_DAYS:
            said.append(_soon(entry, list(accepted.values()), days))
    return list(left.values()), said


def _matches(entry: Acceptance, finding: Finding) -> bool:
    """Whether an entry is about a finding: one that decides, or would if no other entry had accepted it."""
    implies = finding.accepted.implies if finding.accepted is not None else finding.implies
    return implies is not None and accepts(entry, finding.id, finding.subject, implies)


def _trusted(entry: Acceptance, matching: dict[int, Finding]) -> dict[int, Finding]:
    """Where one name has several owners, root's: a user may call a unit or a container as root's is called. Which container is kept
    out, its own finding has decided.
    """
    if entry.subject == EVERY:
        return matching
    by_root = {at: each for at, each in matching.items() if not each.forgeable_by or each.id in _KEPT_OUT}
    return by_root or matching


def _accepted(finding: Finding, entry: Acceptance) -> Finding:
    if finding.implies is None:  # _matches has seen to that
        return finding
    terms = Accepted(entry.reason, entry.owner, entry.expires, finding.severity, finding.implies)
    severity = "warning" if finding.severity == "blocker" else finding.severity
    settled_by = tuple(each for each in finding.settled_by if each != OWNER)  # that one has been given
    return replace(finding, severity=severity, implies=None, settled_by=settled_by, accepted=terms)


def _refused(entry: Acceptance, known: dict[str, Kind]) -> UnusableAcceptance | None:
    kind = known.get(entry.finding)
    if kind is None:
        trouble = f"{entry.finding} is not the id of a finding"
        return UnusableAcceptance(entry.origin, "finding", trouble, "`imds-probe explain` lists all ids.")
    why = why_not_acceptable(kind)
    return _cannot_be(entry, why) if why else None


def _cannot_be(entry: Acceptance, why: str) -> UnusableAcceptance:
    trouble = f"the risk of {entry.finding} cannot be accepted"
    return UnusableAcceptance(entry.origin, "finding", trouble, f"Remove the entry. {why}")


def _unusable(entry: UnusableAcceptance) -> Found:
    return ACCEPTANCE_UNUSABLE.found(
        entry.origin,
        f"an entry [[accept]] accepts nothing: {entry.problem} ({entry.origin})",
        fix=Fix(entry.remedy),
    )


def _expired(entry: Acceptance, findings: Sequence[Finding]) -> Found:
    return ACCEPTANCE_EXPIRED.found(
        entry.subject,
        f"the acceptance of {_what(entry)} expired at the end of {entry.expires}, and the risk counts again",
        evidence=(*_terms(entry), f"counts again: {few([each.summary for each in findings])}"),
        fix=Fix(f"Remove the cause, or ask {entry.owner} whether the risk is accepted for longer."),
    )


def _soon(entry: Acceptance, findings: Sequence[Finding], days: int) -> Found:
    when = "today" if days == 0 else "tomorrow" if days == 1 else f"in {days} days"
    return ACCEPTANCE_EXPIRES_SOON.found(
        entry.subject,
        f"the acceptance of {_what(entry)} expires {when}, at the end of {entry.expires}",
        evidence=(*_terms(entry), f"accepted until then: {few([each.summary for each in findings])}"),
        fix=Fix(f"Remove the cause before that day, or ask {entry.owner} whether the risk is accepted for longer."),
    )


def _unused(entry: Acceptance, findings: Sequence[Finding]) -> Found:
    speaking = (each for each in findings if each.implies and _is_of(entry, each.id, each.implies))
    subjects = list(dict.fromkeys(each.subject for each in speaking))
    here = (
        f"the subject here is {few(subjects)}" if subjects else "no finding of this id speaks against the switch here"
    )
    return ACCEPTANCE_UNUSED.found(
        entry.subject,
        f"an entry [[accept]] matches nothing: it names {_what(entry)}, but {here}",
        evidence=_terms(entry),
        fix=Fix("Remove the entry if no host needs it, or correct its subject."),
    )


def _what(entry: Acceptance) -> str:
    return f"{entry.finding} for {'every subject' if entry.subject == EVERY else entry.subject}"


def _terms(entry: Acceptance) -> tuple[str, ...]:
    return (f"{entry.origin}: accepted by {entry.owner} until {entry.expires}: {entry.reason}",)


def _days_left(entry: Acceptance, day: str) -> int | None:
    """None where a stored report has a day that no calendar has."""
    try:
        return (datetime.date.fromisoformat(entry.expires) - datetime.date.fromisoformat(day)).days
    except ValueError:
        return None


RULE = Rule("acceptances", _find, kinds=KINDS, review=review)
