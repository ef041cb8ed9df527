from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.kept.shapes import OMITTED, is_name, is_number, is_option_name, is_path, is_unit, together


@pytest.mark.parametrize("name", ["password", "secret-access-key", "log_level", "no-verify-ssl"])
def test_names_of_options(name: str) -> None:
    assert is_option_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x", "hunter2secret", "TokenAbc", "-x", "a-", "a--b", "abcdefghijklmnopqrst", "a-b-c-d-e-f", "pässword"],
)
def test_what_may_be_a_secret_is_no_name_of_an_option(name: str) -> None:
    assert not is_option_name(name)


def test_paths_names_units_and_numbers() -> None:
    assert is_path("/opt/app-1.2/run@x.py") and is_name("python3.11") and is_unit("web@1.service") and is_number("8080")
    assert not is_path("/opt/a?b=c") and not is_path("-x") and not is_path("") and not is_path("/" + "a" * 200)
    assert not is_name("a/b") and not is_unit("web") and not is_unit("a b.service")
    assert not is_number("") and not is_number("123456") and not is_number("\u0661")


@given(st.lists(st.sampled_from([OMITTED, "a", "bb", "c" * 50]), max_size=30), st.integers(10, 100))
def test_together_they_fit_and_nothing_is_omitted_twice(words: list[str], limit: int) -> None:
    said = together(words, limit)
    assert len(said) <= limit
    assert f"{OMITTED} {OMITTED}" not in said
    assert together(said.split(), limit) == said
