"""Who called before the window, and comes less often than it is long. The rest of it is in test_callers.py."""

from __future__ import annotations

from dataclasses import replace

from code_seen import watched
from observed import FACTS, IMDS, changed
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import CallerSeen, RareCaller
from imds_probe.findings import Found
from imds_probe.rules.callers import RULE
from imds_probe.rules.callers_before import NAMED_MAX

CATALOG = Catalog.load()
DAY_S = 86400.0
JOB = replace(
    CALLER, container="job", container_id="9" * 64, image="ci:1", unit=None, token="lost", token_ttl=1, distance=1
)


def rare(*callers: CallerSeen) -> tuple[RareCaller, ...]:
    return tuple(RareCaller(each, 31 * DAY_S, 20 * DAY_S) for each in callers)


def found(*callers: CallerSeen, by: tuple[CallerSeen, ...] = (), coverage: float = 1.0, **facts: object) -> list[Found]:
    seen = replace(watched(coverage=coverage), rare=rare(*callers), by=by)
    found = RULE.judge(changed(FACTS, callers=seen, **facts), CATALOG)
    assert isinstance(found, list)
    return [each for each in found if each.id == "imdsv1-rare-caller"]


def test_who_comes_once_a_month_leaves_it_unknown_whatever_was_watched():
    (finding,) = found(CALLER)
    assert (finding.subject, finding.implies, finding.severity) == ("web.service", "unknown", "warning")
    assert finding.summary.endswith("and may call again: it was silent for 31 d before, and is for 20 d now")
    assert finding.settled_by[-1] == "the owner's acceptance of the risk ([[accept]])"
    assert "accept the risk" in finding.fix.text


def test_runs_of_one_job_are_one_caller():
    (finding,) = found(JOB, replace(JOB, container_id="8" * 64), containers=())
    assert finding.subject == "ci:1"
    assert "2 containers of image ci:1 called IMDSv1 6 times" in finding.summary


def test_who_lost_a_token_is_told_the_hop_limit():
    (finding,) = found(JOB, containers=())
    assert "hop limit 2 cures that" in finding.evidence[-1]
    assert finding.fix.text.startswith("Raise the hop limit to 2 while tokens are still optional")
    assert found(JOB, containers=(), imds=replace(IMDS, hop_limit=2)) == []  # it has ended, and that is over


def test_who_has_a_finding_already_is_not_named_twice():
    assert found(CALLER, by=(CALLER,)) == []
    head = replace(CALLER, path_class="head", path="/", served=0)
    assert len(found(CALLER, by=(head,))) == 1
    seen = replace(watched(coverage=0.1), rare=rare(CALLER), earlier=(CALLER,))
    ids = [each.id for each in RULE.judge(changed(FACTS, callers=seen), CATALOG)]
    assert ids.count("imdsv1-before-window") == 1
    assert "imdsv1-rare-caller" not in ids


def test_where_nothing_is_served_or_tokens_are_required_they_lose_nothing():
    for imds in (replace(IMDS, endpoint="disabled"), replace(IMDS, tokens="required")):
        assert found(CALLER, imds=imds) == []


def test_of_many_some_are_named():
    many = [replace(CALLER, unit=f"u{chr(97 + number)}.service") for number in range(NAMED_MAX + 3)]
    findings = found(*many)
    assert len(findings) == NAMED_MAX + 1
    assert findings[-1].summary == "3 more callers called IMDSv1 before the window, and may call again"
