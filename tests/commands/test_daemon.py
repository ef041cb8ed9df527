"""What the command hands to the daemon; tests/lab/test_daemon.py has the daemon itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.commands.dispatch import main
from imds_probe.service import daemon


@pytest.fixture
def started(monkeypatch):
    made = []

    class Noted:
        def __init__(self, directory, load, arguments, say, environ, *, root):
            made.append((directory, load(), arguments, root))

        def run(self):
            made.append("ran")

    monkeypatch.setattr(daemon, "Daemon", Noted)
    return made


def test_its_runs_look_at_what_it_was_told_to(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text("")
    Path("host").mkdir()
    state = str(tmp_path / "state")
    arguments = ["--state-directory", "state", "--root", "host", "--config", "own.toml", "--assume-ec2"]
    assert main(["daemon", *arguments]) == 0
    (directory, _, handed_on, root), ran = started
    assert (directory, root, ran) == (tmp_path / "state", Path("host"), "ran")
    # Absolute: its runs begin elsewhere.
    assert handed_on == [
        "--state-directory", state, "--root", f"{tmp_path}/host", "--config", f"{tmp_path}/own.toml", "--assume-ec2"
    ]  # fmt: skip


def test_the_configuration_says_where_its_state_is_unless_told(started, tmp_path):
    config = tmp_path / "own.toml"
    config.write_text(f'state_directory = "{tmp_path}/from-file"\n')
    assert main(["daemon", "--config", str(config)]) == 0
    assert main(["daemon", "--config", str(config), "--state-directory", str(tmp_path / "told")]) == 0
    assert [each[0] for each in started if each != "ran"] == [tmp_path / "from-file", tmp_path / "told"]


def test_early_in_the_boot_no_other_root_is_watched_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    assert main(["daemon", "--early", "--root", str(tmp_path)]) == 2
    assert "--early does not go together with --root" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_is_not_there_is_wrong_usage(started, tmp_path, capsys):
    assert main(["daemon", "--root", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is no directory" in capsys.readouterr().err
    assert started == []
