"""Where the environment of a project has its programs."""

from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules.commands.project_environments import places_of
from imds_probe.inventory.schedules.system_files import SystemFiles


def test_environments_of_projects(tmp_path: Path) -> None:
    names = (
        "/app/.venv/bin/x",
        "/root/.cache/pypoetry/virtualenvs/app-1/bin/x",
        "/opt/conda/envs/e/bin/x",
        "/opt/conda/bin/x",
    )
    there = SystemFiles(made(tmp_path, dict.fromkeys(names, "")))
    of_poetry = ("/app/.venv/bin", "/root/.cache/pypoetry/virtualenvs/app-1/bin")
    assert places_of("poetry", (), "/app", "/root", there) == of_poetry
    assert places_of("conda", ("run", "-n", "e"), "/app", "/root", there) == ("/opt/conda/envs/e/bin",)
    assert places_of("conda", ("run",), "/app", "/root", there) == ("/opt/conda/bin",)
    assert places_of("conda", ("run", "--prefix=/opt/c"), "/app", "/root", there) == ("/opt/c/bin",)


def test_where_bundler_and_managers_of_versions_have_programs(tmp_path: Path) -> None:
    names = (
        "/app/vendor/bundle/ruby/2.5.0/bin/x",
        "/srv/shared/bundle/ruby/2.7.0/bin/x",
        "/home/u/.rbenv/versions/2.6.3/bin/x",
        "/home/u/.rbenv/versions/2.7.1/bin/x",
    )
    told = {"/app/.bundle/config": '---\nBUNDLE_PATH: "/srv/shared/bundle"\n', "/app/.ruby-version": "2.6.3\n"}
    there = SystemFiles(made(tmp_path, {**dict.fromkeys(names, ""), **told}))
    found = ("/app/vendor/bundle/ruby/2.5.0/bin", "/srv/shared/bundle/ruby/2.7.0/bin")
    assert places_of("bundle", (), "/app", "/home/u", there) == found
    assert places_of("rbenv", (), "/app", "/home/u", there) == ("/home/u/.rbenv/versions/2.6.3/bin",)
    assert places_of("rbenv", (), "/srv", "/home/u", there) == ("/home/u/.rbenv/versions/2.7.1/bin",)
