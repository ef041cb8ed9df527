from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from declared_settings import Pigeon

from imds_probe.config import AwsConfig, Config, Loaded, loading
from imds_probe.config.settings import DAY_S
from imds_probe.errors import UsageError

SECTIONS = (Config, AwsConfig, Pigeon)


def load_all(path: Path | None, default: Path | None = None) -> Loaded:
    return loading.load(loading.read(path, default), SECTIONS)


def load(path: Path | None, default: Path | None = None) -> Config:
    return load_all(path, default).settings.of(Config)


def test_catalogs_below_the_directory_of_the_file_that_names_them(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text('[catalog]\nfiles = ["own.json", "/srv/other.json"]\n')
    assert load(path) == Config(catalogs=(tmp_path / "own.json", Path("/srv/other.json")))


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    default = tmp_path / "none.toml"
    assert load(None, default) == Config()
    default.write_text('[catalog]\nfiles = ["a"]\n')
    assert load(None, default).catalogs == (tmp_path / "a",)


def test_drop_ins_win_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_text('state_directory = "/srv/x"\n[watch]\nwindow = "7d"\n\ncoverage = 0.5\n')
    directory = tmp_path / "imds-probe.d"
    directory.mkdir()
    (directory / "20-b.toml").write_text("# ours\n[watch]\ncoverage = 0.7\n")
    (directory / "10-a.toml").write_text('[watch]\ncoverage = 0.6\nwindow = "6d"\n')
    (directory / "30-c.toml.bak").write_text("nonsense")
    (directory / ".hidden.toml").write_text("nonsense")
    loaded = load_all(path)
    config = loaded.settings.of(Config)
    assert (config.window_s, config.coverage, config.state_directory) == (6 * DAY_S, 0.7, Path("/srv/x"))
    assert loaded.values["watch.coverage"].origin == f"{directory}/20-b.toml:3"
    assert loaded.values["watch.window"].origin == f"{directory}/10-a.toml:3"
    assert loaded.values["state_directory"].origin == f"{path}:1"
    assert loaded.values["daemon.jitter"].origin == "default"
    path.unlink()  # drop-ins alone count, too, where the file is the default one
    assert load(None, path).coverage == 0.7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[catalog\n", " is not TOML: .*line 1"),
        (b"\n\xff\xfe", ":2 is not TOML: a byte there is not UTF-8"),
        (b"catalog = 1\n", ":1: catalog must be a table"),
        (b"[catalogue]\n", ":1: there is no setting catalogue"),
        (b"\n[catalog]\nfile = []\n", ":3: there is no setting catalog.file"),
        (b"[catalog]\nfiles = 'x'\n", ":2: catalog.files must be a list of paths"),
        (b"[catalog]\n# which\nfiles = [\n1,\n]\n", ":3: catalog.files must be a list of paths"),
        (b"[watch]\nwindow = 14\n", ":2: watch.window must be a length of time"),
        (b"[watch]\nwindow = 'long'\n", ":2: watch.window is wrong: 'long' is no length of time"),
        (b"[watch]\ncoverage = 99\n", "watch.coverage must be a number from 0 to 1"),
        (b"[watch]\ncoverage = true\n", "watch.coverage must be a number from 0 to 1"),
        (b"[watch]\nretention = '1d'\n", ":2: watch.retention is shorter than watch.window"),
        (b"[daemon]\ninterval = '5s'\n", ":2: daemon.interval must be a minute or more"),
        (b"state_directory = 'here'\n", "state_directory must be an absolute path"),
        (b"interval = '1h'\n", "there is no setting interval"),
        (b"[daemon.interval]\nx = 1\n", "daemon.interval must be a length of time"),
        (b"[pigeon]\nspeed = '5s'\nrings = { left = 'red' }\n", ":3: pigeon.rings are too many for such speed"),
        (b"#" * (loading.SIZE_LIMIT_BYTES + 1), "more than"),
    ],
)
def test_mistakes_name_the_file_the_line_and_the_key(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "imds-probe.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_key_that_nobody_knows_is_told_those_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[pigeon]\nsped = 1\n")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert caught.value.remedy == "Known in [pigeon]: pigeon.loft, pigeon.rings, pigeon.speed."
    path.write_text("[pigeons]\nspeed = 1\n")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert caught.value.remedy.startswith("Known here: ")
    assert "state_directory, [aws], [catalog], " in caught.value.remedy
    assert ", [pigeon], " in caught.value.remedy
    assert "pigeon.speed" not in caught.value.remedy


def test_each_section_has_its_own_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[pigeon]\nspeed = '5m'\nloft = '/x'\n")
    settings = load_all(path).settings
    assert settings.of(Pigeon) == Pigeon(speed_s=300.0, loft=Path("/x"))
    assert settings.of(AwsConfig) == AwsConfig()


def test_random_bytes_are_one_clear_mistake(tmp_path: Path) -> None:
    path = tmp_path / "imds-probe.toml"
    noise = random.Random(20)
    for length in range(1, 200):
        path.write_bytes(noise.randbytes(length))
        try:
            load(path)
        except UsageError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("kind", ["none", "directory"])
def test_a_file_that_was_named_must_be_readable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.toml"
    if kind == "directory":
        path.mkdir()
    with pytest.raises(UsageError, match=r"x\.toml cannot be read: (No such file|Is a directory).*with --config"):
        load(path)


@pytest.mark.parametrize("which", ["imds-probe.toml", "imds-probe.d/50-his.toml"])
def test_one_that_nobody_named_says_how_to_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    path, default = tmp_path / which, tmp_path / "imds-probe.toml"
    path.parent.mkdir(exist_ok=True)
    path.touch()

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as changed:
        changed.setattr(loading.os, "open", denied)
        with pytest.raises(
            UsageError, match=f"{path} cannot be read: Permission denied. Make it readable, or run as root."
        ):
            load(None, default)
    path.unlink()
    path.mkdir()
    with pytest.raises(
        UsageError, match=f"{path} cannot be read: Is a directory. Put a file of TOML there, or remove it."
    ):
        load(None, default)


@pytest.mark.parametrize("which", ["imds-probe.toml", "imds-probe.d/50-his.toml"])
@pytest.mark.parametrize(
    ("uid", "mode", "why"),
    [(4242, 0o644, "it belongs to user 4242"), (0, 0o646, "everybody may write to it"), (0, 0o664, "")],
)
def test_what_anybody_may_have_written_sets_nothing(tmp_path: Path, which: str, uid: int, mode: int, why: str) -> None:
    """It says where root writes, and for how long nobody may have been seen calling."""
    path = tmp_path / which
    path.parent.mkdir(exist_ok=True)
    path.write_text('[watch]\nwindow = "1s"\n')
    path.chmod(mode)
    os.chown(path, uid, 0)
    default = tmp_path / "imds-probe.toml"
    if not why:
        assert load(None, default).window_s == 1
        return
    with pytest.raises(UsageError) as raised:
        load(None, default)
    assert raised.value.problem == f"{path} is not used: {why}"
    if path == default:
        assert load(path).window_s == 1  # whoever names a file knows which


def test_a_mistake_in_a_drop_in_is_one(tmp_path: Path) -> None:
    (tmp_path / "x.d").mkdir()
    (tmp_path / "x.d/1.toml").write_text("\n\nnonsense = 1\n")
    with pytest.raises(UsageError, match=r"x\.d/1\.toml:3: there is no setting nonsense"):
        load(None, tmp_path / "x.toml")
