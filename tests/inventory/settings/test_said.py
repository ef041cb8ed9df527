from __future__ import annotations

import pytest

from imds_probe.inventory.settings.said import BY_CLOUD, BY_CLOUD_AND_REGION, BY_VARIABLE, EMPTY, SET, said
from imds_probe.kept.shapes import OMITTED


@pytest.mark.parametrize(
    ("value", "wanted", "kept"),
    [
        ("true", (), "true"),
        ("hush", (), OMITTED),
        ("aws_ec2_metadata", ("aws_ec2_metadata",), "aws_ec2_metadata"),
        ("", (), EMPTY),
        ("  ", ("true",), EMPTY),
        ("${SECRET}", (), BY_VARIABLE),
        ("hush", (SET,), SET),
        ("false", (SET,), "false"),
        ("provider=aws tag_key=x secret_access_key=hush", (BY_CLOUD,), BY_CLOUD),
        ("provider=aws+tag_key=x", (), BY_CLOUD),
        ("provider=aws region=${x}", (), BY_CLOUD_AND_REGION),
        ("provider=aws region=", (), BY_CLOUD),
        ("provider=k8s token=hush", (), OMITTED),
    ],
)
def test_what_is_kept(value: str, wanted: tuple[str, ...], kept: str) -> None:
    assert said(value, wanted) == kept
