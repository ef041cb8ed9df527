from imds_probe.rules.callers import RULE
from imds_probe.rules.callers_explained import EXPLANATIONS


def test_all_of_them_belong_to_the_rule_and_say_what_to_do():
    assert RULE.explanations == EXPLANATIONS
    assert all(each.title and each.meaning.endswith(".") and each.cure.endswith(".") for each in EXPLANATIONS)
