"""From files to settings. Every key is checked: one that nobody knows is a mistake, not a wish."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imds_probe.config.keys import KEYS
from imds_probe.config.lines import line_of
from imds_probe.config.settings import AwsConfig, Config, LogsConfig, MetricsConfig, SpoolConfig
from imds_probe.errors import UsageError

DEFAULT = Path("/etc/imds-probe/imds-probe.toml")
SIZE_LIMIT_BYTES = 1024 * 1024
DROP_INS_MAX = 200
_NAMES = {key.name for key in KEYS}
_TABLES = {key.name.partition(".")[0] for key in KEYS if "." in key.name}


@dataclass(frozen=True)
class Value:
    """A value as it stands in a file, and where: "FILE:LINE", or "default"."""

    raw: Any
    origin: str


@dataclass(frozen=True)
class Loaded:
    """The settings, and each key's value with its origin, in the order of KEYS."""

    config: Config
    values: Mapping[str, Value]


@dataclass(frozen=True)
class _File:
    path: Path
    text: str
    content: Mapping[str, Any]

    def at(self, key: str) -> str:
        line = line_of(self.text, key)
        return f"{self.path}:{line}" if line else str(self.path)


def load(path: Path | None, default: Path | None = None) -> Config:
    """The settings alone; see load_all."""
    return load_all(path, default).config


def load_all(path: Path | None, default: Path | None = None) -> Loaded:
    """Read the file, and the drop-ins beside it: NAME.d/*.toml for NAME.toml, in the order of their names, the last one wins.

    Without a file named, the default one, where it or a drop-in exists. Raises UsageError that names file, line and key.
    """
    named = path or default or DEFAULT
    drop_ins = _drop_ins(named)
    files = [_read(named)] if path is not None or named.exists() else []
    files += [_read(each) for each in drop_ins]
    values = {key.name: Value(key.default, "default") for key in KEYS}
    read: dict[str, Any] = {key.name: None if key.default is None else key.read(key.default) for key in KEYS}
    for file in files:
        _nothing_else(file)
        for key in KEYS:
            found = _found(file, key.name)
            if found is _ABSENT:
                continue
            try:
                read[key.name] = key.read(found)
            except ValueError as error:
                raise UsageError(f"{file.at(key.name)}: {key.name} {error}") from None
            if key.name == "catalog.files":  # below the file that names them
                read[key.name] = tuple(str(file.path.parent / each) for each in read[key.name])
            values[key.name] = Value(found, file.at(key.name))
    return Loaded(_checked(_config(read), values), values)


_ABSENT = object()


def _config(read: Mapping[str, Any]) -> Config:
    return Config(
        catalogs=tuple(map(Path, read["catalog.files"])),
        state_directory=read["state_directory"],
        window_s=read["watch.window"],
        coverage=read["watch.coverage"],
        retention_s=read["watch.retention"],
        compare_metric=read["watch.compare_metric"],
        interval_s=read["daemon.interval"],
        jitter_s=read["daemon.jitter"],
        report=read["report"],
        reporting_s=read["reporting.time_limit"],
        aws=AwsConfig(
            region=read["aws.region"],
            profile=read["aws.profile"],
            cloudwatch_endpoint=read["aws.cloudwatch_endpoint"],
            logs_endpoint=read["aws.logs_endpoint"],
        ),
        metrics=MetricsConfig(
            namespace=read["metrics.namespace"],
            dimensions=read["metrics.dimensions"],
            static_dimensions=read["metrics.static_dimensions"],
            per_instance=read["metrics.per_instance"],
        ),
        logs=LogsConfig(
            group=read["cloudwatch-logs.group"],
            create=read["cloudwatch-logs.create"],
            retention_days=read["cloudwatch-logs.retention_days"],
        ),
        emf_destination=read["emf.destination"],
        inventory_directory=read["ssm-inventory.directory"],
        textfile_directory=read["textfile.directory"],
        report_file=read["file.path"],
        report_files_kept=read["file.keep"],
        spool=SpoolConfig(reports=read["spool.reports"], size_bytes=read["spool.size"]),
    )


def _checked(config: Config, values: Mapping[str, Value]) -> Config:
    """What is wrong about two keys together, or by itself only where it is used."""
    if config.retention_s < config.window_s:
        raise UsageError(
            f"{values['watch.retention'].origin}: watch.retention is shorter than watch.window, which is judged by what is kept"
        )
    if config.interval_s < 60:
        raise UsageError(f"{values['daemon.interval'].origin}: daemon.interval must be a minute or more")
    both = set(config.metrics.dimensions) & set(config.metrics.static_dimensions)
    if both:
        raise UsageError(
            f"{values['metrics.static_dimensions'].origin}: metrics.static_dimensions has {', '.join(sorted(both))}, "
            "which metrics.dimensions has, too"
        )
    return config


def _drop_ins(path: Path) -> Sequence[Path]:
    directory = path.with_name(f"{path.stem}.d")
    try:
        found = sorted(each for each in directory.iterdir() if each.name.endswith(".toml") and each.name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise UsageError(f"{directory} cannot be read: {error.strerror}", "Make it readable.") from None
    if len(found) > DROP_INS_MAX:
        raise UsageError(f"{directory} has more than {DROP_INS_MAX} files")
    return found


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a readable file with --config.") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{path} has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        text = raw.decode()
        return _File(path, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line} is not TOML: a byte there is not UTF-8") from None
    except (ValueError, RecursionError) as error:  # TOML's own error says line and column
        raise UsageError(f"{path} is not TOML: {str(error)[:200]}") from None


def _found(file: _File, key: str) -> Any:
    """A key's value as the file has it. Raises UsageError where what should be the table around it is none."""
    table, _, name = key.rpartition(".")
    found: Any = file.content
    if table:
        found = found.get(table, {})
        if not isinstance(found, dict):
            raise UsageError(f"{file.at(table)}: {table} must be a table, [{table}]")
    return found.get(name, _ABSENT)


def _nothing_else(file: _File) -> None:
    for name, value in file.content.items():
        inside = value if isinstance(value, dict) and name in _TABLES else None
        for key in [f"{name}.{inner}" for inner in inside] if inside is not None else [name]:
            if key not in _NAMES and key not in _TABLES:
                raise UsageError(
                    f"{file.at(key)}: there is no setting {key}", f"Known here: {', '.join(sorted(_NAMES))}."
                )
