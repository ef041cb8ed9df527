"""Requests for a token, as programs write them: which of them the service refuses, and which it answers."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by

TOKEN = "http://169.254.169.254/latest/api/token"
ASKED = "http://169.254.169.254/latest/meta-data/"
TTL, HEADER = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"


def speaks(name: str, text: str) -> str | None:
    filled = (
        text.replace("%B", "\nask('%A', {'%H': t})\n")
        .replace("%T", TOKEN)
        .replace("%A", ASKED)
        .replace("%L", TTL)
        .replace("%H", HEADER)
    )
    return said_by(io.BytesIO(filled.encode()), f"/opt/{name}").speaks


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.rb", "u = URI('%T')\nr = Net::HTTP::Put.new(u)\nr['%L'] = '60'\nt = h.request(r).body%B"),
        ("a.rb", "T = '%T'\nu = URI(T)\nr = Net::HTTP::Put.new(u)\nr['%L'] = '60'\nt = h.request(r).body%B"),
        ("a.js", "const T = '%T';\nconst t = await fetch(T, {method: 'PUT', headers: {'%L': 60}});%B"),
        ("a.js", "const o = {method: 'PUT', headers: {'%L': 60}};\nconst t = await fetch('%T', o);%B"),
        ("a.js", "const o = {method: 'PUT', headers: {'%L': 60}};\nconst t = await fetch('%T', {...o});%B"),
        (
            "a.php",
            "<?php\n$c = context(['method' => 'PUT', 'header' => '%L: 60']);\n$t = file_get_contents('%T', false, $c);%B",
        ),
        ("a.py", "t = requests.put('%T', **GIVEN).text%B"),
        ("a.py", "t = requests.put('%T', headers={'%L': '21600'}).text%B"),
        ("a.sh", '. lib.sh\nT=$(curl -s "${FLAGS[@]}" %T)\ncurl -H "%H: $T" %A\n'),
        ("a.sh", '. lib.sh\nT=$(curl -s -X PUT $FLAGS %T)\ncurl -H "%H: $T" %A\n'),
    ],
)
def test_a_method_that_stands_elsewhere_may_be_the_right_one(name: str, text: str) -> None:
    assert speaks(name, text) == "v2"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "T = '%T'\nt = requests.get(T, headers={'%L': '60'}).text\nrequests.get('%A', headers={'%H': t})\n"),
        ("a.py", "t = urlopen('%T', timeout=2).read()\nurlopen(Request('%A', headers={'%H': t}))\n"),
        ("a.py", "t = requests.put('%T').text\nrequests.get('%A', headers={'%H': t})\n"),
        ("a.js", "const t = await fetch('%T', {headers: {'%L': 60}});\nawait fetch('%A', {headers: {'%H': t}});\n"),
        ("a.js", "const T = '%T';\nconst t = await fetch(T);\nawait fetch('%A', {headers: {'%H': t}});\n"),
        ("a.py", "t = requests.put('%T', headers={'%L': '86400'}).text\nrequests.get('%A', headers={'%H': t})\n"),
        ("a.sh", 'TTL=86400\nT=$(curl -sX PUT -H "%L: $TTL" %T)\ncurl -H "%H: $T" %A\n'),
        ("a.sh", 'FLAGS=-m2\nT=$(curl -s $FLAGS %T)\ncurl -H "%H: $T" %A\n'),
        ("a.rb", "t = Net::HTTP.get(URI('%T'))\ng = Get.new('%A')\ng['%H'] = t\n"),
        ("a.php", "<?php\n$t = file_get_contents('%T');\nask('%A', ['%H' => $t]);\n"),
    ],
)
def test_a_token_that_is_only_read_is_refused(name: str, text: str) -> None:
    assert speaks(name, text) == "v1"
