"""Which parser a file gets, by what it is."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import elves
import pytest

from imds_probe.inventory.sdks.files import Look, libraries_of

NAMES = {
    "maven": ["com.amazonaws:aws-java-sdk-core"],
    "pypi": ["botocore"],
    "npm": ["aws-sdk"],
    "go": ["github.com/aws/aws-sdk-go"],
    "crate": ["aws-config"],
    "binary": ["libaws-cpp-sdk-core.so"],
}
POM = "META-INF/maven/com.amazonaws/aws-java-sdk-core/pom.properties"


def archive(**entries: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


BOTH = archive(**{POM: "version=1.11.1\n", "botocore-1.12.0.dist-info/METADATA": ""})
SCRIPT = b"loadCredentialsCallbacks VERSION:'2.1.0'"
RUST = elves.made({".rodata": b"aws-config-1.1.2/src/x.rs"})
GO = elves.made({".gopclntab": b"x", ".rodata": b"aws-sdk-go/1.44.0 "})


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.jar", BOTH, ["com.amazonaws:aws-java-sdk-core"]),
        ("a.pyz", BOTH, ["botocore"]),
        ("command", BOTH, ["botocore"]),
        ("a.js", SCRIPT, ["aws-sdk"]),
        ("a.txt", SCRIPT, []),
        ("program", RUST, ["aws-config"]),
        ("program", GO, ["github.com/aws/aws-sdk-go"]),
        ("a.js", RUST, ["aws-config"]),
        ("empty", b"", []),
    ],
)
def test_by_name_and_first_bytes(tmp_path: Path, name: str, content: bytes, found: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with (tmp_path / name).open("rb", buffering=0) as file:
        assert [each.package for each in libraries_of(file, f"/srv/{name}", NAMES, Look(thorough=True))] == found


@pytest.mark.parametrize(("name", "found"), [("program", []), ("libaws-cpp-sdk-core.so.1", ["aws-config"])])
def test_a_quick_look_searches_only_what_is_called_like_an_sdk(tmp_path: Path, name: str, found: list[str]) -> None:
    (tmp_path / name).write_bytes(RUST)
    with (tmp_path / name).open("rb", buffering=0) as file:
        assert [each.package for each in libraries_of(file, f"/srv/{name}", NAMES, Look(thorough=False))] == found
