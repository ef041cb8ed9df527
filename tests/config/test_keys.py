"""The shipped file has every key, commented out, with the default that is in force without it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from imds_probe.config import Config, load, load_all
from imds_probe.config.keys import KEYS

SHIPPED = Path(__file__).parents[2] / "packaging/imds-probe.toml"
_COMMENTED = re.compile(r"^#(?=[a-z_-]+ = )", re.MULTILINE)


def test_as_shipped_it_changes_nothing() -> None:
    loaded = load_all(SHIPPED)
    assert loaded.config == Config()
    assert {value.origin for value in loaded.values.values()} == {"default"}


def test_every_key_is_there_and_its_default_is_the_real_one(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    text = _COMMENTED.sub("", SHIPPED.read_text())
    path.write_text(text)
    loaded = load_all(path)
    assert {name for name, value in loaded.values.items() if value.origin == "default"} == set()
    for key in KEYS:
        if key.default is not None:
            assert loaded.values[key.name].raw == key.default, key.name
    # Each of them reaches the program: what has a default has the same one, by whichever way.
    without = {field.name for field in fields(Config)} - {"state_directory", "aws", "logs", "inventory_directory"}
    for name in without:
        assert getattr(loaded.config, name) == getattr(Config(), name), name
    assert None not in vars(loaded.config.aws).values()
    assert loaded.config.logs.retention_days == 90


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_what_makes_no_sense_is_refused(tmp_path: Path, key) -> None:
    table, _, name = key.name.rpartition(".")
    path = tmp_path / "x.toml"
    path.write_text((f"[{table}]\n" if table else "") + f"{name} = 1979-05-27\n")
    with pytest.raises(Exception, match=rf"x\.toml:{2 if table else 1}: {re.escape(key.name)} "):
        load(path)
