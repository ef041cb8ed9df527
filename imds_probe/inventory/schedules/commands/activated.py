"""Commands by which a shell enters the environment of a language: what follows finds its programs there first.

Source: the manuals of conda, virtualenvwrapper, pyenv-virtualenv, rbenv, RVM, chruby, nvm, fnm and asdf.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from imds_probe.inventory.code.following import managed
from imds_probe.inventory.schedules.commands import environment_modules
from imds_probe.inventory.schedules.commands.project_environments import conda_places, system_of
from imds_probe.inventory.schedules.system_files import SystemFiles

Words = Sequence[str | None]
_CONDA = frozenset(("conda", "mamba", "micromamba"))
_VERBS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("conda", "mamba", "micromamba"), frozenset(("activate",))),
    **dict.fromkeys(("nvm", "rvm", "fnm"), frozenset(("use",))),
    "pyenv": frozenset(("activate", "shell", "init")),
    **dict.fromkeys(("rbenv", "nodenv", "plenv", "phpenv"), frozenset(("shell", "init"))),
    "perlbrew": frozenset(("use", "switch")),
    "asdf": frozenset(("shell",)),
}
_PLAIN = frozenset(("chruby", "workon"))  # without a verb
# Files that a shell reads to have such a manager: with them, the version that is the default is found first.
_READ = {"nvm.sh": "nvm", "rvm": "rvm", "asdf.sh": "asdf"}
# What stands in them as the managers bring them.
_SIGNS = {"nvm.sh": "nvm_tree_contains_path", "rvm": "rvm_scripts_path", "asdf.sh": "ASDF_DIR"}
# Variables that say where a manager is, of those that do not call it by their own name.
_ROOTS = {"nvm": "NVM_DIR", "rvm": "rvm_path", "workon": "WORKON_HOME", "asdf": "ASDF_DATA_DIR"}


def is_whole(words: Words) -> bool:
    """Whether a command does no more than that. Of a file that a shell reads besides, the rest counts, too."""
    return words[0] not in (".", "source") or posixpath.basename((words[1:2] or [""])[0] or "") == "activate"


def is_own(path: str, text: str) -> bool:
    """Whether a file that a shell reads is a manager's own: what it starts is the manager, whatever it is called for."""
    sign = _SIGNS.get(posixpath.basename(path), "")
    return sign != "" and sign in text


def activated(words: Words, environment: Mapping[str, str], directory: str, files: SystemFiles) -> list[str] | None:
    """Where programs are looked for first from this command on; None of any other command, and where the manager itself would go on
    without. Empty where an environment is named that is not found.
    """
    name, *arguments = (word or "" for word in words)
    if name in (".", "source"):
        return _by_file(arguments, environment, directory, files)
    if name in _PLAIN:
        given = next((word for word in arguments if not word.startswith("-")), "")
        return _of_version(name, given, environment, files) if given else None
    if name in ("module", "ml"):
        return environment_modules.places((name, *arguments), environment, files)
    if name not in _VERBS:
        return None
    plain = [word for word in arguments if not word.startswith("-")]
    if not plain or plain[0] not in _VERBS[name]:
        return None
    if name in _CONDA:
        return conda_places(next(iter(plain[1:]), "base"), environment, files)
    if plain[0] == "init":
        return _shims(name, environment, files) or None
    if name == "asdf":
        return _of_version(f"asdf {plain[1]}", plain[2], environment, files) if len(plain) > 2 else None
    return _of_version(name, next(iter(plain[1:]), "default"), environment, files)


def _by_file(
    arguments: Sequence[str], environment: Mapping[str, str], directory: str, files: SystemFiles
) -> list[str] | None:
    """source /opt/conda/bin/activate NAME, . ~/.nvm/nvm.sh"""
    path = arguments[0] if arguments else ""
    name = posixpath.basename(path)
    if name == "activate":
        top = posixpath.dirname(posixpath.dirname(posixpath.normpath(posixpath.join(directory, path))))
        # One of a virtual environment stands for itself, and is read.
        of_conda = "/" not in path or "conda-meta" in files.names(top) or "conda" in files.names(f"{top}/bin")
        of_conda = of_conda or "conda.sh" in files.names(f"{top}/etc/profile.d")
        given = next((word for word in arguments[1:] if not word.startswith("-")), "base")
        return conda_places(given, environment, files, [top] if "/" in path else []) if of_conda else None
    if name not in _READ:
        return None
    if name == "asdf.sh":
        return _shims("asdf", environment, files) or None
    manager, root = _READ[name], posixpath.dirname(posixpath.normpath(posixpath.join(directory, path)))
    root = posixpath.dirname(root) if manager == "rvm" else root
    return _of_version(manager, "default", {**environment, _ROOTS[manager]: root}, files)


def _of_version(manager: str, version: str, environment: Mapping[str, str], files: SystemFiles) -> list[str] | None:
    """Of an environment for Python the name tells more than a version: none other has its libraries."""
    if manager not in managed.MANAGERS:
        return None
    found = managed.places_of(
        manager, version, environment.get("HOME", ""), system_of(files), _roots(manager, environment)
    )
    return found if found or manager in ("pyenv", "workon") else None


def _roots(manager: str, environment: Mapping[str, str]) -> list[str]:
    told = environment.get(_ROOTS.get(manager) or f"{manager.upper()}_ROOT", "")
    return [told] if told.startswith("/") else []


def _shims(name: str, environment: Mapping[str, str], files: SystemFiles) -> list[str]:
    usual = (f"{environment.get('HOME', '')}/.{name}", f"/usr/local/{name}", f"/opt/{name}", f"/usr/local/share/{name}")
    tops = [f"{top}/shims" for top in (*_roots(name, environment), *usual)]
    return [top for top in tops if files.names(top)]
