"""Clients that ask for a token only where a setting says so, and others that only look so."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by

TOKEN, ASKED = "http://169.254.169.254/latest/api/token", "http://169.254.169.254/latest/meta-data/"
TTL, HEADER = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
PYTHON = "import os, requests\ndef token():\n    return requests.put('%T', headers={'%L': '60'}).text\n"
NODE = "async function token() {\n  return (await fetch('%T', {method: 'PUT', headers: {'%L': 60}})).text();\n}\n"
RUBY = "def token\n  r = Net::HTTP::Put.new(URI('%T'))\n  r['%L'] = '60'\n  http.request(r).body\nend\n"


def speaks(name: str, text: str) -> str | None:
    filled = text.replace("%T", TOKEN).replace("%A", ASKED).replace("%L", TTL).replace("%H", HEADER)
    return said_by(io.BytesIO(filled.encode()), f"/opt/{name}").speaks


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.py",
            PYTHON + "def get(p):\n    headers = {}\n    if os.environ.get('IMDSV2') == '1':\n"
            "        headers = {'%H': token()}\n    return requests.get('%A' + p, headers=headers).text\n",
        ),
        (
            "a.py",
            PYTHON + "def get(p, use_v2=False):\n    req = Request('%A' + p)\n    if use_v2:\n"
            "        req.add_header('%H', token())\n    return urlopen(req).read()\n",
        ),
        ("a.py", PYTHON + "h = {'%H': token()} if args.imdsv2 else {}\nrequests.get('%A', headers=h)\n"),
        (
            "a.py",
            PYTHON + "t = None\nif config.getboolean('aws', 'imdsv2'):\n    t = token()\n"
            "h = {'%H': t} if t else {}\nrequests.get('%A', headers=h)\n",
        ),
        (
            "a.js",
            NODE + "async function get() {\n  const headers = {};\n  if (process.env.USE_IMDSV2) {\n"
            "    headers['%H'] = await token();\n  }\n  return fetch('%A', {headers});\n}\n",
        ),
        (
            "a.rb",
            RUBY
            + "def get\n  g = Net::HTTP::Get.new(URI('%A'))\n  g['%H'] = token if @imdsv2\n  http.request(g)\nend\n",
        ),
    ],
)
def test_a_setting_decides(name: str, text: str) -> None:
    assert speaks(name, text) == "both"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # A test of an answer.
        (
            "a.py",
            PYTHON + "def get(p):\n    headers = {}\n    t = token()\n    if t:\n        headers = {'%H': t}\n"
            "    return requests.get('%A' + p, headers=headers).text\n",
        ),
        (
            "a.py",
            PYTHON
            + "r = requests.get('%A', headers=headers)\nif r.status_code == 401:\n    headers = {'%H': token()}\n"
            "    r = requests.get('%A', headers=headers)\n",
        ),
        # Found out by a request.
        (
            "a.py",
            PYTHON
            + "use_v2 = has_tokens()\nh = {}\nif use_v2:\n    h = {'%H': token()}\nrequests.get('%A', headers=h)\n",
        ),
        # On unless it is turned off.
        (
            "a.py",
            PYTHON + "def get(p, use_v2=True):\n    h = {}\n    if use_v2:\n        h = {'%H': token()}\n"
            "    return requests.get('%A' + p, headers=h).text\n",
        ),
        (
            "a.py",
            PYTHON + "h = {}\nif os.environ.get('IMDSV2', '1') == '1':\n    h = {'%H': token()}\n"
            "requests.get('%A', headers=h)\n",
        ),
        (
            "a.py",
            PYTHON + "h = {}\nif not config.imds_v1:\n    h = {'%H': token()}\nrequests.get('%A', headers=h)\n",
        ),
        # Nothing is asked otherwise.
        (
            "a.py",
            PYTHON
            + "h = {}\nif config.ec2:\n    h = {'%H': token()}\nelse:\n    raise Failed\nrequests.get('%A', headers=h)\n",
        ),
        (
            "a.py",
            PYTHON + "def get(p):\n    if config.on_ec2:\n        h = {'%H': token()}\n"
            "        return requests.get('%A' + p, headers=h).text\n    return None\n",
        ),
    ],
)
def test_nothing_but_the_service_decides(name: str, text: str) -> None:
    assert speaks(name, text) == "v2"
