"""Programs of languages where version managers put them."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.managed import System, behind_shim, chosen_places, places, places_of

HOME = "/home/u"
NVM, RBENV, PYENV = f"{HOME}/.nvm", f"{HOME}/.rbenv", f"{HOME}/.pyenv"


def of(tmp_path: Path, *paths: str, **contents: str) -> System:
    """A system with these files, all others empty."""
    ground = Root(tmp_path).put({**dict.fromkeys(paths, ""), **contents}).ground()
    return System(ground.listed, lambda path: ground.head(path).decode())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("node", f"{NVM}/versions/node/v12.1.0/bin/node"),
        ("pm2", f"{NVM}/versions/node/v12.1.0/bin/pm2"),
        ("node", "/usr/local/n/versions/node/12.1.0/bin/node"),
        ("node", f"{HOME}/.local/share/fnm/node-versions/v12.1.0/installation/bin/node"),
        ("node", f"{HOME}/.volta/tools/image/node/12.1.0/bin/node"),
        ("bundle", f"{RBENV}/versions/2.6.3/bin/bundle"),
        ("ruby", "/usr/local/rvm/rubies/ruby-2.6.3/bin/ruby"),
        ("ruby", "/opt/rubies/ruby-2.6.3/bin/ruby"),
        ("python3.7", f"{PYENV}/versions/3.7.9/bin/python3.7"),
        ("python", f"{HOME}/miniconda3/bin/python"),
        ("python", f"{HOME}/.asdf/installs/python/3.7.9/bin/python"),
        ("node", f"{HOME}/.local/share/mise/installs/node/12.1.0/bin/node"),
        ("perl", f"{HOME}/perl5/perlbrew/perls/perl-5.30.0/bin/perl"),
        ("php", "/opt/bitnami/php/bin/php"),
        ("php", "/usr/local/php/bin/php"),
        ("java", "/usr/lib/jvm/java-8-openjdk/bin/java"),
        ("node", "/opt/node-v12.1.0-linux-x64/bin/node"),
    ],
)
def test_where_each_puts_its_programs(tmp_path: Path, name: str, path: str) -> None:
    found = start_of([name, "x"], Root(tmp_path).put({path: b"\x7fELF"}).ground(), environment={"HOME": HOME})
    assert found is not None and found.executable == path


@pytest.mark.parametrize("name", ["status", "x/node", "../node", "", "nodemon"])
def test_what_is_no_language_is_not_looked_for_in_everybodys_places(tmp_path: Path, name: str) -> None:
    files = {f"/opt/x/bin/{each}": b"\x7fELF" for each in ("status", "nodemon", "node")}
    assert start_of([name, "x"], Root(tmp_path).put(files).ground()) is None


def test_another_users_programs_are_not_found(tmp_path: Path) -> None:
    ground = Root(tmp_path).put({f"{NVM}/versions/node/v12.1.0/bin/node": ""}).ground()
    assert start_of(["node", "x"], ground, environment={"HOME": "/home/v"}) is None
    assert start_of(["node", "x"], ground) is None


def test_what_path_has_comes_first(tmp_path: Path) -> None:
    ground = Root(tmp_path).put({f"{NVM}/versions/node/v12.1.0/bin/node": "", "/usr/bin/node": ""}).ground()
    found = start_of(["node", "x"], ground, environment={"HOME": HOME})
    assert found is not None and found.executable == "/usr/bin/node"


@pytest.mark.parametrize(
    ("files", "first"),
    [
        ({}, "v20.2.0"),
        ({"/srv/.nvmrc": "v9.11.1\n"}, "v9.11.1"),
        ({"/srv/.nvmrc": "12\n"}, "v12.10.0"),
        ({"/srv/.nvmrc": "lts/*\n"}, "v20.2.0"),
        ({"/srv/.node-version": "12.1.0"}, "v12.1.0"),
        ({"/srv/.tool-versions": "ruby 2.6.3\nnodejs 9.11.1\n"}, "v9.11.1"),
        ({f"{NVM}/alias/default": "9\n"}, "v9.11.1"),
        ({f"{NVM}/alias/default": "9\n", "/srv/.nvmrc": "v12.1.0\n"}, "v12.1.0"),
    ],
)
def test_the_version_that_a_project_names_comes_first(tmp_path: Path, files: dict[str, str], first: str) -> None:
    versions = ("v9.11.1", "v12.1.0", "v12.10.0", "v20.2.0")
    system = of(tmp_path, *(f"{NVM}/versions/node/{each}/bin/node" for each in versions), **files)
    found = list(places("node", HOME, "/srv/app", system))
    assert found[0] == f"{NVM}/versions/node/{first}/bin"
    assert sorted(found) == sorted({f"{NVM}/versions/node/{each}/bin" for each in versions} | set(found[4:]))
    assert chosen_places("nvm", HOME, "/srv/app", system) == found[:1]


def test_a_version_by_its_name(tmp_path: Path) -> None:
    system = of(tmp_path, "/usr/local/rvm/rubies/ruby-2.6.3/bin/ruby", **{"/usr/local/rvm/alias/default": "x"})
    assert places_of("rvm", "2.6", HOME, system) == ["/usr/local/rvm/rubies/ruby-2.6.3/bin"]
    assert places_of("rvm", "ruby-2.6.3", HOME, system) == ["/usr/local/rvm/rubies/ruby-2.6.3/bin"]
    assert places_of("rvm", "2.7", HOME, system) == []
    assert places_of("rvm", "default", HOME, system) == []


@pytest.mark.parametrize(
    ("shim", "files", "expected"),
    [
        (f"{PYENV}/shims/python", {f"{PYENV}/version": "3.7.9\n"}, f"{PYENV}/versions/3.7.9/bin/python"),
        (f"{PYENV}/shims/python", {}, f"{PYENV}/versions/3.11.2/bin/python"),
        (f"{PYENV}/shims/python", {"/srv/.python-version": "3.7.9"}, f"{PYENV}/versions/3.7.9/bin/python"),
        (
            f"{HOME}/.asdf/shims/python",
            {"/srv/.tool-versions": "python 3.7.9"},
            f"{HOME}/.asdf/installs/python/3.7.9/bin/python",
        ),
        ("/opt/other/shims/none", {}, ""),
        ("/usr/bin/python", {}, ""),
    ],
)
def test_what_a_shim_stands_for(tmp_path: Path, shim: str, files: dict[str, str], expected: str) -> None:
    tops = (f"{PYENV}/versions", f"{HOME}/.asdf/installs/python")
    there = [f"{top}/{version}/bin/python" for top in tops for version in ("3.7.9", "3.11.2")]
    found = behind_shim(shim, shim, "/srv/app", of(tmp_path, shim, *there, **files))
    assert (found or [""])[0] == expected


def test_a_shim_is_started_as_what_it_stands_for(tmp_path: Path) -> None:
    shim, real = f"{PYENV}/shims/python", f"{PYENV}/versions/3.7.9/bin/python"
    ground = Root(tmp_path).put({shim: "#!/usr/bin/env bash\n", real: b"\x7fELF", "/usr/bin/bash": ""}).ground()
    for name, environment in ((shim, {}), ("python", {"PATH": f"{PYENV}/shims"})):
        found = start_of([name, "/x.py"], ground, environment=environment)
        assert found is not None and found.executable == real


def test_the_shim_of_volta(tmp_path: Path) -> None:
    real = f"{HOME}/.volta/tools/image/node/12.1.0/bin/node"
    ground = Root(tmp_path).put({f"{HOME}/.volta/bin/volta-shim": b"\x7fELF", real: b"\x7fELF"}).ground()
    (tmp_path / HOME[1:] / ".volta/bin/node").symlink_to("volta-shim")
    found = start_of([f"{HOME}/.volta/bin/node", "x.js"], ground)
    assert found is not None and found.executable == real


@pytest.mark.parametrize(
    "gems",
    ["/usr/local/rvm/gems/ruby-2.6.3", "/usr/local/rvm/gems/ruby-2.6.3@app", f"{HOME}/.gem/ruby/2.6.0"],
)
def test_gems_of_rvm_and_of_a_user(tmp_path: Path, gems: str) -> None:
    """RVM has a script of its own before Ruby in what gems bring."""
    gem = f"{gems}/gems/own-1.0/lib/own.rb"
    files = {
        "/usr/local/rvm/rubies/ruby-2.6.3/bin/ruby": b"\x7fELF",
        gem: "",
        f"{gems}/bin/job": "#!/usr/bin/env ruby_executable_hooks\nrequire 'own'\n",
    }
    root = Root(tmp_path).put(files).put({f"{gems}/bin/ruby_executable_hooks": "#!/usr/bin/env ruby\n"})
    found = root.follow("job", environment={"HOME": HOME})
    assert gem in [load.path for load in found.files]
    assert found.script == f"{gems}/bin/job"
