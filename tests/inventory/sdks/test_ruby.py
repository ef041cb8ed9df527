from __future__ import annotations

import os
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.ruby import DIRECTORIES_MAX, RECOGNISER, libraries_in
from imds_probe.system import rootfs

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
        ("usr/share/rubygems-integration/all", "/usr/share/rubygems-integration"),
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


def test_gems_that_were_unpacked_into_a_project(tmp_path: Path) -> None:
    write(tmp_path, "srv/app/vendor/gems/aws-sdk-core-2.0.1/lib/aws.rb", "srv/app/vendor/gems/fog-aws-1.0/README")
    assert look(tmp_path, "/srv/app/vendor/gems") == [("aws-sdk-core", "2.0.1")]
    write(tmp_path, "srv/app/vendor/specifications/aws-sdk-core-2.0.1.gemspec")
    assert look(tmp_path, "/srv/app/vendor/gems") == []  # the specification tells


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


def test_directories_that_lead_to_themselves_are_looked_into_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "gems/3.1.0/specifications/aws-sdk-core-3.79.0.gemspec")
    for number in range(2000):
        (tmp_path / f"gems/{number}").symlink_to(".")
        (tmp_path / f"gems/3.1.0/{number}").symlink_to("..")
    listed = []
    names = rootfs.names
    monkeypatch.setattr(rootfs, "names", lambda root, path: (listed.append(path), names(root, path))[1])
    look(tmp_path, "/gems")
    assert len(listed) < 10
    (tmp_path / "gems/3.1.0/0").unlink()
    for number in range(1, 2000):
        (tmp_path / f"gems/{number}").unlink()
    assert look(tmp_path, "/gems") == [("aws-sdk-core", "3.79.0")]


def test_directories_without_number_are_looked_into_no_further_than_gems_go(tmp_path: Path) -> None:
    for number in range(DIRECTORIES_MAX + 50):
        write(tmp_path, f"gems/{number:04}/specifications/aws-sdk-core-3.{number}.0.gemspec")
    assert len(look(tmp_path, "/gems")) == DIRECTORIES_MAX


def test_gems_where_the_settings_of_bundler_say(tmp_path: Path) -> None:
    write(tmp_path, "srv/app/Gemfile", "srv/app/bin/puma")
    (tmp_path / "srv/app/.bundle").mkdir()
    (tmp_path / "srv/app/.bundle/config").write_text('---\nBUNDLE_PATH: "/srv/shared"\n')
    assert RECOGNISER.runtime is not None and RECOGNISER.runtime.own_code is not None
    begun = start("puma 5.6", executable="/usr/bin/ruby3.1", cwd="/srv/app", root=tmp_path)
    assert "/srv/shared" in RECOGNISER.runtime.own_code(begun, NAMES).places


def test_gems_of_a_user(tmp_path: Path) -> None:
    assert RECOGNISER.runtime is not None
    begun = start("puma 5.6", executable="/usr/bin/ruby3.1", cwd="/srv/app", root=tmp_path, HOME="/home/a")
    assert "/home/a/.local/share/gem/ruby" in RECOGNISER.runtime.places(begun)
