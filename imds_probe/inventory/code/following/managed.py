"""Programs of languages that no usual PATH has: what version managers, conda and vendors install, by where each puts it.

A shell that has read its user's profile, or the manager's own script, finds them; so would who reads the shell's script. Which
version runs, the project's file says, else the manager's own, else it is taken to be the newest.
Source: the manuals of nvm, n, fnm, volta, nodenv, rbenv, RVM, chruby, ruby-install, pyenv, virtualenvwrapper, asdf, mise, plenv,
perlbrew, phpenv, phpbrew, SDKMAN and conda.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass

VERSIONS_MAX, ABOVE_MAX, NAMED_MAX = 20, 6, 200
Names = Callable[[str], Iterable[str]]
Content = Callable[[str], str]
_PARTS = re.compile(r"\d{1,9}")
_PREFIX = re.compile(r"(?:v|(?:ruby|node|nodejs|python|perl|php|jruby)-)(?=\d)")
_OF_LANGUAGES = re.compile(
    r"(?:python|pypy|ruby|node|perl|php|java|pip|jruby)[\d.]{0,8}|npm|npx|yarn|pnpm|corepack|bundle|bundler|rake|gem|rails|composer"
)


@dataclass(frozen=True)
class Manager:
    """`tops` are directories with one for each version, "~" for the home; `inside` is where its programs are in that. Files of a
    project name the version (`chosen`), and else those beside a top (`default`). `word` begins a line about it in .tool-versions.
    """

    tops: tuple[str, ...]
    chosen: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    inside: str = "bin"
    word: str = ""
    of_languages: bool = False


_RUBY, _NODE, _PYTHON = (".ruby-version",), (".nvmrc", ".node-version"), (".python-version",)


def _of_env(name: str, chosen: tuple[str, ...], word: str) -> Manager:
    """rbenv, and those that were made after it."""
    tops = (f"~/.{name}", f"/usr/local/{name}", f"/opt/{name}", f"/usr/local/share/{name}")
    return Manager(tuple(f"{top}/versions" for top in tops), chosen, ("../version",), word=word)


MANAGERS: Mapping[str, Manager] = {
    "nvm": Manager(
        tuple(
            f"{top}/versions/node"
            for top in ("~/.nvm", "~/.config/nvm", "/usr/local/nvm", "/opt/nvm", "/usr/local/share/nvm")
        ),
        _NODE,
        ("../../alias/default",),
        word="nodejs",
    ),
    "n": Manager(("/usr/local/n/versions/node", "~/n/n/versions/node", "~/.n/n/versions/node"), _NODE, word="nodejs"),
    "fnm": Manager(
        ("~/.local/share/fnm/node-versions", "~/.fnm/node-versions"), _NODE, inside="installation/bin", word="nodejs"
    ),
    "volta": Manager(("~/.volta/tools/image/node",), word="nodejs"),
    "nodenv": _of_env("nodenv", _NODE, "nodejs"),
    "rbenv": _of_env("rbenv", _RUBY, "ruby"),
    "rvm": Manager(
        ("~/.rvm/rubies", "/usr/local/rvm/rubies", "/usr/share/rvm/rubies"), _RUBY, ("../alias/default",), word="ruby"
    ),
    "rvm gems": Manager(("~/.rvm/gems", "/usr/local/rvm/gems", "/usr/share/rvm/gems")),
    "gem": Manager(("~/.gem/ruby", "~/.local/share/gem/ruby")),
    "chruby": Manager(("~/.rubies", "/opt/rubies"), _RUBY, word="ruby"),
    "pyenv": _of_env("pyenv", _PYTHON, "python"),
    "workon": Manager(("~/.virtualenvs",)),
    "plenv": _of_env("plenv", (".perl-version",), "perl"),
    "perlbrew": Manager(("~/perl5/perlbrew/perls", "/opt/perlbrew/perls"), word="perl"),
    "phpenv": _of_env("phpenv", (".php-version",), "php"),
    "phpbrew": Manager(("~/.phpbrew/php",), word="php"),
    **{
        f"{name} {word}": Manager(tuple(f"{top}/installs/{word}" for top in tops), chosen, word=word)
        for name, tops in (("asdf", ("~/.asdf", "/opt/asdf")), ("mise", ("~/.local/share/mise", "~/.local/share/rtx")))
        for word, chosen in (
            *(("nodejs", _NODE), ("node", _NODE), ("ruby", _RUBY), ("python", _PYTHON)),
            *(("perl", ()), ("php", ()), ("java", ())),
        )
    },
    "sdk": Manager(("~/.sdkman/candidates/java",), word="java"),
    "jvm": Manager(("/usr/lib/jvm",), of_languages=True),
    "bitnami": Manager(("/opt/bitnami",), of_languages=True),
    "opt": Manager(
        ("/opt", "/usr/local/lib/nodejs", "/opt/elasticbeanstalk/node-install", "/opt/alt"), of_languages=True
    ),
    "local": Manager(
        tuple(f"/usr/local/{name}" for name in ("node", "nodejs", "python", "ruby", "php", "perl", "java")),
        inside="",
        of_languages=True,
    ),
}
CONDA_TOPS = (
    *("/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3", "/opt/mambaforge", "/usr/local/miniconda3"),
    *("~/miniconda3", "~/anaconda3", "~/miniforge3", "~/mambaforge", "~/micromamba", "~/.conda"),
)
NAME = re.compile(r"[A-Za-z_][\w.+-]{0,100}")
_OF_RVM = re.compile(r"(/.{1,300})/rubies/([^/]{1,100})/bin/[^/]{1,100}")
_HOOKS = {"ruby_executable_hooks": "ruby"}  # which RVM writes into the first line of what gems bring
_SHIMS, _VOLTA = "/shims/", "volta-shim"


@dataclass(frozen=True)
class System:
    """What is asked of the files of a system: what a directory holds, and what a small file says."""

    names: Names
    content: Content


def places_of(manager: str, version: str, home: str, system: System, roots: Sequence[str] = ()) -> list[str]:
    """Where the programs of this version are; empty where it is not there. `roots` are the manager's, looked at first."""
    one = MANAGERS[manager]
    within = "/".join(one.tops[0].split("/")[2:])  # behind "~/.nvm" and the like
    return [
        _inside(top, found, one)
        for top in (*(posixpath.join(root, within).rstrip("/") for root in roots), *_tops(one, home))
        if (found := _chosen(_default(top, one, system) if version in ("", "default") else version, top, system))
    ]


