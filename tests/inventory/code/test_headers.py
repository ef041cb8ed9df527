"""Headers that stand in a file, or in a variable that what starts a script sets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imds_probe.inventory.code.headers import said_with_headers

URL = "http://169.254.169.254/latest/meta-data/"
TOKEN = b"X-aws-ec2-metadata-token: AQ==\n"


@pytest.mark.parametrize(
    ("command", "files", "variables", "speaks"),
    [
        ("curl -H @/run/h", {"/run/h": TOKEN}, {}, "v2"),
        ('curl -s --header "@/run/h"', {"/run/h": b"Accept: x\n" + TOKEN.lower()}, {}, "v2"),
        ("curl -sH@/run/h", {"/run/h": TOKEN}, {}, "v2"),
        ("curl -H @/run/h", {"/run/h": b"Accept: x\n"}, {}, "v1"),
        ("curl -H @/run/h", {"/run/h": b""}, {}, "v1"),
        ("curl -H @/run/h", {"/run/h": b"# " + TOKEN}, {}, "v1"),
        ("curl -H @/run/h", {"/run/h": b"X-aws-ec2-metadata-token-ttl-seconds: 60"}, {}, "v1"),
        ("curl -H @/run/h", {}, {}, None),
        ("curl -K /etc/c", {"/etc/c": b'silent\nheader = "' + TOKEN.strip() + b'"\n'}, {}, "v2"),
        ("curl --config '/etc/c'", {"/etc/c": b"silent\n"}, {}, "v1"),
        ("curl -K /etc/c", {"/etc/c": b"header = @/run/h\n"}, {}, None),
        ("curl -K /etc/c", {}, {}, None),
        ('wget --header="$HDR"', {}, {"HDR": TOKEN.decode().strip()}, "v2"),
        ('wget --header="${HDR}"', {}, {"HDR": "Accept: text/plain"}, "v1"),
        ('wget --header="$HDR"', {}, {}, None),
        ('wget --header="$HDR"', {}, {"HDR": "no header"}, None),
        ('wget --header="$HDR"', {}, {"OTHER": TOKEN.decode()}, None),
    ],
)
def test_headers_from_elsewhere(
    command: str, files: Mapping[str, bytes], variables: Mapping[str, str], speaks: str | None
) -> None:
    said = said_with_headers(f"#!/bin/sh\n{command} {URL}\n".encode(), "/opt/x.sh", variables, files.get)
    assert (said.speaks if said is not None else None) == speaks
