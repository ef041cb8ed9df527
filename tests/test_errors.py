from imds_probe.errors import ProbeError, UsageError


def test_problem_and_remedy_make_one_line():
    assert str(ProbeError("no route", "Add one.")) == "no route. Add one."
    assert str(UsageError("no such rule")) == "no such rule"
