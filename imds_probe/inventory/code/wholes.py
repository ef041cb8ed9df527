"""What files that nobody has loaded are judged with: the package that they lie in, else each by itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from imds_probe.system.sought import Sought

# Code by its name; what has another is a program, or a script that somebody may execute.
ENDS = (
    *(".py", ".pyc", ".sh", ".bash", ".ksh", ".rb", ".pl", ".pm", ".js", ".cjs", ".mjs", ".php", ".phtml", ".so"),
    *(".jar", ".war", ".ear", ".pyz", ".groovy", ".lua", ".tcl", ".dll"),
)
_DATA = frozenset(
    {
        *(
            "a",
            "bz2",
            "c",
            "cc",
            "cfg",
            "class",
            "conf",
            "cpp",
            "crt",
            "css",
            "csv",
            "db",
            "dat",
            "gif",
            "go",
            "gz",
            "h",
            "hpp",
        ),
        *(
            "html",
            "idx",
            "ini",
            "jpg",
            "json",
            "la",
            "lock",
            "log",
            "map",
            "md",
            "mo",
            "o",
            "pack",
            "pdf",
            "pem",
            "png",
            "po",
        ),
        *(
            "properties",
            "pyi",
            "rs",
            "rst",
            "sql",
            "svg",
            "tar",
            "toml",
            "ts",
            "ttf",
            "txt",
            "typed",
            "whl",
            "woff",
            "woff2",
        ),
        *("xml", "xz", "yaml", "yml", "zip", "zst"),
    }
)
SOUGHT = Sought(frozenset(), _DATA, ENDS, (), (), frozenset(), 1)
# The directory of a package, by the directory of packages that it lies in.
_PACKAGE = re.compile(
    r"(.*/(?:(?:site|dist)-packages/[^/]+|node_modules/(?:@[^/]+/)?[^/]+|gems/[^/]+-\d[^/]*|vendor/[^/]+/[^/]+))(?:/.*)?",
    re.DOTALL,
)
INIT = "__init__.py"


def whole_of(path: str, has: Callable[[str], bool]) -> str:
    """The root of what a file is judged with: a package of a language, the outermost of Python's, or the file itself. `has`
    says whether there is something of a name.
    """
    package = _PACKAGE.fullmatch(path)
    if package is not None:
        return package[1]
    directory, found = posixpath.dirname(path), path
    while path.endswith((".py", ".pyc")) and has(f"{directory}/{INIT}"):
        found, directory = directory, posixpath.dirname(directory)
    return found


def wholes(paths: Iterable[str], has: Callable[[str], bool]) -> Mapping[str, tuple[str, ...]]:
    """The files of each, by its root, in the order in which these came."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(whole_of(path, has), []).append(path)
    return {root: tuple(files) for root, files in found.items()}
