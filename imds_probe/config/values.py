"""Reading one value of a configuration file: what it has to look like. Each raises ValueError with the end of a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from imds_probe.duration import parse_duration

SIZES = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}


def quoted(names: Iterable[str]) -> str:
    """Names as a sentence lists values of a key."""
    return ", ".join(f'"{name}"' for name in names)


def paths(value: object) -> tuple[Path, ...]:
    if not isinstance(value, list) or not all(isinstance(file, str) and file for file in value):
        raise ValueError("must be a list of paths")
    return tuple(map(Path, value))


def absolute(value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError("must be an absolute path")
    return Path(value)


def duration(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError('must be a length of time, such as "90s", "5m", "2h" or "14d"')
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None


def share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("must be a number from 0 to 1, such as 0.99")
    return float(value)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def count(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def size(value: object) -> int:
    match = re.fullmatch(r"([1-9]\d{0,5})\s*(KB|MB|GB)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a size, such as "64MB"')
    return int(match[1]) * SIZES[match[2]]


def matching(pattern: str, what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"must be {what}")
        return value

    return read


def some_of(names: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(each in names for each in value):
            raise ValueError(f"must be a list with some of {', '.join(names)}")
        return tuple(dict.fromkeys(value))

    return read


def one_of(values: tuple[int, ...]) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or value not in values:
            raise ValueError(f"must be one of {', '.join(map(str, values))}")
        return int(str(value))

    return read


def url(value: object) -> str:
    if not isinstance(value, str) or not _is_web(value):
        raise ValueError("must be a URL, such as https://vpce-0123.monitoring.eu-west-1.vpce.amazonaws.com")
    return value


def _is_web(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets without an address, or of a port that is none
        return False
