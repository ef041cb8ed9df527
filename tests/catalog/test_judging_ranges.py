"""Versions that could only be narrowed down, judged by rows of the catalog that is shipped."""

from __future__ import annotations

import pytest

from imds_probe.catalog.catalog import Catalog

CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("component", "manager", "at_least", "below", "status"),
    [
        ("aws-sdk-go-v1", "go", "1.25.38", None, "ok"),
        ("aws-sdk-go-v1", "go", None, "1.25.38", "too-old"),
        ("aws-sdk-go-v1", "go", "1.10.0", "1.25.38", "too-old"),
        ("aws-sdk-go-v1", "go", "1.10.0", "1.30.0", "unknown"),
        ("aws-sdk-go-v1", "go", None, "1.30.0", "unknown"),
        ("aws-sdk-go-v1", "go", None, None, "unknown"),
        ("aws-sdk-java-v1", "maven", "1.11.678", None, "ok"),
        ("aws-sdk-js-v2", "npm", "2.575.0", None, "ok"),
        ("aws-sdk-js-v2", "npm", None, "2.575.0", "too-old"),
        ("boto2", "pypi", None, None, "too-old"),
        ("hadoop-s3a", "maven", "3.0", None, "unknown"),
        ("amazon-ssm-agent", "rpm", "2.3.714", None, "unknown"),
    ],
)
def test_only_what_holds_for_all_of_them_is_said(
    component: str, manager: str, at_least: str | None, below: str | None, status: str
) -> None:
    judged = CATALOG.judge(component, manager=manager, version=None, at_least=at_least, below=below)
    assert judged.status == status, judged


def test_a_doubt_says_what_is_known() -> None:
    judged = CATALOG.judge("botocore", manager="pypi", version=None, below="1.24.0")
    assert judged.minimum == "1.13.25"
    assert judged.why == (
        "botocore speaks IMDSv2 from 1.13.25 on, but this version is only known to be older than 1.24.0"
    )
    assert judged.source


def test_a_version_that_is_not_known_is_recognised_all_the_same() -> None:
    row = CATALOG.recognise("pypi", "botocore", None)
    assert row and row.id == "botocore"
    assert CATALOG.recognise("pypi", "requests", None) is None


def test_what_makes_its_calls_is_in_the_catalog_too() -> None:
    ids = {row.id for row in CATALOG.rows}
    riding = [row for row in CATALOG.rows if row.through]
    assert {"boto3", "go-discover", "hadoop-s3a"} <= {row.id for row in riding}
    for row in riding:
        assert set(row.through) <= ids
        assert row.id not in row.through


@pytest.mark.parametrize(
    ("at_least", "below", "status"),
    [
        (None, None, "unknown"),
        (None, "5.0.7", "ok"),  # it asks for nothing
        (None, "6.0", "unknown"),
        (None, "7.2.9", "unknown"),
        ("4.0", "7.2.9", "unknown"),
        ("4.0", "5.0.7", "ok"),
        ("7.2.9", None, "ok"),
    ],
)
def test_what_may_ask_for_nothing(at_least: str | None, below: str | None, status: str) -> None:
    judged = CATALOG.judge("minio-python", manager="pypi", version=None, at_least=at_least, below=below)
    assert judged.status == status, judged
