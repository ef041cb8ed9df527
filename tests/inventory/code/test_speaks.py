"""Files of one package, judged together."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.speaks import NOTHING, Evidence, Said, speaks_of, together

BASE = b"BASE = 'http://169.254.169.254'\n"
CLIENT = (
    b"import requests\nfrom . import BASE\n\n\n"
    b"def get(key):\n    return requests.get(BASE + '/latest/meta-data/' + key).text\n"
)
WITH_HEADERS = CLIENT.replace(b" + key)", b" + key, headers=headers())")
TOKENS = (
    b"def headers():\n    t = requests.put(BASE + '/latest/api/token', headers={'X-aws-ec2-metadata-token-ttl-seconds': '9'})\n"
    b"    return {'X-aws-ec2-metadata-token': t.text}\n"
)
WHOLE = b"import requests\nrequests.get('http://169.254.169.254/latest/meta-data/mac')\n"


def said(**files: bytes) -> dict[str, Said]:
    return {f"/p/{name}.py": said_by(io.BytesIO(content), f"/p/{name}.py") for name, content in files.items()}


@pytest.mark.parametrize(
    ("files", "speaks", "shown"),
    [
        ({"base": BASE, "client": CLIENT}, "v1", "/p/base.py"),
        ({"base": BASE, "client": WITH_HEADERS, "tokens": TOKENS}, "v2", "/p/tokens.py"),
        ({"base": BASE, "client": CLIENT, "tokens": TOKENS}, "both", "/p/client.py"),
        ({"old": WHOLE, "new": BASE + TOKENS}, "both", "/p/old.py"),
        ({"base": BASE}, "mentions", "/p/base.py"),
        ({"client": CLIENT}, "mentions", "/p/client.py"),
        ({"docs": b'"""See http://169.254.169.254/latest/."""\n', "client": WHOLE}, "v1", "/p/client.py"),
    ],
)
def test_modules_of_one_package(files: dict[str, bytes], speaks: str, shown: str) -> None:
    judged = together(said(**files))
    assert judged is not None
    assert judged[0] == speaks
    assert said(**files)[judged[1]].hits


def test_of_which_a_file_is_shown() -> None:
    assert together(said(docs=b"# http://169.254.169.254/latest/\n", client=WHOLE)) == ("v1", "/p/client.py")
    assert together(said(old=WHOLE, new=BASE + TOKENS)) == ("both", "/p/old.py")


def test_a_variable_of_a_sourced_file() -> None:
    sourced = said_by(io.BytesIO(b"IMDS=http://169.254.169.254/latest/meta-data\n"), "/opt/x/config.sh")
    script = said_by(io.BytesIO(b'#!/bin/sh\n. /opt/x/config.sh\ncurl -s "$IMDS/instance-id"\n'), "/opt/x/x.sh")
    assert sourced.speaks == "mentions" and script.speaks is None
    assert together({"/opt/x/config.sh": sourced, "/opt/x/x.sh": script}) == ("v1", "/opt/x/config.sh")


def test_without_a_word() -> None:
    assert together({}) is None and together(said(x=b"import os\n")) is None
    assert Said("python").shown is None and Said("python").quote == ()


def test_what_an_sdk_beside_it_makes_of_it() -> None:
    asks = Evidence(service=True, path=True, asks=True)
    assert speaks_of(asks, met=True) == "v1"
    assert speaks_of(asks | Evidence(sdk=True), met=True) == "both"
    assert speaks_of(asks | Evidence(token=True), met=True) == "v2"
    assert speaks_of(asks | Evidence(token=True, bare=True), met=True) == "both"
    assert speaks_of(NOTHING, met=True) == "mentions" and speaks_of(NOTHING, met=False) is None


def test_words_of_code_are_quoted_before_others() -> None:
    judged = said_by(io.BytesIO(b"# X-aws-ec2-metadata-token\n" + WHOLE), "/p/x.py")
    assert judged.quote == ("169.254.169.254", "latest/meta-data")
    assert judged.shown is not None and judged.shown.line == 3
