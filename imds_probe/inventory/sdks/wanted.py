"""What a walk over a disk, which meets half a million files, takes for worth a look: mostly by name alone."""

from __future__ import annotations

import errno
import os

from imds_probe.inventory.sdks.recognisers import RECOGNISERS

PROGRAM_MIN_BYTES = 512 * 1024  # a Go program that does nothing has more
_FILES = [(each, each.files) for each in RECOGNISERS if each.files is not None]
_UNPACKED = [each.directories for each in RECOGNISERS if each.directories is not None]
_DIRECTORIES = frozenset(name for directories in _UNPACKED for name in directories.names)
_ENDS = (
    *(end for _, files in _FILES if files.claim in ("archive", "rest") for end in files.ends),
    *(mark for directories in _UNPACKED for mark in directories.marks),
)
_SCRIPTS = tuple(end for _, files in _FILES if files.claim == "script" for end in files.ends)
_PARTS = tuple(part for _, files in _FILES for part in files.parts)
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


def wanted(entry: os.DirEntry[str], directory: str, is_directory: bool) -> bool:
    """Whether a walk over the disk has met something worth looking into."""
    name = entry.name
    if is_directory:
        return name in _DIRECTORIES
    _, dot, end = name.rpartition(".")
    if dot and end in _DATA:
        return False
    if name.endswith(_ENDS) or name.startswith(_PARTS):
        return True
    if name.endswith(_SCRIPTS):
        return _is_bundle(entry, directory)
    if end in ("json", "zip", "dll"):
        return False
    return _size(entry, executable=True) >= PROGRAM_MIN_BYTES


def _is_bundle(entry: os.DirEntry[str], directory: str) -> bool:
    """Whether a script may have libraries merged into it; in a directory of libraries it is a part of one."""
    for recogniser, files in _FILES:
        if files.claim == "script" and entry.name.endswith(files.ends):
            unpacked = recogniser.directories.names if recogniser.directories is not None else ()
            return not any(f"/{name}" in directory for name in unpacked) and _size(entry) >= files.min_bytes
    return False


def _size(entry: os.DirEntry[str], *, executable: bool = False) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES):
            raise
        return 0
    return 0 if executable and not status.st_mode & 0o111 else status.st_size
