"""The configuration file, TOML. Every key is checked: one that nobody knows is a mistake, not a wish."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.errors import UsageError

DEFAULT = Path("/etc/imds-probe/imds-probe.toml")
SIZE_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Config:
    """What the file sets.

    catalogs: files of the user's own to judge by, too; paths that are not absolute are below the file's directory.
    """

    catalogs: tuple[Path, ...] = ()


def load(path: Path | None) -> Config:
    """Read the file; without one named, the default one where it exists. Raises UsageError."""
    if path is None:
        if not DEFAULT.exists():
            return Config()
        path = DEFAULT
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a readable file with --config.") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{path} has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        content = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # TOML's own error says line and column
        raise UsageError(f"{path} is not TOML: {str(error)[:200]}") from None
    table = _table(path, content, "catalog")
    _nothing_else(path, "", content, {"catalog"})
    _nothing_else(path, "catalog.", table, {"files"})
    files = table.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, str) and file for file in files):
        raise UsageError(f"{path}: catalog.files must be a list of paths")
    return Config(catalogs=tuple(path.parent / file for file in files))


def _table(path: Path, content: Mapping[str, object], key: str) -> Mapping[str, object]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {key} must be a table, [{key}]")
    return table


def _nothing_else(path: Path, prefix: str, content: Mapping[str, object], known: set[str]) -> None:
    for key in content:
        if key not in known:
            wanted = ", ".join(prefix + each for each in sorted(known))
            raise UsageError(f"{path}: there is no setting {prefix}{key}", f"Known here: {wanted}.")
