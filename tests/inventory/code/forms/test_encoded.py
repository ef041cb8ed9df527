"""Base64 in code. What it says then is in the snippets."""

from __future__ import annotations

import base64

import pytest

from imds_probe.inventory.code.forms.encoded import decoded, has_address, opened

ENCODED = "Y3VybCAtcyBYIHwgc2gK"  # curl -s X | sh
URL = "http://169.254.169.254/latest/meta-data/"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENCODED, "curl -s X | sh\n"),
        (f" {ENCODED[:9]}\n{ENCODED[9:]}\n", "curl -s X | sh\n"),
        ("YQ==", None),
        ("a b-c", None),
        ("A" * 70_000, None),
    ],
)
def test_base64(text: str, expected: str | None) -> None:
    assert decoded(text) == expected


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "http://", "curl -s http://"])
def test_an_address_is_known_wherever_it_stands(before: str) -> None:
    text = b64(f"{before}169.254.169.254/latest")
    assert has_address(text) and has_address(text.encode())
    assert not has_address(b64(f"{before}169.254.170.254/latest"))


def test_a_literal_is_put_in_where_it_stands() -> None:
    found = opened(f"a = 1\nb('{b64(URL)}', '{b64('x' * 20)}')\nc")
    assert found.text == f"a = 1\nb('{URL}', '{b64('x' * 20)}')\nc"
    assert found.code == ()


def test_what_is_run_is_code_of_its_own() -> None:
    code = f"import x\nx.get('{URL}')\n"
    found = opened(f"\nexec(b('{b64(code)}'))\n")
    assert found.code == ((2, code),)
    assert opened(f"c('{b64('curl ' + URL + chr(10) + 'x')}')").text == f"c('curl {URL}\\nx')"
