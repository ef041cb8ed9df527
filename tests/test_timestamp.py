import pytest

from imds_probe.timestamp import LAST_S, end_of, in_a_name, rfc3339, seconds_of


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1970-01-01T00:00:00Z"), (951_782_399.9, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z")],
)
def test_to_the_second_in_utc(seconds, said, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert rfc3339(seconds) == said
    assert seconds_of(said) == int(seconds)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "2026-11-30",
        "2026-02-30T00:00:00Z",
        "2026-11-30T00:00:00+00:00",
        "2026-11-30T24:00:00Z",
        "2026-1-3T1:2:3Z",
        "9" * 99,
    ],
)
def test_no_other_form_is_taken(said):
    with pytest.raises(ValueError, match="is no time"):
        seconds_of(said)


def test_a_day_ends_where_the_next_begins():
    assert end_of("1970-01-01") == 86400
    assert end_of("9999-12-31") == LAST_S + 1
    assert rfc3339(LAST_S) == "9999-12-31T23:59:59Z"
    with pytest.raises(ValueError, match="is no time"):
        end_of("2026-99-99")


def test_a_name_of_a_file_has_no_colon_in_it():
    assert in_a_name(951_782_399.9) == "20000228T235959Z"


def test_beyond_the_calendar_there_is_no_time():
    with pytest.raises((ValueError, OverflowError, OSError)):
        rfc3339(1e20)
