"""What a walk over a disk, which meets half a million files, takes for worth a look: mostly by name alone."""

from __future__ import annotations

from imds_probe.inventory.sdks.recogniser import Files, Recogniser
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.system.sought import Scripts, Sought

PROGRAM_MIN_BYTES = 512 * 1024  # a Go program that does nothing has more
_FILES = [(each, each.files) for each in RECOGNISERS if each.files is not None]
_UNPACKED = [each.directories for each in RECOGNISERS if each.directories is not None]
_DIRECTORIES = frozenset(name for directories in _UNPACKED for name in directories.names)
_ENDS = (
    *(end for _, files in _FILES if files.claim in ("archive", "rest") for end in files.ends),
    *(mark for directories in _UNPACKED for mark in directories.marks),
)
_SCRIPTS = tuple(end for _, files in _FILES if files.claim == "script" for end in files.ends)
# What ends so is no program, whatever its mode says, unless a recogniser knows better.
_DATA = frozenset(
    {
        *("a", "bz2", "c", "cc", "cfg", "class", "conf", "cpp", "crt", "css", "csv", "db", "dat"),
        *("exe", "gif", "go", "gz", "h", "hpp", "html", "idx", "ini", "jpg", "la", "lock", "log"),
        *("lua", "map", "md", "mo", "node", "o", "pack", "pdf", "pem", "php", "pl", "pm", "png"),
        *("po", "properties", "py", "pyc", "pyi", "pyo", "rb", "rs", "rst", "sh", "so", "sql", "svg"),
        *("tar", "toml", "ts", "ttf", "txt", "typed", "wasm", "whl", "woff", "woff2", "xml", "xz", "yaml"),
        *("yml", "zst"),
    }
) - {end.rpartition(".")[2] for end in (*_ENDS, *_SCRIPTS)}


def _scripts(recogniser: Recogniser, files: Files) -> Scripts:
    """Those that may have libraries merged into them; in a directory of libraries they are parts of these."""
    unpacked = recogniser.directories.names if recogniser.directories is not None else ()
    return Scripts(files.ends, tuple(unpacked), files.min_bytes)


SOUGHT = Sought(
    _DIRECTORIES,
    _DATA,
    _ENDS,
    tuple(part for _, files in _FILES for part in files.parts),
    tuple(_scripts(recogniser, files) for recogniser, files in _FILES if files.claim == "script"),
    frozenset({"json", "zip", "dll"}),
    PROGRAM_MIN_BYTES,
)
