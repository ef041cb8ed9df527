from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.ruby import asked_by

GEMS = "/var/lib/gems/3.1.0/gems"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/ruby3.1": "", "/usr/lib/ruby/3.1.0/net/http.rb": ""})


def test_files_and_gems_that_a_script_requires(root: Root) -> None:
    root.put(
        {
            "/opt/app/run.rb": "require 'net/http'\nrequire_relative 'lib/own'\nrequire 'client'\n# require 'never'\n",
            "/opt/app/lib/own.rb": "$LOAD_PATH.unshift File.expand_path('../more', __dir__)\nrequire 'extra'",
            "/opt/app/more/extra.rb": "",
            f"{GEMS}/client-1.0/lib/client.rb": "autoload :Deep, 'client/deep'",
            f"{GEMS}/client-1.0/lib/client/deep.rb": "",
            f"{GEMS}/never-2.0/lib/never.rb": "",
        }
    )
    gem = f"{GEMS}/client-1.0"
    loads = root.follow("/opt/app/run.rb", executable="/usr/bin/ruby3.1")
    assert loads.cut_short == "its script is not known"
    assert root.loaded("ruby3.1", "/opt/app/run.rb") == {
        "/opt/app/run.rb": None,
        "/opt/app/lib/own.rb": None,
        "/opt/app/more/extra.rb": None,
        f"{gem}/lib/client.rb": gem,
        f"{gem}/lib/client/deep.rb": gem,
    }
    assert root.follow("ruby3.1", "/opt/app/run.rb").environment == (GEMS,)


def test_gems_of_a_bundle_and_of_variables(root: Root) -> None:
    root.put(
        {
            "/srv/app/config.ru": "require 'bundled'; require 'home'",
            "/srv/app/vendor/bundle/ruby/3.1.0/gems/bundled-1/lib/bundled.rb": "",
            "/opt/gems/gems/home-2/lib/home.rb": "",
        }
    )
    found = root.loaded(
        "puma 5.6", executable="/usr/bin/ruby3.1", directory="/srv/app", environment={"GEM_HOME": "/opt/gems"}
    )
    assert set(found) == {
        "/srv/app/config.ru",
        "/srv/app/vendor/bundle/ruby/3.1.0/gems/bundled-1/lib/bundled.rb",
        "/opt/gems/gems/home-2/lib/home.rb",
    }


def test_gems_of_a_user_of_bundler_and_from_repositories(root: Root) -> None:
    found = {
        "/root/.gem/ruby/3.1.0/gems/user-1/lib/user.rb": "",
        "/srv/bundle/ruby/3.1.0/gems/placed-1/lib/placed.rb": "",
        "/srv/bundle/ruby/3.1.0/bundler/gems/one-abc/lib/one.rb": "",
        "/srv/bundle/ruby/3.1.0/bundler/gems/many-abc/part/lib/part.rb": "",
    }
    script = "".join(f"require '{name}'\n" for name in ("user", "placed", "one", "part"))
    root.put({**found, "/srv/app/run.rb": script, "/srv/app/.bundle/config": "BUNDLE_PATH: /srv/bundle\n"})
    assert set(root.loaded("ruby3.1", "/srv/app/run.rb")) == {"/srv/app/run.rb", *found}


@pytest.mark.parametrize(
    ("text", "names", "dynamic"),
    [
        ("require 'a/b'", ["a/b"], False),
        ('require("a") if x', ["a"], False),
        ("require File.expand_path('../x', __FILE__)", ["{here}/x"], False),
        ("require File.join(File.dirname(__FILE__), 'x')", ["{here}/x"], False),
        ("require name", [], True),
        ("=begin\nrequire 'a'\n=end\nrequire 'b'", ["b"], False),
    ],
)
def test_what_is_required(text: str, names: list[str], dynamic: bool) -> None:
    found = asked_by(text.encode())
    assert (list(found.names), found.dynamic) == (names, dynamic)


@pytest.mark.parametrize(
    ("line", "cwd"),
    [
        ("puma -C config/puma.rb -p 80", "/srv/app"),
        ("puma --dir /srv/app", "/"),
        ("unicorn -c config/puma.rb config.ru", "/srv/app"),
        ("rackup", "/srv/app"),
        ("thin --chdir /srv/app start", "/"),
        ("sidekiq -r ./lib/work.rb", "/srv/app"),
    ],
)
def test_what_a_server_is_told_or_its_directory_has(root: Root, line: str, cwd: str) -> None:
    root.put(
        {
            "/srv/app/config.ru": "require_relative 'lib/work'\n",
            "/srv/app/config/puma.rb": "",
            "/srv/app/lib/work.rb": "",
            "/srv/app/lib/never.rb": "",
            f"/usr/bin/{line.partition(' ')[0]}": "#!/usr/bin/ruby\n",
        }
    )
    loads = root.follow("ruby3.1", f"/usr/bin/{line.partition(' ')[0]}", *line.split()[1:], directory=cwd)
    found = {load.path for load in loads.files}
    assert {"/srv/app/config.ru", "/srv/app/lib/work.rb"} <= found
    assert ("/srv/app/lib/never.rb" in found, loads.cut_short) == (False, "")


def test_a_server_without_an_application_was_not_read(root: Root) -> None:
    root.put({"/usr/bin/puma": "#!/usr/bin/ruby\n", "/srv/own/tool": "#!/usr/bin/ruby\n"})
    assert root.follow("ruby3.1", "/usr/bin/puma", "-p", "80", directory="/srv").cut_short == "its script is not known"
    assert root.follow("ruby3.1", "/usr/bin/puma", "--version", directory="/srv").cut_short == ""
    assert root.follow("ruby3.1", "/srv/own/tool", "-p", "80", directory="/srv").cut_short == ""


@pytest.mark.parametrize(
    ("script", "text", "directory"),
    [
        ("/srv/a/bin/rails", 'APP_PATH = File.expand_path("../config/application", __dir__)\n', "/"),
        ("/srv/a/bin/rails", "load 'spring'\n", "/srv/a"),
        ("/usr/local/bin/rake", "load Gem.bin_path('rake', 'rake')\n", "/srv/a"),
        ("/srv/a/script/worker.rb", "require File.expand_path('../../config/environment', __FILE__)\n", "/"),
    ],
)
def test_a_command_of_rails_has_its_application(tmp_path: Path, script: str, text: str, directory: str) -> None:
    root = Root(tmp_path).put({"/usr/bin/ruby": "", script: text, "/srv/a/config/environment.rb": ""})
    root.put({"/srv/a/config/initializers/x.rb": "", "/srv/a/app/models/y.rb": ""})
    found = root.loaded("ruby", script, "runner", "X.go", directory=directory)
    assert {"/srv/a/config/initializers/x.rb", "/srv/a/app/models/y.rb"} <= set(found)


def test_a_script_beside_an_application_that_it_does_not_load(tmp_path: Path) -> None:
    root = Root(tmp_path).put({"/usr/bin/ruby": "", "/srv/a/bin/x": "puts 1\n", "/srv/a/config/environment.rb": ""})
    assert list(root.loaded("ruby", "/srv/a/bin/x")) == ["/srv/a/bin/x"]
