"""The code of an installed package: which of its files are code, and which of them are judged together."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import package_of
from imds_probe.inventory.code.following.program import CODE, PROGRAMS, Following

FILES_MAX = 4000  # of one package
SCRIPTS_MAX = 40  # that are followed as if they were started
# What lies there and is nobody's code: words in it say nothing, and reading it costs as much.
_NO_CODE = re.compile(
    r"/usr/share/(?:doc|man|info|locale|licenses|icons|help|lintian|bash-completion|zsh|fish|mime|applications|fonts|pixmaps)/"
    r"|/etc/bash_completion\.d/|/usr/lib/\.build-id/|/__pycache__/|/usr/include/"
)
_NO_CODE_ENDS = (
    *(".png", ".svg", ".jpg", ".gif", ".ico", ".ttf", ".woff", ".woff2", ".css", ".mo", ".po", ".gmo", ".pem", ".crt"),
    *(".h", ".hpp", ".a", ".la", ".gz", ".xz", ".bz2", ".zst", ".md", ".rst", ".pod", ".html", ".pyo"),
)
_FIRST_LINE = b"#!"


def code_of(files: Iterable[str], ends: Sequence[str]) -> list[str]:
    """Those files of a package that count: whose paths end so, where `ends` are given and any do, else all that may be code."""
    all_files = list(dict.fromkeys(files))
    named = [path for path in all_files if path.endswith(tuple(f"/{end}" for end in ends))]
    if named:
        return named
    there = frozenset(all_files)
    return [
        path
        for path in all_files
        if not _NO_CODE.search(path) and not path.endswith(_NO_CODE_ENDS) and not _is_byte_code_of(path, there)
    ]


def _is_byte_code_of(path: str, there: frozenset[str]) -> bool:
    return path.endswith(".pyc") and path[:-1] in there


def wholes(files: Sequence[str], following: Following, *, named: bool) -> Mapping[str, tuple[str, ...]]:
    """The files that are judged together, by the root that they would have if they ran.

    A script is judged with what it loads, wherever that lies; a library by the directory that it is in; a program by itself. Files
    that the catalog has `named` are not followed.
    """
    ground, own = following.ground, frozenset(files)
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    taken: set[str] = set()
    scripts = [] if named else [path for path in files if _is_script(path, ground)]
    for script in scripts[:SCRIPTS_MAX]:
        start = start_of([script], ground)
        if start is None or following.language_of(start) is None:
            continue
        loads = following.follow(start)
        for load in loads.files:
            if load.package_root is None:
                found[loads.script or script][load.path] = None
            elif load.path in own:
                found[load.package_root][load.path] = None
            taken.add(load.path)
        taken.add(script)
    for path in files:
        library = package_of(path)
        if library is not None or path not in taken:
            found[library or _alone_or_with_others(path, ground)][path] = None
    return {root: tuple(paths) for root, paths in found.items()}


def _is_script(path: str, ground: Ground) -> bool:
    return package_of(path) is None and ground.head(path).startswith(_FIRST_LINE)


def _alone_or_with_others(path: str, ground: Ground) -> str:
    """Programs have nothing to do with each other; other files of one directory may."""
    directory = posixpath.dirname(path)
    is_alone = posixpath.basename(directory) in PROGRAMS or CODE.fullmatch(path) or _is_script(path, ground)
    return path if is_alone or ground.head(path).startswith(b"\x7fELF") else directory
