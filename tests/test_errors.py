from imds_probe.errors import ProbeError, UsageError


def test_problem_and_remedy_make_one_line():
    assert str(ProbeError("no route", "Add one.")) == "no route. Add one."
    assert str(UsageError("no such rule")) == "no such rule"


def test_what_goes_on_all_the_same_is_said_before_the_remedy():
    assert ProbeError("no route", "Add one.").followed_by("one report waits") == "no route; one report waits. Add one."
    assert ProbeError("no route").followed_by("one report waits") == "no route; one report waits"
