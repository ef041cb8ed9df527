"""Arguments that a command does not ask, and its headers."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_options import (
    LONG_TTL,
    NO_PUT,
    NO_TTL,
    has_name,
    headers,
    targets,
    why_refused,
)

ASKED = "http://asked/"


@pytest.mark.parametrize(
    "command",
    [
        f"curl -s -d 'a b' {ASKED}",
        f"curl -sH a -o b {ASKED}",
        f"curl --noproxy a --data=b --url {ASKED}",
        f"curl -da {ASKED} -H'b: c'",
        f"wget -qO a --post-data='b' {ASKED}",
        f"wget -d {ASKED}",
        f"http POST {ASKED} a=b c:d",
        f"/usr/bin/curl {ASKED}",
    ],
)
def test_what_is_asked(command: str) -> None:
    left = targets(command)
    assert len(left) == len(command)
    assert [word for word in left.split() if not word.startswith(("-", "POST"))][1:] == [ASKED]


def test_headers() -> None:
    assert headers("curl -H 'a: b' --header=\"$C\" -sH @d e -X PUT") == ["'a: b'", '"$C"', "@d"]
    assert has_name("'a: b'") and not has_name('"$C"') and not has_name("@d")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("curl u", NO_PUT),
        ("curl -X POST -H ttl-seconds:1 u", NO_PUT),
        ("curl -X PUT u", NO_TTL),
        ("curl -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 86400' u", LONG_TTL),
        ("curl -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' u", ""),
        ('curl -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: $T" u', ""),
        ("curl -sXPUT -H x-ttl-seconds:1 u", ""),
        ("curl -T /dev/null -H x-ttl-seconds:1 u", ""),
        ("wget --method=PUT --header='x-ttl-seconds: 1' u", ""),
        ('curl -X PUT -H "$H" u', ""),
        ('curl "$@" u', ""),
        ("curl -X $METHOD $OPTS u", ""),
    ],
)
def test_why_a_token_is_refused(command: str, why: str) -> None:
    assert why_refused(command) == why
