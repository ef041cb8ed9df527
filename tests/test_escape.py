import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.escape import terminal


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("plain text, ümläute too", "plain text, ümläute too"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("right\u202eto left", "right\\u202eto left"),
        ("isolate\u2066d", "isolate\\u2066d"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_could_steer_a_terminal_is_spelled_out(hostile, safe):
    assert terminal(hostile) == safe


@given(st.text())
def test_nothing_unprintable_is_left(text):
    assert terminal(text).isprintable()
