"""What byte code says."""

from __future__ import annotations

import importlib.util
import io
import marshal

import pytest
from code_snippets import Snippet, snippets

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import byte_code
from imds_probe.inventory.code.unread import ODD_BYTE_CODE, TOO_LONG

# Byte code has no comments, and keeps a comparison apart from what is compared, and a helper from the calls of it.
APART = ("a comment", "a check", "one with and one without", "a helper that hands on what it is given")
SAME = [each for each in snippets() if each.name.startswith("python: ") and not each.name.endswith(APART)]
V1 = "from urllib.request import urlopen\nurlopen('http://169.254.169.254/latest/meta-data/mac')\n"


def compiled(source: str) -> bytes:
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(source, "x.py", "exec"))


@pytest.mark.parametrize("snippet", SAME, ids=lambda snippet: snippet.name)
def test_the_same_as_its_source(snippet: Snippet) -> None:
    judged = said_by(io.BytesIO(compiled(snippet.text)), snippet.path.removesuffix(".py") + ".pyc")
    assert judged.speaks == snippet.speaks, judged


def test_the_line_is_that_of_the_function() -> None:
    judged = said_by(io.BytesIO(compiled("x = 1\n\n\ndef f():\n    " + V1.replace("\n", "\n    "))), "/x.pyc")
    assert judged.shown is not None and judged.shown.line == 4


def test_what_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = said_by(io.BytesIO(compiled(V1)[:-9]), "/x.pyc")
    assert (cut.speaks, cut.unread) == ("v1", ODD_BYTE_CODE)
    monkeypatch.setattr(byte_code, "READ_MAX_BYTES", 100)
    assert said_by(io.BytesIO(compiled(V1)), "/x.pyc").unread == TOO_LONG
