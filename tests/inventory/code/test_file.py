"""What files say, by code as people write it."""

from __future__ import annotations

import io

import pytest
from code_snippets import Snippet, snippets

from imds_probe.inventory.code.file import said_by, said_by_argument


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.name)
def test_a_snippet(snippet: Snippet) -> None:
    said = said_by(io.BytesIO(snippet.content), snippet.path)
    assert said.speaks == snippet.speaks, said
    assert said.whole and said.searched == len(snippet.content)
    if snippet.line is not None:
        assert said.shown is not None and said.shown.line == snippet.line, said


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("python", "import urllib.request as u; u.urlopen('http://169.254.169.254/latest/meta-data/')"),
        ("node", "fetch('http://169.254.169.254/latest/meta-data/').then(print)"),
        ("perl", "use HTTP::Tiny; HTTP::Tiny->new->get('http://169.254.169.254/latest/meta-data/')"),
        ("ruby", "require 'net/http'; Net::HTTP.get(URI('http://169.254.169.254/latest/meta-data/'))"),
        ("php", "echo file_get_contents('http://169.254.169.254/latest/meta-data/');"),
        ("shell", "curl http://169.254.169.254/latest/meta-data/"),
    ],
)
def test_code_that_is_an_argument(form: str, text: str) -> None:
    """Of each language whose interpreter takes some."""
    said = said_by_argument(text.encode(), form)
    assert (said.form, said.speaks, said.whole) == (form, "v1", True)
