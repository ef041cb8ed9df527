"""The configuration file that packages bring: it sets nothing, and shows every default."""

import re
from pathlib import Path

from imds_probe import config

SHIPPED = Path(__file__).parents[2] / "packaging/imds-probe.toml"


def test_as_it_is_it_sets_nothing():
    assert config.load(SHIPPED) == config.Config()


def test_without_the_comment_signs_it_sets_the_defaults(tmp_path):
    text = re.sub(r"^#(?=[\w\[])", "", SHIPPED.read_text(), flags=re.MULTILINE)
    path = tmp_path / "imds-probe.toml"
    path.write_text(text)
    loaded = config.load(path)
    assert loaded.state_directory == Path("/var/lib/imds-probe")
    assert loaded == config.Config(state_directory=loaded.state_directory)
    table, found = "", set()
    for line in text.splitlines():
        if line.startswith("["):
            table = line.strip("[]") + "."
        elif line[:1].isalpha():
            found.add(table + line.split(" ")[0])
    assert found == set(config.KEYS)
