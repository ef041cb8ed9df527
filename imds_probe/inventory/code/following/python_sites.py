"""Where an interpreter of Python looks for modules: its own ones, and what is installed for it.

Source: documentation of site and venv.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import joined
from imds_probe.inventory.sdks.start import Start

SITES = ("site-packages", "dist-packages")
# What a distribution ships: what of it nothing imports is nobody's concern.
DISTRIBUTIONS = ("/usr/lib/python3/dist-packages", "/usr/lib/python2.7/dist-packages", "/usr/lib", "/usr/lib64")
_PROGRAM = re.compile(r"(?:python|pypy)(\d?(?:\.\d{1,2})?)")
_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_OF_VERSION = re.compile(r"/(?:lib)?(python\d\.\d{1,2})(?:/|[a-z]{0,3}\.so)")
_MAPPING = re.compile(rb"^MAPPING[^=\n]{0,50}= \{([^{}]{0,20000})\}", re.MULTILINE)
_MAPPED = re.compile(rb"'[\w.]{1,200}': '(/[^'\n]{1,400})'")


def prefixes_of(start: Start, ground: Ground, script: str, more: Sequence[str] = ()) -> list[str]:
    """Directories that have a lib with Python's libraries, the most specific first."""
    mapped = {match[1] for match in map(_SITE.match, start.mapped) if match}
    found = [site.rpartition("/lib")[0] for site in sorted(mapped)]
    named = (*more, *start.prefixes(ground.first))
    found += [each for each in named if ground.has(f"{each}/pyvenv.cfg") or ground.listed(f"{each}/lib")]
    if script:
        found.append(posixpath.dirname(posixpath.dirname(script)))
    environments = [prefix for prefix in found if (ground.has(f"{prefix}/pyvenv.cfg"))]
    own = posixpath.dirname(posixpath.dirname(start.executable))
    home = start.environment.get("HOME")
    base = [own, *([f"{home}/.local"] if home else []), "/usr/local", "/usr"]
    alone = environments and not any(_sees_base(ground.small(f"{each}/pyvenv.cfg")) for each in environments)
    return list(dict.fromkeys([*found, *(() if alone else base)]))


def _sees_base(settings: bytes) -> bool:
    return (
        re.search(
            rb"^[ \t]{0,50}include-system-site-packages[ \t]{0,50}=[ \t]{0,50}true", settings.lower(), re.MULTILINE
        )
        is not None
    )


def version_of(start: Start) -> str:
    """The name of the library's directory, with a wildcard where the program does not tell."""
    match = _PROGRAM.fullmatch(posixpath.basename(start.executable))
    if match and "." in match[1]:
        return f"python{match[1]}"
    for path in start.mapped:
        if found := _OF_VERSION.search(path):
            return found[1]
    return f"python{match[1]}*" if match and match[1] else "python*"


def sites_of(start: Start, ground: Ground, prefixes: list[str]) -> Iterator[str]:
    version = version_of(start)
    seen = set()
    for prefix in prefixes:
        patterns = [f"{prefix}/{lib}/{version}/{site}" for lib in ("lib", "lib64") for site in SITES]
        for pattern in [*patterns, *([] if version.startswith("python2") else [f"{prefix}/lib/python3/dist-packages"])]:
            for place in ground.matching(pattern):
                # lib64 is a link to lib, in many a virtual environment.
                if ground.listed(place) and (real := ground.real(place)) not in seen:
                    seen.add(real)
                    yield place


def standard_of(start: Start, ground: Ground, prefixes: list[str]) -> tuple[str, ...]:
    """Where the interpreter's own modules are."""
    found = [path.rpartition("/lib-dynload/")[0] for path in start.mapped if "/lib-dynload/" in path]
    own = posixpath.dirname(posixpath.dirname(start.executable))
    homes = [
        posixpath.dirname(match[1].decode("utf-8", "replace").strip())
        for prefix in prefixes
        if (match := re.search(rb"^home\s*=\s*([^\n]{1,400})", ground.small(f"{prefix}/pyvenv.cfg"), re.MULTILINE))
    ]
    for prefix in dict.fromkeys([own, *homes, "/usr/local", "/usr"]):
        found += [
            place
            for lib in ("lib", "lib64")
            for place in ground.matching(f"{prefix}/{lib}/{version_of(start)}")
            if ground.has(f"{place}/os.py") or ground.has(f"{place}/os.pyc")
        ]
    return tuple(place for each in dict.fromkeys(found) for place in (each, f"{each}/lib-dynload"))


def is_of_distribution(site: str) -> bool:
    return site in DISTRIBUTIONS or (site.startswith(("/usr/lib/", "/usr/lib64/")) and site.endswith(SITES))


def named_in(site: str, ground: Ground) -> Iterator[str]:
    """Directories that files of a site directory add: one a line, those with code in them apart."""
    for name in sorted(ground.listed(site)):
        if name.endswith(".pth"):
            for line in ground.small(f"{site}/{name}").decode("utf-8", "replace").splitlines()[:200]:
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield joined(site, line.strip())
        elif name.startswith("__editable__") and name.endswith("finder.py"):
            # setuptools' way to leave a project where it is developed: names of packages, and where they lie.
            mapping = _MAPPING.search(ground.small(f"{site}/{name}"))
            for found in _MAPPED.finditer(mapping[1] if mapping else b""):
                yield posixpath.dirname(found[1].decode("utf-8", "replace"))
