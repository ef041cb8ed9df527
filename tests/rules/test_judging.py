from dataclasses import replace

import pytest
from observed import FACTS

from imds_probe.catalog.catalog import Catalog
from imds_probe.errors import ProbeError, UsageError
from imds_probe.findings import Kind
from imds_probe.rules.judging import judge, select
from imds_probe.rules.rule import NothingToJudge, Rule

CATALOG = Catalog(())


KINDS = tuple(Kind(f"id-{s}", s, "A title", "What it means.", "What to do.") for s in ("blocker", "warning", "info"))


def finds(*severities):
    return lambda facts, catalog: [kind.found("host", s) for s in severities for kind in KINDS if kind.severity == s]


def trouble(facts, catalog):
    raise ProbeError("catalog row is broken")


RULES = (
    Rule("quiet", finds(), KINDS),
    Rule("mild", finds("info", "warning"), KINDS),
    Rule("grave", finds("blocker"), KINDS),
    Rule("idle", lambda facts, catalog: NothingToJudge("nothing here"), ()),
    Rule("broken", trouble, ()),
    Rule("last", finds("info"), KINDS),
)


def test_every_rule_is_on_record_and_none_stops_another():
    findings, runs = judge(RULES, select(RULES, (), ()), FACTS, CATALOG)
    assert [(run.id, run.status, run.reason) for run in runs] == [
        ("quiet", "ok", ""),
        ("mild", "warn", ""),
        ("grave", "fail", ""),
        ("idle", "skip", "nothing here"),
        ("broken", "error", "catalog row is broken"),
        ("last", "ok", ""),
    ]
    assert [finding.severity for finding in findings] == ["blocker", "warning", "info", "info"]


def test_a_rule_that_reviews_sees_what_came_before_it_and_may_ease_it():
    def review(findings, facts, kinds):
        eased = [replace(each, severity="warning") for each in findings]
        return eased, [next(kind for kind in kinds if kind.severity == "info").found("host", f"eased {len(eased)}")]

    rules = (RULES[2], Rule("eases", finds(), KINDS, review), RULES[2])
    findings, _ = judge(rules, {"grave", "eases"}, FACTS, CATALOG)
    assert [finding.summary for finding in findings] == ["blocker", "blocker", "eased 1"]
    assert [finding.severity for finding in findings] == ["blocker", "warning", "info"]
    alone, (run, _) = judge(rules[:2], {"grave", "eases"}, FACTS, CATALOG)
    assert (run.status, [finding.severity for finding in alone]) == ("warn", ["warning", "info"])


def test_only_and_skip():
    selected = select(RULES, ("mild", "grave"), ("grave",))
    _, runs = judge(RULES, selected, FACTS, CATALOG)
    assert [run.id for run in runs if not run.deselected] == ["mild"]
    assert {run.status for run in runs if run.deselected} == {"skip"}


def test_a_bug_fails_its_rule_alone_and_is_told():
    told = []
    rules = (Rule("bug", lambda facts, catalog: 1 / 0, ()), Rule("last", finds("info"), KINDS))
    findings, (bug, last) = judge(rules, {"bug", "last"}, FACTS, CATALOG, lambda *said: told.append(said))
    assert (bug.status, last.status, len(findings)) == ("error", "ok", 1)
    assert bug.reason.startswith("a bug in imds-probe: ZeroDivisionError at ")
    assert [(part, type(error)) for part, error in told] == [("the rule bug", ZeroDivisionError)]


@pytest.mark.parametrize(("only", "skip"), [(("nonesuch",), ()), ((), ("nonesuch",))])
def test_an_unknown_rule_is_refused_with_the_known_ones(only, skip):
    with pytest.raises(UsageError, match="'nonesuch'.*quiet, mild"):
        select(RULES, only, skip)
