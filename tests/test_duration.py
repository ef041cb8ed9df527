import pytest

from imds_probe.duration import in_words, parse_duration


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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (45, "45 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86405, "1 d"),
        (302400, "3 d 12 h"),
    ],
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
