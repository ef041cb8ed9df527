from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.config import values


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (values.paths, ["a", "/b"], (Path("a"), Path("/b"))),
        (values.absolute, "/a", Path("/a")),
        (values.duration, "2h", 7200.0),
        (values.share, 1, 1.0),
        (values.flag, False, False),
        (values.count(0, 3), 3, 3),
        (values.size, "3 MB", 3 * 1024**2),
        (values.size, "64KB", 65536),
        (values.matching("[a-z]+", "x"), "abc", "abc"),
        (values.some_of(("a", "b")), ["b", "b"], ("b",)),
        (values.one_of((1, 3)), 3, 3),
        (values.url, "http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_what_is_taken(read, value, expected) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (values.paths, [""]),
        (values.absolute, "a"),
        (values.absolute, "/a\0b"),
        (values.duration, "0s"),
        (values.share, 0),
        (values.flag, 1),
        (values.count(0, 3), 4),
        (values.count(0, 3), True),
        (values.size, "0MB"),
        (values.size, 5),
        (values.matching("[a-z]+", "x"), "A"),
        (values.some_of(("a",)), ["c"]),
        (values.some_of(("a",)), [["a"]]),
        (values.one_of((1, 3)), 2),
        (values.one_of((1, 3)), True),
        (values.url, "ftp://x"),
        (values.url, "https://"),
        (values.url, "https://a:99999"),
        (values.url, "https://[a"),
    ],
)
def test_what_is_refused(read, value) -> None:
    with pytest.raises(ValueError, match="^(must be|is wrong|has )|is no length of time"):
        read(value)
