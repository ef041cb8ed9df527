from imds_probe.system.bug import in_short


def test_in_short_it_says_where_and_quotes_nothing():
    try:
        {}["secret"]
    except KeyError as error:
        said = in_short(error)
    assert said.startswith(f"a bug in imds-probe: KeyError at {__file__}:")
    assert "secret" not in said


def test_one_that_was_never_raised_has_no_place():
    assert in_short(ValueError("x")) == "a bug in imds-probe: ValueError; the log has the details"


def test_memory_is_no_bug():
    assert in_short(MemoryError()) == "there was not enough memory"
