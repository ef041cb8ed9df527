"""Which requests are those of an SDK that keeps to IMDSv1 once it received no token."""

from __future__ import annotations

import pytest

from imds_probe.kept.asking_once import asks_once
from imds_probe.kept.user_agent import kept_user_agent

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
        ("", "/usr/bin/node-20", CREDENTIALS, True),
        ("", "/usr/bin/node18", CREDENTIALS, True),
        ("", "/usr/bin/node-exporter", CREDENTIALS, False),
        ("", "/opt/20", CREDENTIALS, False),
        ("", "/usr/bin/dotnet", CREDENTIALS, False),
        ("curl/8.5.0", "/usr/bin/curl", CREDENTIALS, False),
        ("Python-urllib/3.11", "/usr/bin/python3", CREDENTIALS, False),
        ("Go-http-client/1.1", "/app", CREDENTIALS, False),
        ("my-aws-sdk-go/1.0", "/app", CREDENTIALS, False),
    ],
)
def test_sdks_are_known_by_their_names(agent: str, program: str, path_class: str, once: bool) -> None:
    assert asks_once(agent, program, path_class) is once


@pytest.mark.parametrize(
    "agent",
    [
        "aws-sdk-crt/aws-imds-client",
        "aws-sdk-dotnet-45/3.3.107.1 .NET_Runtime/4.0 .NET_Framework/4.0 OS/Microsoft_Windows_NT",
        "aws-sdk-dotnet-coreclr/3.7.0 .NET_Core/6.0 OS/Linux",
        "aws-sdk-php/3.281.0 OS/Linux/5.10 lang/php/8.1.2",
        "aws-sdk-ruby3/3.170.0",
        "aws-sdk-cpp/1.11.0 Linux/5.10 x86_64 GCC/7.3.1",
        "APN/1.0 HashiCorp/1.0 Terraform/1.5.0 (+https://www.terraform.io) aws-sdk-go/1.44.0 (go1.19; linux; amd64)",
        "aws-cli/2.13.0 Python/3.11.4 Linux/5.10.186 exe/x86_64.amzn.2 prompt/off",
        "Boto3/1.28.57 md/Botocore#1.31.57 ua/2.0 os/linux#5.10 lang/python#3.11.6 Botocore/1.31.57",
    ],
)
def test_what_is_kept_of_an_sdks_name_says_so_still(agent: str) -> None:
    """The watch reads the whole name, and rules what the report has of it."""
    assert asks_once(agent, "/app", REGION)
    assert asks_once(kept_user_agent(agent), "/app", REGION)
