"""What a source text says of a request. Most of it is in the snippets."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by

ASKED = "http://169.254.169.254/latest/meta-data/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example = '%A'\nrequests.get(example)\n", "v1"),
        ("message = 'curl -s %A'\nsubprocess.run(message, shell=True)\n", "v1"),
        ("message = 'curl -s %A'\nprint(message)\nsubprocess.run(other, shell=True)\n", "mentions"),
        ("class Command:\n    help = 'curl %A'\n", "mentions"),
    ],
)
def test_what_is_named_as_a_text_for_people_may_be_asked(text: str, expected: str) -> None:
    assert said_by(io.BytesIO(text.replace("%A", ASKED).encode()), "/opt/a.py").speaks == expected
