"""Archives with AWS SDKs in them, of Java and of Python."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

OLD, NEW = "1.11.457", "1.12.700"


def packed(files: Mapping[str, str | bytes], before: bytes = b"") -> bytes:
    """An archive of these files; a script that runs as one has its first line `before` it."""
    made = io.BytesIO()
    made.write(before)
    with zipfile.ZipFile(made, "a") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def sdk_jar(version: str = OLD, artefact: str = "aws-java-sdk-core") -> bytes:
    """The jar of a module of the AWS SDK for Java 1.x."""
    return packed({f"META-INF/maven/com.amazonaws/{artefact}/pom.properties": f"version={version}\n"})


def fat_jar(version: str = OLD) -> bytes:
    """One as Spring Boot makes it."""
    return packed({f"BOOT-INF/lib/aws-java-sdk-core-{version}.jar": sdk_jar(version)})


def zipapp(version: str) -> bytes:
    """An application of Python with botocore in it."""
    metadata = {f"botocore-{version}.dist-info/METADATA": "Name: botocore\n", "botocore/__init__.py": ""}
    return packed({"__main__.py": "import botocore\n", **metadata}, b"#!/usr/bin/python3.11\n")
