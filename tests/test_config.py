from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe import config
from imds_probe.config import DAY_S, KEYS, Config, load
from imds_probe.errors import UsageError


def test_catalogs_below_the_files_directory(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text('[catalog]\nfiles = ["own.json", "/srv/other.json"]\n')
    assert load(path) == Config(catalogs=(tmp_path / "own.json", Path("/srv/other.json")))


def test_without_a_file_nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "DEFAULT", tmp_path / "none.toml")
    assert load(None) == Config()
    (tmp_path / "none.toml").write_text('[catalog]\nfiles = ["a"]\n')
    assert load(None).catalogs == (tmp_path / "a",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[catalog\n", "is not TOML: .*line 1"),
        (b"\xff\xfe", "is not TOML"),
        (b"catalog = 1\n", "catalog must be a table"),
        (b"[catalogue]\n", "there is no setting catalogue"),
        (b"[catalog]\nfile = []\n", "there is no setting catalog.file"),
        (b"[catalog]\nfiles = 'x'\n", "must be a list of paths"),
        (b"[catalog]\nfiles = [1]\n", "must be a list of paths"),
        (b"[watch]\nwindow = 14\n", "watch.window must be a length of time"),
        (b"[watch]\nwindow = 'long'\n", "watch.window is wrong: 'long' is no length of time"),
        (b"[watch]\ncoverage = 99\n", "watch.coverage must be a number from 0 to 1"),
        (b"[watch]\ncoverage = true\n", "watch.coverage must be a number from 0 to 1"),
        (b"[watch]\nretention = '1d'\n", "watch.retention is shorter than watch.window"),
        (b"[daemon]\ninterval = '5s'\n", "daemon.interval must be a minute or more"),
        (b"state_directory = 'here'\n", "state_directory must be an absolute path"),
        (b"interval = '1h'\n", "there is no setting interval"),
        (b"[daemon.interval]\nx = 1\n", "daemon.interval must be a length of time"),
        (b"#" * (config.SIZE_LIMIT_BYTES + 1), "more than"),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_every_key_is_read(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text(
        'state_directory = "/srv/state"\n[catalog]\nfiles = []\n[watch]\nwindow = "7d"\ncoverage = 0.9\nretention = "30d"\n'
        '[daemon]\ninterval = "2h"\njitter = "5m"\n'
    )
    assert load(path) == Config((), Path("/srv/state"), 7 * DAY_S, 0.9, 30 * DAY_S, 7200.0, 300.0)
    assert all(key.rpartition(".")[2] in path.read_text() for key in KEYS)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
