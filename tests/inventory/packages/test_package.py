from __future__ import annotations

import pytest

from imds_probe.errors import ProbeError
from imds_probe.inventory.packages.package import PackageError, field_text, printable


def test_the_error_says_whose_it_is() -> None:
    error = PackageError("dpkg", "something\x1b[31m broke", "Mend it")
    assert isinstance(error, ProbeError)
    assert str(error) == "dpkg: something\\x1b[31m broke. Mend it"
    assert error.manager == "dpkg"


def test_text_is_one_short_line() -> None:
    assert printable("  a\nb\x07\u202e ") == "a\\nb\\x07\\u202e"
    assert len(printable("x" * 1000)) == 300
    assert printable("x" * 1000).endswith("...")


def test_a_field() -> None:
    assert field_text("rpm", b"19.3-46.amzn2") == "19.3-46.amzn2"
    assert field_text("rpm", b"") == ""
    assert field_text("rpm", b"caf\xe9") == "caf\\xe9"


@pytest.mark.parametrize("raw", [b"a b", b"a\nb", b"\x1b[1m", b"\0", b"x" * 1001, "\u202e".encode()])
def test_a_field_that_cannot_be(raw: bytes) -> None:
    with pytest.raises(PackageError, match="cannot be right") as caught:
        field_text("rpm", raw)
    assert str(caught.value).isprintable()
