from __future__ import annotations

import errno
import os

import pytest

from imds_probe.kept.message import kept_message, without_urls


@pytest.mark.parametrize(
    "text",
    [
        "error: cannot open Packages database in /var/lib/rpm",
        "dpkg-query: error: parsing file '/var/lib/dpkg/status' near line 5",
        "RTNETLINK answers: Operation not permitted",
        "Operation not permitted (you must be root)",
        "database disk image is malformed",
        "Expecting value: line 1 column 5 (char 4)",
        "found undefined alias (line 3)",
        *(f"error: {os.strerror(number)}" for number in (errno.EACCES, errno.ENOSPC, errno.ETIMEDOUT)),
    ],
)
def test_what_such_messages_say(text: str) -> None:
    assert kept_message(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("E: Type 'hunter' is not known on line 3 in source list /etc/apt/sources.list", None),
        ("Error: failed to fetch https://user:hunter2@repo.example/x", "Error: failed to fetch …"),
        ("could not determine a constructor for the tag '!hunter2'", "could not determine a constructor for the tag …"),
        ("error: hunter2=hunter2 \x1b[31m", "error: …"),
        ("correct horse battery staple", "…"),
        ("", ""),
    ],
)
def test_what_it_quotes_is_left_out(text: str, kept: str | None) -> None:
    said = kept_message(text)
    assert "hunter" not in said and said.isprintable()
    assert kept is None or said == kept


def test_urls_of_aws_are_named_and_others_are_not() -> None:
    assert without_urls('Could not connect to the endpoint URL: "https://logs.eu-west-1.amazonaws.com/x?y"') == (
        "Could not connect to the endpoint URL: https://logs.eu-west-1.amazonaws.com"
    )
    assert without_urls('Failed to connect to proxy URL: "http://user:hunter2@proxy:3128"') == (
        "Failed to connect to proxy URL: http://…"
    )
    assert without_urls("x https://hunter2@a.amazonaws.com") == "x https://…"
