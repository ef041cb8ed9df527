"""Markers of the SDKs in one script; real bundles are in the zoo."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imds_probe.inventory.sdks import bundle
from imds_probe.inventory.sdks.bundle import V2, V3, bundled_libraries
from imds_probe.inventory.sdks.libraries import Library

NAMES = [V2, V3]
V2_OLD = b"a.loadCredentialsCallbacks=[];"
V2_NEW = V2_OLD + b"b.fetchMetadataToken=function(){};"
V3_SCRIPT = b'headers:{"x-aws-ec2-metadata-token-ttl-seconds":"21600"},AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'


def look(content: bytes) -> list[Library]:
    return bundled_libraries(io.BytesIO(content), NAMES)


def known(version: str | None, since: str | None = None, below: str | None = None) -> list[Library]:
    return [Library("npm", V2, version, "marker in a bundle", at_least=since, below=below)]


@pytest.mark.parametrize("text", [b'VERSION:"2.600.0"', b"VERSION: '2.600.0'"])
def test_version_2_by_its_own_number(text: bytes) -> None:
    assert look(V2_OLD + text) == known("2.600.0")
    assert look(text) == []  # anybody's


def test_version_2_by_what_it_can_do() -> None:
    assert look(V2_OLD) == known(None, below="2.575.0")
    assert look(V2_NEW) == known(None, "2.575.0")


def test_two_of_them_in_one_script() -> None:
    found = look(V2_NEW + b'VERSION:"2.600.0"' + b'VERSION:"2.1000.1"')
    assert {library.version for library in found} == {"2.600.0", "2.1000.1"}


def test_marks_where_two_pieces_meet() -> None:
    for at in range(bundle.PIECE_BYTES - 40, bundle.PIECE_BYTES + 1, 5):
        assert look(b" " * at + V2_OLD + b'VERSION:"2.600.0"') == known("2.600.0")


def test_version_3() -> None:
    assert look(V3_SCRIPT) == [Library("npm", V3, None, "marker in a bundle", at_least="1.0.0")]
    assert [library.package for library in look(V2_NEW + V3_SCRIPT + b"@smithy/credential-provider-imds")] == [V2, V3]
    assert [library.package for library in look(V2_NEW + V3_SCRIPT)] == [
        V2
    ]  # late releases of 2 know the variable, too


@pytest.mark.parametrize("content", [b"", b"console.log('169.254.169.254')", b"\xff" * 1000])
def test_other_scripts_have_none(content: bytes) -> None:
    assert look(content) == []


def test_what_is_longer_than_a_script_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BUNDLE_MAX_BYTES", 100)
    assert look(V2_OLD + bytes(100)) == []
    assert look(V2_OLD) != []
