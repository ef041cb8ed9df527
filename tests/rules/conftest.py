"""Every finding that a rule makes in these tests can be looked up by its id, under the rule that made it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.findings import Finding
from imds_probe.rules import RULES
from imds_probe.rules.rule import NothingToJudge, Rule

EXPLAINED = {(rule.id, kind.id) for rule in RULES for kind in rule.kinds}


@pytest.fixture(autouse=True)
def explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[Finding] = []
    judge = Rule.judge

    def kept(rule: Rule, facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
        findings = judge(rule, facts, catalog)
        if rule in RULES and not isinstance(findings, NothingToJudge):
            made.extend(findings)
        return findings

    monkeypatch.setattr(Rule, "judge", kept)
    yield
    assert {(finding.rule, finding.id) for finding in made} <= EXPLAINED
