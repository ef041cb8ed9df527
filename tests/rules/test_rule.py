from dataclasses import FrozenInstanceError

import pytest
from observed import FACTS

from imds_probe.catalog.catalog import Catalog
from imds_probe.findings import Kind
from imds_probe.rules import RULES
from imds_probe.rules.rule import NothingToJudge, Rule

KIND = Kind("mine", "warning", "A title", "What it means.", "What to do.")


def judged(find, *kinds):
    return Rule("some-rule", find, kinds).judge(FACTS, Catalog(()))


def test_rules_cannot_be_changed_while_they_are_in_use():
    with pytest.raises(FrozenInstanceError):
        RULES[0].id = "other"


def test_a_finding_bears_the_names_of_its_kind_and_its_rule():
    (finding,) = judged(lambda facts, catalog: [KIND.found("host", "says")], KIND)
    assert (finding.id, finding.rule, finding.severity) == ("mine", "some-rule", "warning")


def test_nothing_to_judge_is_handed_on():
    nothing = NothingToJudge("nobody looked")
    assert judged(lambda facts, catalog: nothing, KIND) == nothing


def test_a_finding_that_nobody_could_look_up_is_never_made():
    with pytest.raises(LookupError, match="does not list the kind mine"):
        judged(lambda facts, catalog: [KIND.found("host", "says")])


def test_a_finding_that_nobody_could_settle_is_never_made():
    with pytest.raises(LookupError, match="does not say what settles a finding of the kind mine"):
        judged(lambda facts, catalog: [KIND.found("host", "says", implies="unknown")], KIND)
    (finding,) = judged(
        lambda facts, catalog: [KIND.found("host", "says", implies="unknown", settled_by=("a run",))], KIND
    )
    assert finding.settled_by == ("a run",)


def test_a_rule_without_a_review_leaves_what_others_found():
    finding = KIND.found("host", "says").by("other")
    assert Rule("some-rule", lambda facts, catalog: [], ()).reviewed([finding], FACTS, ()) == ([finding], [])
