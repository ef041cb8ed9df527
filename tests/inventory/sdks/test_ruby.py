from __future__ import annotations

import os
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.ruby import RECOGNISER, libraries_in

NAMES = ["aws-sdk-core", "aws-sdk", "fog-aws"]


def look(root: Path, path: str) -> list[tuple[str, str | None]]:
    return [(each.found.package, each.found.version) for each in libraries_in(root, path, NAMES)]


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ("opt/gems", "/opt/gems"),
        ("srv/app/vendor/bundle/ruby/3.1.0", "/srv/app/vendor/bundle"),
        ("usr/lib/ruby/gems/3.1.0", "/usr/lib/ruby/gems"),
        ("var/lib/gems/3.1.0", "/var/lib/gems"),
        ("opt/gems", "/opt/gems/specifications"),
    ],
)
def test_every_layout(tmp_path: Path, place: str, start: str) -> None:
    write(
        tmp_path,
        f"{place}/specifications/aws-sdk-core-3.79.0.gemspec",
        f"{place}/specifications/aws-sdk-core-2.11.400-java.gemspec",
        f"{place}/specifications/aws-sdk-s3-1.0.0.gemspec",
        f"{place}/specifications/aws-sdk-core-x.gemspec",
    )
    assert look(tmp_path, start) == [("aws-sdk-core", "2.11.400"), ("aws-sdk-core", "3.79.0")]


def test_nothing_there_and_nothing_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "gems").symlink_to("/")
    os.mkfifo(tmp_path / "specifications")
    assert look(tmp_path, "/none") == []
    assert look(tmp_path, "/specifications") == []
    assert look(tmp_path, "/") == []


def test_gems_by_what_is_mapped_by_the_environment_and_by_the_script() -> None:
    started = start(
        "ruby",
        "/app/run.rb",
        executable="/usr/bin/ruby3.1",
        mapped=("/opt/gems/extensions/x86_64-linux/json.so",),
        GEM_HOME="/home/a/gems",
    )
    found = list(RECOGNISER.runtime.places(started))
    assert found[:2] == ["/opt/gems", "/home/a/gems"]
    assert {"/app/vendor/bundle", "/usr/lib/ruby/gems", "/var/lib/gems"} <= set(found)
