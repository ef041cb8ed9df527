import pytest

from imds_probe.timestamp import rfc3339, seconds_of


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1970-01-01T00:00:00Z"), (951_782_399.9, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z")],
)
def test_to_the_second_in_utc(seconds, said, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert rfc3339(seconds) == said
    assert seconds_of(said) == int(seconds)


@pytest.mark.parametrize(
    "said", ["", "2026-11-30", "2026-02-30T00:00:00Z", "2026-11-30T00:00:00+00:00", "2026-11-30T24:00:00Z"]
)
def test_no_other_form_is_taken(said):
    with pytest.raises(ValueError, match="does not match|out of range|must be in"):
        seconds_of(said)


def test_beyond_the_calendar_there_is_no_time():
    with pytest.raises((ValueError, OverflowError, OSError)):
        rfc3339(1e20)
