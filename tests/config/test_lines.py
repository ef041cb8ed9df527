from __future__ import annotations

import pytest

from imds_probe.config import lines
from imds_probe.config.lines import line_of

TEXT = '''# comment
a = 1

[t]

# about b
b = [
  1,

  2]
c = """
d = 4
"""
d = 5
[u.v]
e = 6
u.x = 7
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [("a", 2), ("t", 4), ("t.b", 7), ("t.c", 11), ("t.d", 14), ("u.v.e", 16), ("u.v", 15), ("nothing", None)],
)
def test_where_a_key_is_set(key: str, line: int | None) -> None:
    assert line_of(TEXT, key) == line


def test_a_document_that_is_too_long_is_not_searched() -> None:
    assert line_of("a = 1\n" + "\n" * lines.LINES_MAX, "a") is None
