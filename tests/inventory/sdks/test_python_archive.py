from __future__ import annotations

import io
import zipfile

import pytest

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.python_archive import python_libraries

NAMES = ["botocore", "boto3", "aws-embedded-metrics"]
METADATA = b"Metadata-Version: 2.1\n"


def look(entries: dict[str, bytes], before: bytes = b"#!/usr/bin/env python3\n") -> list[Library]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return python_libraries(io.BytesIO(before + out.getvalue()), NAMES)


@pytest.mark.parametrize("directory", ["", "site-packages/", ".deps/botocore-1.12.0-py3-none-any.whl/"])
def test_by_its_record(directory: str) -> None:
    entries = {f"{directory}botocore-1.12.0.dist-info/METADATA": METADATA, f"{directory}botocore/__init__.py": b""}
    assert look(entries) == [Library("pypi", "botocore", "1.12.0", "dist-info")]


def test_names_are_compared_as_pip_does() -> None:
    assert look({"Aws_Embedded.Metrics-1.0.7.dist-info/METADATA": METADATA}) == [
        Library("pypi", "aws-embedded-metrics", "1.0.7", "dist-info")
    ]


def test_without_a_record_by_what_it_assigns() -> None:
    assert look({"botocore/__init__.py": b"__version__ = '1.13.0'\n"}) == [
        Library("pypi", "botocore", "1.13.0", "__version__")
    ]
    assert look({"lib/boto3/__init__.py": b"x = 1\n"}) == [Library("pypi", "boto3", None, "package directory")]


def test_a_copy_inside_of_another_package_is_that_packages() -> None:
    assert look({"awscli/botocore/__init__.py": b"__version__ = '2.0.0'\n"}) == []


@pytest.mark.parametrize("version", ["1\x1b[2J", "x" * 200])
def test_versions_that_none_can_be(version: str) -> None:
    assert [library.version for library in look({f"botocore-{version}.dist-info/METADATA": METADATA})] in ([None], [])


@pytest.mark.parametrize("content", [b"", b"#!/usr/bin/python3\nprint(1)\n", b"PK\5\6" + bytes(18)])
def test_what_is_no_archive_has_none(content: bytes) -> None:
    assert python_libraries(io.BytesIO(content), NAMES) == []
