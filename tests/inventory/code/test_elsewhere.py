"""What code says whose address or header stands in a variable that what starts it sets, or in a file."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imds_probe.inventory.code.elsewhere import said_with, said_with_headers

URL = "http://169.254.169.254/latest/meta-data/"
NAMED = {"IMDS": URL.rstrip("/")}
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
        ('curl -H "$(cat /run/h)"', {"/run/h": TOKEN}, {}, "v2"),
        ('curl -H "$(< /run/h)"', {"/run/h": TOKEN}, {}, "v2"),
        ('H=`cat /run/h`\ncurl -H "$H"', {"/run/h": TOKEN}, {}, "v2"),
        ('H="$(cat /run/h)"; curl -H "$H"', {"/run/h": b"Accept: x\n"}, {}, "v1"),
        ('curl -H "$(cat /run/h)"', {"/run/h": b"no header"}, {}, None),
        ('curl -H "$(cat /run/h)"', {}, {}, None),
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


@pytest.mark.parametrize(
    ("before", "reads"),
    [
        ('echo "X-aws-ec2-metadata-token: $T" > /run/h', False),
        ('printf "%s" "$HDR" >>"/run/h"', False),
        ("make-header | sudo tee -a /run/h > /dev/null", False),
        ("curl -s -o /run/h http://localhost/", False),
        ("wget -qO /run/h http://localhost/", False),
        ("mv -f /run/h.new /run/h", False),
        ("rm -f /run/h", False),
        ("cat /run/h > /run/other", True),
        ("echo x > /run/h.old", True),
        ("grep x < /run/h", True),
        ("tee /run/other; cat /run/h", True),
    ],
)
@pytest.mark.parametrize("after", [": > /run/x", ""])
def test_what_a_script_writes_itself_is_not_what_stands_there_now(before: str, reads: bool, after: str) -> None:
    script = f"#!/bin/sh\n{before}\ncurl -H @/run/h {URL}\n{after}\n".encode()
    assert (said_with_headers(script, "/opt/x.sh", {}, {"/run/h": b""}.get) is not None) == reads


@pytest.mark.parametrize(
    ("path", "form", "text", "speaks"),
    [
        ("/x.sh", "shell", '#!/bin/sh\ncurl -s "$IMDS/instance-id"\n', "v1"),
        ("/x.py", "python", "import os, urllib.request as u\nu.urlopen(os.environ['IMDS'] + '/instance-id')\n", "v1"),
        ("/x.js", "node", "fetch(process.env.IMDS + '/instance-id')\n", "v1"),
    ],
)
def test_what_comes_out_is_read_as_code(path: str, form: str, text: str, speaks: str) -> None:
    said = said_with(text.encode(), path, form, NAMED)
    assert said is not None and said.speaks == speaks


def test_lines_keep_their_numbers() -> None:
    said = said_with(b'#!/bin/sh\n# x\n\ncurl "$IMDS/y"\n', "/x.sh", "shell", NAMED)
    assert said is not None and said.speaks == "v1"
    assert said_with(b"#!/bin/sh\ncurl x\n", "/x.sh", "shell", NAMED) is None
