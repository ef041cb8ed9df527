"""The configuration of the whole program, and the shipped file: it has every key, commented out, with the default in force."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.commands.configuration import load, sections
from imds_probe.config.keys import fields_of, keys_of
from imds_probe.errors import UsageError

SHIPPED = Path(__file__).parents[2] / "packaging/imds-probe.toml"
KEYS = keys_of(sections())
_COMMENTED = re.compile(r"^#(?=[a-z0-9_-]+ = )", re.MULTILINE)


def test_as_shipped_it_changes_nothing() -> None:
    loaded = load(SHIPPED, complete=True)
    for section in sections():
        assert loaded.settings.of(section) == section()
    assert {value.origin for value in loaded.values.values()} == {"default"}


def test_every_key_is_there_and_its_default_is_the_real_one(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text(_COMMENTED.sub("", SHIPPED.read_text()))
    loaded = load(path)
    assert {name for name, value in loaded.values.items() if value.origin == "default"} == set()
    for key in KEYS:
        assert loaded.values[key.name].raw == (key.example if key.default is None else key.default), key.name
    # Each of them reaches the program: what has a default has the same one, by whichever way.
    for section in sections():
        read = loaded.settings.of(section)
        for field, key in fields_of(section).items():
            value = getattr(read, field)
            assert value is not None, key.name
            assert key.default is None or value == getattr(section(), field), key.name


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_what_makes_no_sense_is_refused(tmp_path: Path, key) -> None:
    table, _, name = key.name.rpartition(".")
    path = tmp_path / "x.toml"
    path.write_text((f"[{table}]\n" if table else "") + f"{name} = 1979-05-27\n")
    with pytest.raises(UsageError, match=rf"x\.toml:{2 if table else 1}: {re.escape(key.name)} "):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"report = ['cloudwatch', 'pigeon']\n", ":1: report must be a list with some of cloudwatch, "),
        (b"[metrics]\nnamespace = 'AWS/EC2'\n", ":2: metrics.namespace must be a namespace"),
        (b"[metrics]\nstatic_dimensions = { Env = '' }\n", ":2: metrics.static_dimensions Env must be 1 to 1024"),
        (
            b"[metrics]\ndimensions = ['ImageId']\nstatic_dimensions = { ImageId = 'x' }\n",
            ":3: metrics.static_dimensions has ImageId, which metrics.dimensions has, too",
        ),
    ],
)
def test_mistakes_in_what_sinks_declare_name_the_file_the_line_and_the_key(tmp_path, content: bytes, said: str) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_no_key_is_declared_twice_and_tables_come_last() -> None:
    names = [key.name for key in KEYS]
    assert len(names) == len(set(names))
    assert names.index("report") < min(names.index(name) for name in names if "." in name)


def test_where_nothing_is_set_nothing_of_the_sinks_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from imds_probe.commands.configuration import load\n"
        "from imds_probe.sinks import SINKS\n"
        "load(Path(sys.argv[1])); sys.exit(5 * any(module in sys.modules for module in SINKS.values()))"
    )
    path = tmp_path / "x.toml"
    for content, loaded in (("# nothing", 0), ("[daemon]\ninterval = '2h'\n", 5)):
        path.write_text(content)
        assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == loaded


def test_the_core_knows_no_sink() -> None:
    code = (
        "import sys; from imds_probe import config; from imds_probe.config import printing\n"
        "sys.exit(any(name.startswith('imds_probe.sinks') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
