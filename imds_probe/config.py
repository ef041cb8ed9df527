"""The configuration file, TOML. Every key is checked: one that nobody knows is a mistake, not a wish."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from imds_probe.duration import parse_duration
from imds_probe.errors import UsageError

DEFAULT = Path("/etc/imds-probe/imds-probe.toml")
SIZE_LIMIT_BYTES = 1024 * 1024
DAY_S = 86400.0
T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """What the file sets.

    catalogs: files of the user's own to judge by, too; paths that are not absolute are below the file's directory.
    state_directory: where the daemon keeps its history and the last report; None: not said here.
    window_s, coverage: for how long nobody may have been seen calling IMDSv1, and how much of that must have been watched,
    from 0 to 1, for high confidence. retention_s: for how long the history is kept.
    interval_s, jitter_s: between the daemon's assessments, and up to how much is added to that at random.
    """

    catalogs: tuple[Path, ...] = ()
    state_directory: Path | None = None
    window_s: float = 14 * DAY_S
    coverage: float = 0.99
    retention_s: float = 90 * DAY_S
    interval_s: float = 3600.0
    jitter_s: float = 900.0


def load(path: Path | None) -> Config:
    """Read the file; without one named, the default one where it exists. Raises UsageError."""
    if path is None:
        if not DEFAULT.exists():
            return Config()
        path = DEFAULT
    content = _content(path)
    files: tuple[str, ...] = ()
    config = Config(
        catalogs=tuple(path.parent / file for file in _get(path, content, "catalog.files", _paths, files)),
        state_directory=_get(path, content, "state_directory", _absolute, None),
        window_s=_get(path, content, "watch.window", _duration, Config.window_s),
        coverage=_get(path, content, "watch.coverage", _share, Config.coverage),
        retention_s=_get(path, content, "watch.retention", _duration, Config.retention_s),
        interval_s=_get(path, content, "daemon.interval", _duration, Config.interval_s),
        jitter_s=_get(path, content, "daemon.jitter", _duration, Config.jitter_s),
    )
    _nothing_else(path, content)
    if config.retention_s < config.window_s:
        raise UsageError(f"{path}: watch.retention is shorter than watch.window, which is judged by what is kept")
    if config.interval_s < 60:
        raise UsageError(f"{path}: daemon.interval must be a minute or more")
    return config


KEYS = (
    "catalog.files",
    "state_directory",
    "watch.window",
    "watch.coverage",
    "watch.retention",
    "daemon.interval",
    "daemon.jitter",
)


def _content(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a readable file with --config.") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{path} has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # TOML's own error says line and column
        raise UsageError(f"{path} is not TOML: {str(error)[:200]}") from None


def _get(path: Path, content: Mapping[str, object], key: str, read: Callable[[object], T], default: T) -> T:
    """One setting. Raises UsageError where its value, or the table around it, is of the wrong kind."""
    table, _, name = key.rpartition(".")
    found: object = content
    if table:
        found = content.get(table, {})
        if not isinstance(found, dict):
            raise UsageError(f"{path}: {table} must be a table, [{table}]")
    assert isinstance(found, Mapping)  # noqa: S101 - for the type checker
    if name not in found:
        return default
    try:
        return read(found[name])
    except ValueError as error:
        raise UsageError(f"{path}: {key} {error}") from None


def _paths(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(file, str) and file for file in value):
        raise ValueError("must be a list of paths")
    return tuple(value)


def _absolute(value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError("must be an absolute path")
    return Path(value)


def _duration(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError('must be a length of time, such as "90s", "5m", "2h" or "14d"')
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("must be a number from 0 to 1, such as 0.99")
    return float(value)


def _nothing_else(path: Path, content: Mapping[str, object]) -> None:
    tables = {key.partition(".")[0] for key in KEYS if "." in key}
    for name, value in content.items():
        inside = value if isinstance(value, dict) and name in tables else None
        for key in [f"{name}.{inner}" for inner in inside] if inside is not None else [name]:
            if key not in KEYS and key not in tables:
                raise UsageError(f"{path}: there is no setting {key}", f"Known here: {', '.join(KEYS)}.")
