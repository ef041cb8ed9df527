import pytest

from imds_probe.net.obstacles.rule_words import NAME_MAX, is_number, is_short


@pytest.mark.parametrize(
    "word",
    [
        "0",
        "80",
        "4294967295",
        "0x1f",
        "169.254.169.254",
        "10.0.0.0/8",
        "10.0.0.1:80",
        "fd00:ec2::254",
        "[fd00::1]",
        ":8181",
    ],
)
def test_numbers_and_addresses(word):
    assert is_number(word)


@pytest.mark.parametrize(
    "word", ["", "deadbeefcafe", "0xhunter2", "1.2.3", "123456789012", "10.0.0.1:hunter2", "x:80", "1" * 61]
)
def test_what_may_be_anything(word):
    assert not is_number(word)


def test_names_are_short():
    assert is_short("DOCKER-USER")
    assert not is_short("x" * (NAME_MAX + 1))
    assert not is_short("hunter 2")
