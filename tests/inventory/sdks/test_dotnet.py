from __future__ import annotations

import json
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.dotnet import LIBRARY_MAX_BYTES, RECOGNISER, libraries_in
from imds_probe.inventory.sdks.libraries import Library

NAMES = ["AWSSDK.Core", "NewRelic.Agent"]


def look(root: Path, path: str = "/app") -> list[Library]:
    return [each.found for each in libraries_in(root, path, NAMES)]


def write(root: Path, name: str, content: bytes) -> None:
    (root / "app").mkdir(exist_ok=True)
    (root / "app" / name).write_bytes(content)


def resource(version: str) -> bytes:
    """A library's end, as the version resource keeps it: key, padding, text."""
    text = f"FileVersion\0\0{version}\0".encode("utf-16-le")
    return b"MZ" + bytes(1000) + "ProductName\0x\0".encode("utf-16-le") + text + bytes(50)


def test_the_dependency_list(tmp_path: Path) -> None:
    libraries = {"AWSSDK.Core/3.7.103.5": {"type": "package"}, "Newtonsoft.Json/13.0.1": {}, "App/1.0.0": {}}
    write(tmp_path, "App.deps.json", json.dumps({"libraries": libraries}).encode())
    write(tmp_path, "AWSSDK.Core.dll", resource("3.7.0.0"))
    assert look(tmp_path) == [Library("nuget", "AWSSDK.Core", "3.7.103.5", "deps.json")]
    assert look(tmp_path, "/app/App.deps.json") == look(tmp_path)


def test_a_library_alone(tmp_path: Path) -> None:
    write(tmp_path, "AWSSDK.Core.dll", resource("3.3.103.66"))
    assert look(tmp_path) == [Library("nuget", "AWSSDK.Core", "3.3.103.66", "version resource")]
    assert look(tmp_path, "/app/AWSSDK.Core.dll") == look(tmp_path)


@pytest.mark.parametrize("content", [b"", b"MZ", resource("x"), bytes(LIBRARY_MAX_BYTES + 1)])
def test_a_library_that_does_not_say(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "AWSSDK.Core.dll", content)
    assert look(tmp_path) == [Library("nuget", "AWSSDK.Core", None, "version resource")]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"libraries": []}', b'{"libraries": {"AWSSDK.Core": 1}}'])
def test_lists_that_make_no_sense(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "App.deps.json", content)
    assert look(tmp_path) in ([], [Library("nuget", "AWSSDK.Core", None, "deps.json")])


def test_an_application_has_its_libraries_beside_it() -> None:
    assert "/app" in RECOGNISER.runtime.places(start("dotnet", "/app/App.dll", executable="/usr/bin/dotnet"))
