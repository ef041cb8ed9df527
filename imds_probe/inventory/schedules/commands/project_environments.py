"""Where the environment of a project has its programs: a virtual environment, node_modules, vendor, conda's."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from imds_probe.inventory.code.following import managed
from imds_probe.inventory.schedules.commands.project_asked import Asked
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, NAMED_MAX_BYTES, VERSION_BYTES = 60, 16 * 1024, 200
SETTINGS_BYTES = 16 * 1024
_BUNDLE_PATH = re.compile(r"^BUNDLE_PATH:[ \t]{0,20}[\"']?([^\"'\r\n]{1,1000})", re.MULTILINE)
Words = Sequence[str | None]
_ENVIRONMENTS = (".venv/bin", "venv/bin", "node_modules/.bin", "vendor/bin")
_OF_TOOLS = {"poetry": "~/.cache/pypoetry/virtualenvs", "pipenv": "~/.local/share/virtualenvs"}


def places_of(program: str, arguments: Words, directory: str, home: str, files: SystemFiles) -> tuple[str, ...]:
    """Where what a runner starts is looked for first: in the environment of the project, or in the one that is named."""
    if program in ("conda", "mamba", "micromamba"):
        asked = Asked(program, tuple(word or "" for word in arguments), directory, files)
        if prefix := asked.value("-p", "--prefix"):
            return (f"{asked.at(prefix)}/bin",)
        return tuple(conda_places(asked.value("-n", "--name") or "base", {"HOME": home}, files))
    if program in managed.MANAGERS:
        return tuple(managed.chosen_places(program, home, directory, system_of(files)))
    found = [f"{directory}/{each}" for each in _ENVIRONMENTS]
    if program == "bundle":
        found += _of_bundler(directory, home, files)
    if program in _OF_TOOLS:
        top = _OF_TOOLS[program].replace("~", home)
        found += [f"{top}/{name}/bin" for name in files.names(top)[:FILES_MAX]]
    return tuple(each for each in found if files.names(each))


def _of_bundler(directory: str, home: str, files: SystemFiles) -> list[str]:
    """What gems bring to start, where Bundler has put them, by its own settings, too."""
    bundles = [f"{directory}/vendor/bundle"]
    for settings in (f"{directory}/.bundle/config", f"{home}/.bundle/config", "/usr/local/bundle/config"):
        if path := _BUNDLE_PATH.search(files.head(settings, SETTINGS_BYTES).decode(errors="replace")):
            bundles.append(posixpath.normpath(posixpath.join(directory, path[1])))
    tops = [f"{bundle}/ruby" for bundle in dict.fromkeys(bundles)]
    return [f"{top}/{name}/bin" for top in tops for name in reversed(files.names(top)[:FILES_MAX])]


def system_of(files: SystemFiles) -> managed.System:
    """The same files, as who looks for programs of version managers asks for them."""

    def content(path: str) -> str:
        return files.head(path, VERSION_BYTES).decode(errors="replace")

    return managed.System(files.names, content)


def conda_places(name: str, environment: Mapping[str, str], files: SystemFiles, tops: Sequence[str] = ()) -> list[str]:
    """Where an environment of conda has its programs: below one of these, where conda itself is, or where it says."""
    if "/" in name:
        return [f"{name.rstrip('/')}/bin"] if files.names(f"{name.rstrip('/')}/bin") else []
    home = environment.get("HOME", "")
    told = [environment.get(variable, "") for variable in ("CONDA_EXE", "MAMBA_EXE")]
    roots = [environment.get(variable, "") for variable in ("MAMBA_ROOT_PREFIX", "_CONDA_ROOT", "CONDA_ROOT")]
    every = [*tops, *(posixpath.dirname(posixpath.dirname(each)) for each in told if each), *filter(None, roots)]
    every += managed.conda_tops(home)
    inside = [f"{top}/bin" if name in ("base", "root") else f"{top}/envs/{name}/bin" for top in dict.fromkeys(every)]
    found = [each for each in inside if files.names(each)]
    if not found and "environments.txt" in files.names(f"{home}/.conda"):
        listed = (files.text(f"{home}/.conda/environments.txt", NAMED_MAX_BYTES) or "").splitlines()[:FILES_MAX]
        named = [each.strip() for each in listed if posixpath.basename(each.strip()) == name]
        found = [f"{each}/bin" for each in named if each.startswith("/") and files.names(f"{each}/bin")]
    return found[:1]
