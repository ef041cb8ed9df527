import pytest
from soon import cpu_s

from imds_probe.system.toml import loads


def test_a_document():
    assert loads("a.b = 1\n[c]\nd = '...'\n") == {"a": {"b": 1}, "c": {"d": "..."}}


@pytest.mark.parametrize(
    "text", ["a." * 200_000 + "a = 1", "x = 1\n" + "a = { " + "b." * 200_000 + "c = 1 }", "[" + "a." * 200_000 + "a]"]
)
def test_a_key_of_parts_without_end(text):
    started = cpu_s()
    with pytest.raises(ValueError, match="dots .at line"):
        loads(text)
    assert cpu_s() - started < 5


@pytest.mark.parametrize("text", ["a = ", "a = 2001-99-99", "a = " + "9" * 5000, "a = 1\na = 2"])
def test_what_is_no_toml(text):
    with pytest.raises(ValueError):
        loads(text)
