from __future__ import annotations

import pytest

from imds_probe.inventory.code.environment import named_hosts, names_service, naming, with_hosts, with_values

BASE = "http://169.254.169.254/latest/meta-data"
NAMED = {"IMDS": BASE}


def test_variables_that_name_the_service() -> None:
    of_others = {
        "NO_PROXY": "169.254.169.254,localhost",
        "no_proxy": "169.254.169.254",
        "JAVA_OPTS": "-Dhttp.nonProxyHosts=169.254.169.254",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://169.254.169.254",
        "BLOCKED_HOSTS": "169.254.169.254",
        "HOME": "/root",
        "LONG": "x" * 2000 + BASE,
    }
    assert naming({"IMDS": BASE, "IMDS_HOST": "169.254.169.254", **of_others}) == {
        "IMDS": BASE,
        "IMDS_HOST": "169.254.169.254",
    }


@pytest.mark.parametrize("text", ["curl $IMDS/x", 'curl -s "${IMDS}/x"', "curl ${IMDS:-http://localhost}/x"])
def test_a_shell_is_given_what_it_uses(text: str) -> None:
    assert with_values(text, NAMED, "shell") == f"IMDS={BASE}; {text}"
    assert with_values(f"#!/bin/sh\n{text}\n", NAMED, "shell") == f"#!/bin/sh\nIMDS={BASE}; {text}\n"
    assert with_values("curl $IMDS_URL IMDS", NAMED, "shell") == "curl $IMDS_URL IMDS"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("urlopen(os.environ['IMDS'])", f'urlopen("{BASE}")'),
        ('get(os.getenv("IMDS", "x") + "/y")', f'get("{BASE}" + "/y")'),
        ('get(process.env.IMDS + "/y")', f'get("{BASE}" + "/y")'),
        ("fetch(process.env['IMDS'])", f'fetch("{BASE}")'),
        ("Net::HTTP.get(URI(ENV.fetch('IMDS')))", f'Net::HTTP.get(URI("{BASE}"))'),
        ("get($ENV{IMDS})", f'get("{BASE}")'),
        ("file_get_contents($_ENV['IMDS'])", f'file_get_contents("{BASE}")'),
        ("os.environ['OTHER']", "os.environ['OTHER']"),
        ("IMDS", "IMDS"),
    ],
)
def test_code_is_given_what_it_takes(text: str, expected: str) -> None:
    assert with_values(text, NAMED, "python") == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (b'{"url": "http://169.254.169.254/latest/meta-data/"}', True),
        (b"[a]\nhost = 169.254.169.254\n", True),
        (b"# host = 169.254.169.254\n", False),
        (b'{"no_proxy": "169.254.169.254"}', False),
        (b"blocked: [169.254.169.254]\n", False),
        (b"path: latest/meta-data\n", False),
        (b"ssrf:\n  - 10.0.0.0/8\n  # of AWS\n  - 169.254.169.254\n", False),
        (b'{"denied": [\n  "10.0.0.1",\n  "169.254.169.254"\n]}', False),
        (b"denied:\n  - 10.0.0.1\nhosts:\n  - 169.254.169.254\n", True),
        (b"- 169.254.169.254\n", True),
    ],
)
def test_settings_that_name_the_service(settings: bytes, expected: bool) -> None:
    assert names_service(settings) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl http://imds.local/x", "curl http://169.254.169.254/x"),
        ("curl imds.local/latest/meta-data", "curl 169.254.169.254/latest/meta-data"),
        ("HOST = 'imds.local'", "HOST = '169.254.169.254'"),
        ("curl http://my-imds.local/x", None),
        ("curl http://imds.local.example/x", None),
        ("a file called imds.local", None),
        ("curl http://metadata:80/x", "curl http://169.254.169.254:80/x"),
        ("the metadata of a file", None),
    ],
)
def test_names_of_hosts_stand_for_the_service_where_they_are_asked(text: str, expected: str | None) -> None:
    names = named_hosts(b"127.0.0.1 localhost\n169.254.169.254\tmetadata  imds.local # -x ../y\n")
    assert names == ("metadata", "imds.local")
    assert with_hosts(text, names) == (expected or text)