def chosen_places(manager: str, home: str, directory: str, system: System) -> list[str]:
    """The same of the version that a project has there, or the manager has."""
    one, found = MANAGERS[manager], []
    for top in _tops(one, home):
        wanted = _of_project(one, directory, system) or _default(top, one, system)
        version = (_chosen(wanted, top, system) if wanted else "") or _newest(top, system)
        found += [_inside(top, version, one)] if version else []
    return found


def places(name: str, home: str, directory: str, system: System) -> Iterator[str]:
    """Where a program may be that no PATH has, the likeliest place first."""
    of_language = _OF_LANGUAGES.fullmatch(name) is not None
    for one in MANAGERS.values():
        if one.of_languages and not of_language:
            continue
        for top in _tops(one, home):
            versions = _versions(top, system)
            if not versions:
                continue
            if not one.inside:
                yield f"{top}/bin"
                continue
            wanted = _of_project(one, directory, system) or _default(top, one, system)
            first = _chosen(wanted, top, system) if wanted else ""
            yield from (_inside(top, each, one) for each in dict.fromkeys((first, *versions)) if each)
    yield from (f"{top}/bin" for top in conda_tops(home) if of_language)


def may_be_shim(path: str) -> bool:
    """Whether a program lies where only shims do."""
    return _SHIMS in path or "/.volta/bin/" in path


