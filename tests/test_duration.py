import pytest

from imds_probe.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5s", 1.5), ("5m", 300), ("2 h", 7200), ("14d", 1209600), (" 1S ", 1)],
)
def test_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "5y", "5m30s", "1e3", "inf", "nan", "٣s", "x"])
def test_what_is_none_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="write 90s, 5m, 2h or 14d"):
        parse_duration(text)
