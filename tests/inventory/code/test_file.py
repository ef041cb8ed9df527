"""What files say, by code as people write it."""

from __future__ import annotations

import io

import pytest
from code_snippets import Snippet, snippets

from imds_probe.inventory.code.file import said_by


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.name)
def test_a_snippet(snippet: Snippet) -> None:
    said = said_by(io.BytesIO(snippet.content), snippet.path)
    assert said.speaks == snippet.speaks, said
    assert said.whole and said.searched == len(snippet.content)
    if snippet.line is not None:
        assert said.shown is not None and said.shown.line == snippet.line, said
