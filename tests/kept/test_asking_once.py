"""Which requests are those of an SDK that keeps to IMDSv1 once it received no token."""

from __future__ import annotations

import pytest

from imds_probe.kept.asking_once import asks_once

CREDENTIALS, REGION = "credentials", "meta-data"


@pytest.mark.parametrize(
    ("agent", "program", "path_class", "once"),
    [
        ("aws-sdk-go/1.44.1 (go1.20; linux; amd64)", "/app", REGION, True),
        ("aws-sdk-go-v2/1.30.0 os/linux lang/go#1.22 ft/ec2-imds", "/app", REGION, True),
        ("aws-sdk-java/2.20.0", "/usr/bin/java", CREDENTIALS, True),
        ("aws-sdk-dotnet-coreclr/3.7.0", "/usr/bin/dotnet", REGION, True),
        ("Boto3/1.43.11 Python/3.11.2 Linux/6.1 Botocore/1.43.11", "/usr/bin/python3", REGION, True),
        ("aws-sdk-nodejs/2.1692.0 linux/v18.20.4 callback", "/usr/bin/node", CREDENTIALS, True),
        ("aws-sdk-nodejs/2.1692.0 linux/v18.20.4 callback", "/usr/bin/node", REGION, False),
        ("", "/usr/local/bin/node", CREDENTIALS, True),
        ("", "/usr/local/bin/node", REGION, False),
        ("", "/usr/bin/dotnet", CREDENTIALS, False),
        ("curl/8.5.0", "/usr/bin/curl", CREDENTIALS, False),
        ("Python-urllib/3.11", "/usr/bin/python3", CREDENTIALS, False),
        ("Go-http-client/1.1", "/app", CREDENTIALS, False),
        ("my-aws-sdk-go/1.0", "/app", CREDENTIALS, False),
    ],
)
def test_sdks_are_known_by_their_names(agent: str, program: str, path_class: str, once: bool) -> None:
    assert asks_once(agent, program, path_class) is once
