"""Where Bundler has put the gems of a project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.bundler import bundles, from_repositories, homes_of, users_gems
from imds_probe.inventory.sdks.start import Start

APP = "/var/www/a/current"
SHARED = '---\nBUNDLE_PATH: "/var/www/a/shared/bundle"\nBUNDLE_WITHOUT: "development:test"\n'


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/ruby3.1": "", f"{APP}/Gemfile": "", f"{APP}/bin/rails": ""})


def found(root: Root, environment: Mapping[str, str], directory: str = APP, own: str = "/usr/bin") -> list[str]:
    start = Start("/usr/bin/ruby3.1", directory, ("ruby", "x"), environment, frozenset(), root.path)
    return bundles(start, own, root.ground())


@pytest.mark.parametrize(
    ("file", "text", "environment", "path"),
    [
        (f"{APP}/.bundle/config", SHARED, {}, "/var/www/a/shared/bundle"),
        (f"{APP}/.bundle/config", "BUNDLE_PATH: ../shared/gems\n", {}, "/var/www/a/shared/gems"),
        (f"{APP}/.bundle/config", "BUNDLE_PATH: '~/gems'\n", {"HOME": "/home/a"}, "/home/a/gems"),
        ("/home/a/.bundle/config", "BUNDLE_PATH: vendor\r\n", {"HOME": "/home/a/"}, f"{APP}/vendor"),
        ("/etc/b", "BUNDLE_PATH: /opt/g\n", {"BUNDLE_USER_CONFIG": "/etc/b"}, "/opt/g"),
        ("/etc/a/config", SHARED, {"BUNDLE_APP_CONFIG": "/etc/a"}, "/var/www/a/shared/bundle"),
        ("/usr/local/bundle/config", 'BUNDLE_PATH: "/opt/g"\n', {}, "/opt/g"),
        ("/x", "", {"BUNDLE_PATH": "/opt/g"}, "/opt/g"),
        ("/srv/b/.bundle/config", SHARED, {"BUNDLE_GEMFILE": "/srv/b/Gemfile"}, "/var/www/a/shared/bundle"),
    ],
)
def test_what_settings_say(root: Root, file: str, text: str, environment: dict[str, str], path: str) -> None:
    assert (path in found(root, environment)) == ("BUNDLE_PATH" in environment)
    assert path in found(root.put({file: text}), environment)


@pytest.mark.parametrize(("directory", "own"), [(f"{APP}/app/models", "/usr/bin"), ("/", f"{APP}/bin")])
def test_a_project_is_looked_for_upwards(root: Root, directory: str, own: str) -> None:
    root.put({f"{APP}/.bundle/config": SHARED, f"{APP}/app/models/m.rb": ""})
    places = found(root, {}, directory, own)
    assert {f"{APP}/vendor/bundle", "/var/www/a/shared/bundle"} <= set(places)


def test_homes_for_each_version_of_ruby_or_the_place_itself(root: Root) -> None:
    root.put({"/g/ruby/2.5.0/gems/a-1/lib/a.rb": "", "/g/ruby/3.1.0/gems/a-1/lib/a.rb": "", "/h/gems/b-1/lib/b.rb": ""})
    assert list(homes_of("/g", root.ground())) == ["/g/ruby/2.5.0", "/g/ruby/3.1.0"]
    assert list(homes_of("/h", root.ground())) == ["/h"]


def test_a_script_finds_its_gems_there(root: Root) -> None:
    gem = "/var/www/a/shared/bundle/ruby/3.1.0/gems/client-1.0"
    root.put({f"{APP}/.bundle/config": SHARED, f"{gem}/lib/client.rb": "", f"{APP}/run.rb": "require 'client'\n"})
    assert root.loaded("ruby3.1", "run.rb", directory=APP)[f"{gem}/lib/client.rb"] == gem


@pytest.mark.parametrize(
    ("environment", "home"), [({"HOME": "/home/a"}, "/home/a"), ({}, "/root"), ({"HOME": "/home/a/"}, "/home/a")]
)
def test_a_user_has_gems_at_home(root: Root, environment: Mapping[str, str], home: str) -> None:
    start = Start("/usr/bin/ruby3.1", "/", ("ruby", "x"), environment, frozenset(), root.path)
    assert list(users_gems(start)) == [f"{home}/.gem/ruby", f"{home}/.local/share/gem/ruby"]


def test_gems_from_repositories_of_one_and_of_many(root: Root) -> None:
    gems = "/srv/b/ruby/3.1.0/bundler/gems"
    root.put(
        dict.fromkeys((f"{gems}/one-a/lib/one.rb", f"{gems}/many-b/x/lib/x.rb", f"{gems}/aws-c/gems/y/lib/y.rb"), "")
    )
    found = list(from_repositories("/srv/b/ruby/3.1.0", root.ground()))
    assert found == [f"{gems}/aws-c/gems/y", f"{gems}/many-b/x", f"{gems}/one-a"]
    assert list(from_repositories("/srv/none", root.ground())) == []
