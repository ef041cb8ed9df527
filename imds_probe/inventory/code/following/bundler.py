"""Where Bundler has put the gems of a project: by variables, and by its own settings, which Capistrano and `bundle config` write.
And where RubyGems has those of a user.

Source: Bundler's manual, bundle-config; RubyGems' Gem.user_dir: ~/.gem/ruby/X, and ~/.local/share/gem/ruby/X since 3.3.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import joined
from imds_probe.inventory.sdks.start import Start

VARIABLES = ("BUNDLE_PATH", "BUNDLE_GEMFILE", "BUNDLE_APP_CONFIG", "BUNDLE_USER_CONFIG", "HOME")
UP_MAX, SETTINGS_MAX_BYTES = 8, 64 * 1024
REPOSITORIES_MAX = 50  # that gems of one home were fetched from
_FILES = ("Gemfile", "gems.rb", ".bundle")
_OF_IMAGE = "/usr/local/bundle/config"  # as Docker's images of Ruby have it
_PATH = re.compile(rb"^BUNDLE_PATH:[ \t]{0,20}([\"']?)([^\"'\r\n]{1,1000})\1[ \t]{0,20}\r?$", re.MULTILINE)


def bundles(start: Start, own: str, ground: Ground) -> list[str]:
    """Directories of gems that a program is told, which have them below "ruby" or in themselves; `own` is that of its script."""
    projects = list(dict.fromkeys(_projects(start, own, ground)))
    found = [*start.listed("BUNDLE_PATH"), *(f"{project}/vendor/bundle" for project in projects)]
    home = start.environment.get("HOME", "").rstrip("/")
    for settings, at in _settings(start, projects, home):
        for match in _PATH.finditer(ground.small(settings, SETTINGS_MAX_BYTES)):
            path = match[2].decode("utf-8", "replace").strip()
            path = f"{home}{path[1:]}" if home and path.startswith("~/") else path
            found += [joined(each, path) for each in at]
    return list(dict.fromkeys(found))


def homes_of(bundle: str, ground: Ground) -> Iterator[str]:
    """The homes of gems in such a directory: one for each version of Ruby, or itself."""
    yield from ground.matching(f"{bundle}/ruby/*")
    if ground.listed(f"{bundle}/gems"):
        yield bundle


def users_gems(start: Start) -> Iterator[str]:
    """Directories with a home of gems for each version of Ruby. systemd names no home only for what runs as root."""
    home = start.environment.get("HOME") or "/root"
    if home.startswith("/"):
        yield from (posixpath.normpath(f"{home}/{each}") for each in (".gem/ruby", ".local/share/gem/ruby"))


def from_repositories(home: str, ground: Ground) -> Iterator[str]:
    """Gems in a home that Bundler has fetched from repositories, each of which may have several."""
    for name in sorted(ground.listed(f"{home}/bundler/gems"))[:REPOSITORIES_MAX]:
        repository = f"{home}/bundler/gems/{name}"
        for pattern in (f"{repository}/lib", f"{repository}/*/lib", f"{repository}/gems/*/lib"):
            yield from (posixpath.dirname(path) for path in ground.matching(pattern) if ground.listed(path))


def _projects(start: Start, own: str, ground: Ground) -> Iterator[str]:
    """Where a Gemfile may be: it is looked for upwards."""
    for gemfile in start.listed("BUNDLE_GEMFILE"):
        yield posixpath.dirname(gemfile)
    yield from (own, posixpath.dirname(own), start.directory)
    for at in (start.directory, own):
        for _ in range(UP_MAX):
            if not ground.listed(at).isdisjoint(_FILES):
                yield at
                break
            at = posixpath.dirname(at)  # noqa: PLW2901 - it goes up


def _settings(start: Start, projects: list[str], home: str) -> Iterator[tuple[str, list[str]]]:
    """Files of settings, and from where on their paths are meant."""
    told = start.listed("BUNDLE_APP_CONFIG")
    yield from ((f"{each}/config", projects) for each in told)
    yield from ((f"{project}/.bundle/config", [project]) for project in projects)
    users = start.listed("BUNDLE_USER_CONFIG") or ([f"{home}/.bundle/config"] if home else [])
    yield from ((each, projects) for each in (*users, _OF_IMAGE))
