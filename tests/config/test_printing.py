from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from declared_settings import Pigeon

from imds_probe.config import Config, load, read
from imds_probe.config.printing import printed_config, toml_value


def test_it_is_a_file_that_gives_the_same_settings_and_says_who_said_so(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text(
        '[pigeon]\nrings = { "A b" = "q\\"uote" }\n[watch]\ncoverage = 0.5\n[catalog]\nfiles = ["/srv/x.json"]\n'
    )
    sections = (Config, Pigeon)
    loaded = load(read(path), sections)
    text = printed_config(loaded, {"pigeon.speed": ("90s", "--speed")})
    again = tmp_path / "again.toml"
    again.write_text(text)
    settings = load(read(again), sections).settings
    assert settings.of(Config) == loaded.settings.of(Config)
    assert settings.of(Pigeon) == replace(loaded.settings.of(Pigeon), speed_s=90.0)
    lines = {line.split(" = ")[0]: line for line in text.splitlines() if " = " in line}
    assert lines["speed"].endswith("  # --speed")
    assert lines["coverage"].endswith(f"  # {path}:4")
    assert lines["window"].endswith("  # default")
    assert "# state_directory is not set" in text


@pytest.mark.parametrize(
    "value", ["", 'a"b\\c\n\t\x00\x7f\u2028é😀', True, 3, 0.5, [], ["a", 1], {}, {"x y": "z", "q": [1]}]
)
def test_every_value_is_read_back(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
