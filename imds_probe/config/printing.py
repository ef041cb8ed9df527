"""The settings in force as a configuration file that would give them, with where each one comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from imds_probe.config.loading import Loaded
from imds_probe.widths import columns, padded

WIDTH_MAX = 100  # a line that is longer is alone with its length


def printed_config(loaded: Loaded, overrides: Mapping[str, tuple[object, str]]) -> str:
    """TOML. `overrides` are values from elsewhere than the files, by key, each with what to call that place.

    What is not set at all is a comment.
    """
    lines: list[tuple[str, str]] = []
    table = ""
    for name, value in loaded.values.items():
        raw, origin = overrides.get(name, (value.raw, value.origin))
        within, _, key = name.rpartition(".")
        if within != table:
            table = within
            lines += [("", ""), (f"[{table}]", "")]
        lines.append((f"{key} = {toml_value(raw)}", origin) if raw is not None else (f"# {key} is not set", ""))
    width = max((columns(text) for text, origin in lines if origin and columns(text) <= WIDTH_MAX), default=0)
    return "".join(f"{padded(text, width)}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines)


def toml_value(value: Any) -> str:
    """A value as it stands in a file.

    Strings as in JSON, which are basic strings of TOML but for what lies beyond the basic plane: that stays as it is.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{toml_value(name)} = {toml_value(one)}" for name, one in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return str(value)