def behind_shim(path: str, real: str, directory: str, system: System) -> list[str]:
    """The programs that a shim may start, which only looks for the version of a project: the likeliest first."""
    name = posixpath.basename(path)
    if posixpath.basename(real) == _VOLTA:
        home = posixpath.dirname(posixpath.dirname(posixpath.dirname(path)))
        return [
            f"{place}/{name}"
            for place in places_of("volta", _newest(f"{home}/.volta/tools/image/node", system), home, system)
        ]
    top, is_shim, _ = path.rpartition(_SHIMS)
    marked = posixpath.basename(top).lstrip(".")
    if not is_shim:
        return []
    if marked in MANAGERS:
        own = [(f"{top}/versions", MANAGERS[marked])]
    else:  # asdf and mise, which have several languages
        own = [(f"{top}/installs/{one.word}", one) for key, one in MANAGERS.items() if key.startswith("asdf ")]
    found: dict[str, None] = {}
    for at, one in own:
        wanted = _of_project(one, directory, system) or _default(at, one, system)
        first = _chosen(wanted, at, system) if wanted else ""
        found.update({f"{_inside(at, each, one)}/{name}": None for each in (first, *_versions(at, system)) if each})
    return list(found)


def interpreter(name: str) -> str:
    """The interpreter that a first line comes to, where a manager has put a script of its own before it."""
    return _HOOKS.get(posixpath.basename(name), name)


def gems_of(executable: str, home: str) -> list[str]:
    """Patterns of directories with gems that RVM has for a Ruby, or a user has installed for himself."""
    of_rvm = _OF_RVM.fullmatch(executable)
    own = [f"{home}/.gem/ruby/*", f"{home}/.local/share/gem/ruby/*"] if home else []
    return [*([f"{of_rvm[1]}/gems/{of_rvm[2]}*"] if of_rvm else []), *own]


def conda_tops(home: str) -> list[str]:
    """Where conda and its like mostly are."""
    return [top.replace("~", home) for top in CONDA_TOPS if home or "~" not in top]


def _tops(one: Manager, home: str) -> list[str]:
    return [top.replace("~", home) for top in one.tops if home or "~" not in top]


def _inside(top: str, version: str, one: Manager) -> str:
    return f"{top}/{version}/{one.inside}"


def _versions(top: str, system: System) -> list[str]:
    """Those that are there, the newest first."""
    return sorted((each for each in system.names(top) if each[0] != "."), key=_age, reverse=True)[:VERSIONS_MAX]


def _newest(top: str, system: System) -> str:
    return next(iter(_versions(top, system)), "")


def _age(version: str) -> tuple[list[int], str]:
    return [int(part) for part in _PARTS.findall(version)], version


def _chosen(wanted: str, top: str, system: System) -> str:
    """The newest of those that are there and fit a version, which may say less; empty where none does."""
    wanted = _PREFIX.sub("", wanted.strip()[:NAMED_MAX])
    for version in _versions(top, system) if wanted else ():
        bare = _PREFIX.sub("", version)
        if wanted in (version, bare) or bare.startswith((f"{wanted}.", f"{wanted}-")):
            return version
    return ""


def _of_project(one: Manager, directory: str, system: System) -> str:
    """The version that a file of the project names, here or above."""
    at = directory or "/"
    for _ in range(ABOVE_MAX):
        names = set(system.names(at))
        for name in one.chosen:
            if name in names and (said := _first_word(system.content(f"{at.rstrip('/')}/{name}"))):
                return said
        if ".tool-versions" in names and one.word:
            for line in system.content(f"{at.rstrip('/')}/.tool-versions").splitlines()[:NAMED_MAX]:
                words = line.split()
                if len(words) > 1 and words[0] == one.word:
                    return words[1]
        if at == "/":
            break
        at = posixpath.dirname(at)
    return ""


def _default(top: str, one: Manager, system: System) -> str:
    for name in one.default:
        path = posixpath.normpath(posixpath.join(top, name))
        if posixpath.basename(path) in system.names(posixpath.dirname(path)):
            return _first_word(system.content(path)).removeprefix("default=")
    return ""


def _first_word(text: str) -> str:
    words: Sequence[str] = text[:NAMED_MAX].split()
    return words[0] if words else ""
