import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.escape import encodable, encodable_document, terminal


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


@pytest.mark.parametrize(
    ("text", "written"), [("plain", "plain"), ("é\U0001f600", "é\U0001f600"), ("a\ud800b\udcff", "a\\ud800b\\udcff")]
)
def test_half_a_surrogate_pair_becomes_text(text, written):
    assert encodable(text) == written
    assert encodable(text).encode()
    assert encodable_document({text: [text, 1, None, {"a": text}]}) == {written: [written, 1, None, {"a": written}]}
