from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.node import RECOGNISER, libraries_in
from imds_probe.inventory.sdks.recogniser import Located

V2, V3, SMITHY = "aws-sdk", "@aws-sdk/credential-provider-imds", "@smithy/credential-provider-imds"
NAMES = [V2, V3, SMITHY]


def look(root: Path, path: str = "/srv/node_modules") -> list[Located]:
    return libraries_in(root, path, NAMES)


def write(root: Path, path: str, content: object) -> None:
    target = root / "srv/node_modules" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content if isinstance(content, str) else json.dumps(content))


def test_packages_with_and_without_a_scope(tmp_path: Path) -> None:
    write(tmp_path, f"{V2}/package.json", {"name": V2, "version": "2.1234.0"})
    write(tmp_path, f"{SMITHY}/package.json", {"name": SMITHY, "version": "2.3.0"})
    write(tmp_path, "@smithy/other/package.json", {"name": "@smithy/other", "version": "1.0.0"})
    write(tmp_path, "left-pad/package.json", {"name": "left-pad", "version": "1.0.0"})
    assert look(tmp_path) == [
        Located(Library("npm", SMITHY, "2.3.0", "package.json"), f"/srv/node_modules/{SMITHY}"),
        Located(Library("npm", V2, "2.1234.0", "package.json"), f"/srv/node_modules/{V2}"),
    ]


def test_the_store_of_pnpm(tmp_path: Path) -> None:
    folder = ".pnpm/@aws-sdk+credential-provider-imds@3.10.0_peer@1.0.0/node_modules"
    write(tmp_path, f"{folder}/{V3}/package.json", {"name": V3, "version": "3.10.0"})
    write(tmp_path, ".pnpm/aws-sdk@2.5.0/node_modules/aws-sdk/package.json", {"name": V2, "version": "2.5.0"})
    (tmp_path / "srv/node_modules/aws-sdk").symlink_to(".pnpm/aws-sdk@2.5.0/node_modules/aws-sdk")
    assert sorted((each.found.package, each.found.version) for each in look(tmp_path)) == [
        (V3, "3.10.0"),
        (V2, "2.5.0"),
        (V2, "2.5.0"),
    ]


@pytest.mark.parametrize(
    "place",
    [
        *(f"{store}/aws-sdk@2.5.0/node_modules/aws-sdk" for store in (".bun", ".deno", ".store")),
        ".store/aws-sdk-npm-2.5.0-208b47355f/package",
    ],
)
def test_stores_of_others(tmp_path: Path, place: str) -> None:
    write(tmp_path, f"{place}/package.json", {"name": V2, "version": "2.5.0"})
    assert look(tmp_path) == [Located(Library("npm", V2, "2.5.0", "package.json"), f"/srv/node_modules/{place}")]


def test_what_deno_has_fetched(tmp_path: Path) -> None:
    cache = "/deno-dir/npm/registry.npmjs.org"
    for version in ("2.5.0", "2.1692.0"):
        at = tmp_path / f"{cache}/aws-sdk/{version}/package.json".lstrip("/")
        at.parent.mkdir(parents=True)
        at.write_text(json.dumps({"name": V2, "version": version}))
    (tmp_path / f"{cache}/aws-sdk/registry.json".lstrip("/")).write_text("{}")
    assert sorted(each.found.version or "" for each in look(tmp_path, cache)) == ["2.1692.0", "2.5.0"]


def test_an_alias_is_another_package(tmp_path: Path) -> None:
    write(tmp_path, f"{V2}/package.json", {"name": "my-fork", "version": "1.0.0"})
    assert look(tmp_path) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[" * 100_000, "[]", {"version": 5}, {"version": "1\x1b[31m"}, {"version": "x" * 500}, {}]
)
def test_what_makes_no_sense_is_a_version_that_is_not_known(tmp_path: Path, content: object) -> None:
    write(tmp_path, f"{V2}/package.json", content)
    assert [each.found.version for each in look(tmp_path)] in ([], [None])


def test_nothing_leads_out_or_blocks(tmp_path: Path) -> None:
    package = tmp_path / "srv/node_modules/aws-sdk"
    package.mkdir(parents=True)
    os.mkfifo(package / "package.json")
    (tmp_path / "srv/node_modules/@smithy").symlink_to("/")
    assert [each.found for each in look(tmp_path)] == [Library("npm", V2, None, "package.json")]
    assert look(tmp_path, "/none") == []


def test_modules_of_the_script_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "opt/tool").mkdir(parents=True)
    (tmp_path / "opt/tool/cli.js").write_text("")
    (tmp_path / "tool").symlink_to("/opt/tool/cli.js")
    started = start("node", "/tool", root=tmp_path, executable="/usr/bin/node", NODE_PATH="/more")
    places = list(RECOGNISER.runtime.places(started))
    assert {"/opt/tool/node_modules", "/opt/node_modules", "/node_modules", "/srv/node_modules", "/more"} <= set(places)
