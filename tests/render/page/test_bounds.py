import pytest

from imds_probe.render.page.bounds import count, cut, cut_front, first, known, listed


@pytest.mark.parametrize(
    ("limit", "shown"), [(3, "a, b, c"), (4, "a, b, c"), (2, "a, b and 1 more"), (0, " and 3 more")]
)
def test_what_is_left_out_is_counted(limit, shown):
    assert listed(("a", "b", "c"), limit) == shown


def test_the_first_ones_and_how_many_are_left():
    assert first([1, 2, 3], 2) == ((1, 2), "and 1 more")
    assert first([], 2) == ((), "")


def test_of_a_long_text_the_beginning_or_the_end():
    assert (cut("abcdefgh", 8), cut("abcdefghi", 8)) == ("abcdefgh", "abcde...")
    assert (cut_front("abcdefgh", 8), cut_front("abcdefghi", 8)) == ("abcdefgh", "...efghi")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "not known"), ("unknown", "not known"), (0, "0"), ("likely", "likely")]
)
def test_what_nobody_knows_is_said_in_one_way(value, shown):
    assert known(value) == shown


def test_one_is_not_many():
    assert [count(number, "call") for number in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]
    assert count(2, "process", "processes") == "2 processes"
