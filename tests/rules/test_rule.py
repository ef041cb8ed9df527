from dataclasses import FrozenInstanceError

import pytest

from imds_probe.rules import RULES


def test_rules_cannot_be_changed_while_they_are_in_use():
    with pytest.raises(FrozenInstanceError):
        RULES[0].id = "other"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_explanations_say_all_three_things(rule):
    assert rule.explanations
    for entry in rule.explanations:
        assert min(len(entry.title), len(entry.meaning), len(entry.cure)) > 10
