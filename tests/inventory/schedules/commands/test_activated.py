"""Commands by which a shell enters the environment of a language."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF
from small_roots import made

from imds_probe.inventory.schedules.commands.activated import activated, is_whole
from imds_probe.inventory.schedules.commands.followed import NO_NAME, Followed
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

HOME = "/home/u"
PLACES = {
    "conda": "/opt/conda/envs/etl/bin",
    "base": "/opt/conda/bin",
    "elsewhere": "/data/envs/far/bin",
    "workon": f"{HOME}/.virtualenvs/job/bin",
    "pyenv": f"{HOME}/.pyenv/versions/3.7.9/bin",
    "rvm": "/usr/local/rvm/rubies/ruby-2.6.3/bin",
    "chruby": "/opt/rubies/ruby-2.5.1/bin",
    "nvm": f"{HOME}/.nvm/versions/node/v12.1.0/bin",
    "other": "/home/v/.nvm/versions/node/v14.0.0/bin",
    "told": "/data/pyenv/versions/3.8.1/bin",
    "asdf": f"{HOME}/.asdf/installs/nodejs/12.1.0/bin",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """All of these have a program of one name, as has the system."""
    files: dict[str, str | bytes | Path] = {f"{place}/tool": ELF for place in PLACES.values()}
    files |= {f"{HOME}/.rbenv/shims/tool": ELF, "/usr/bin/tool": ELF, "/usr/bin/bash": ELF, "/bin": Path("usr/bin")}
    executable = tuple(files)
    files |= {
        "/opt/conda/bin/activate": 'conda activate "$@"\n',
        "/opt/conda/bin/conda": "",
        "/opt/conda/etc/profile.d/conda.sh": "conda() {\n  case $1 in x) y ;; esac\n}\n",
        f"{HOME}/.conda/environments.txt": "/opt/conda\n/data/envs/far\n",
        f"{HOME}/.nvm/alias/default": "12\n",
        f"{HOME}/.nvm/nvm.sh": "nvm() { :; }\n",
        "/home/v/.nvm/nvm.sh": "nvm() { :; }\n",
        "/home/v/.nvm/alias/default": "14\n",
        "/srv/venv/bin/activate": 'VIRTUAL_ENV=/srv/venv\nPATH="$VIRTUAL_ENV/bin:$PATH"\nexport PATH\n',
        "/srv/venv/bin/tool": "#!/bin/bash\n",
    }
    return made(tmp_path, files, executable=executable)


def follow(at: Path, command: str) -> Followed:
    around = {"PATH": "/usr/bin", "HOME": HOME}
    return Following(SystemFiles(at)).follow(
        Scheduled(command, Place("/etc/crontab", 1), "boot", "at each boot", environment=around)
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("conda activate etl", PLACES["conda"]),
        ("source /opt/conda/bin/activate etl", PLACES["conda"]),
        (". /opt/conda/bin/activate", PLACES["base"]),
        ("source activate etl", PLACES["conda"]),
        ("conda activate", PLACES["base"]),
        ("conda activate far", PLACES["elsewhere"]),
        ("conda activate /data/envs/far", PLACES["elsewhere"]),
        (". /opt/conda/etc/profile.d/conda.sh; conda activate etl", PLACES["conda"]),
        ('eval "$(/opt/conda/bin/conda shell.bash hook)"; conda activate etl', PLACES["conda"]),
        ("workon job", PLACES["workon"]),
        ("pyenv shell 3.7", PLACES["pyenv"]),
        ("rvm use 2.6.3", PLACES["rvm"]),
        ("chruby ruby-2.5", PLACES["chruby"]),
        ("nvm use 12", PLACES["nvm"]),
        ('[ -s "$HOME/.nvm/nvm.sh" ] && . "$HOME/.nvm/nvm.sh"', PLACES["nvm"]),
        ("asdf shell nodejs 12.1.0", PLACES["asdf"]),
        ('eval "$(rbenv init -)"', f"{HOME}/.rbenv/shims"),
        ("source /srv/venv/bin/activate", "/srv/venv/bin"),
        (". /home/v/.nvm/nvm.sh", PLACES["other"]),
        ("NVM_DIR=/home/v/.nvm; nvm use 14", PLACES["other"]),
        ("export PYENV_ROOT=/data/pyenv; pyenv shell 3.8.1", PLACES["told"]),
        ("export WORKON_HOME=/data/envs; workon far", PLACES["elsewhere"]),
        ("conda info", "/usr/bin"),
        ("nvm use 14", "/usr/bin"),
        ("f() { conda activate etl; }", "/usr/bin"),
        ("f() { conda activate etl; }; f", PLACES["conda"]),
    ],
)
def test_what_follows_is_found_there_first(root: Path, command: str, expected: str) -> None:
    found = follow(root, f"{command}\ntool x")
    assert f"{expected}/tool" in [word for each in found.started for word in each.arguments]
    assert not [each for each in found.unfollowed if each.why == NO_NAME]


@pytest.mark.parametrize("command", ["conda activate none", 'conda activate "$(choose)"', "workon none"])
def test_an_environment_that_is_not_found_was_not_followed(root: Path, command: str) -> None:
    found = follow(root, f"{command}\ntool x")
    assert NO_NAME in [each.why for each in found.unfollowed]


def test_what_a_manager_is_made_of_is_no_command_of_the_user(root: Path) -> None:
    own = 'nvm_tree_contains_path() {\n  :\n}\nnvm() {\n  case $1 in run) node "$@" ;; esac\n}\n"$(choose)" auto\n'
    (root / f"{HOME}/.nvm/nvm.sh".lstrip("/")).write_text(own)
    found = follow(root, f". {HOME}/.nvm/nvm.sh; tool x")
    assert not found.unfollowed
    assert [each.arguments[-1] for each in found.started] == ["x"]
    (root / f"{HOME}/.nvm/nvm.sh".lstrip("/")).write_text(own.replace("nvm_tree", "tree"))
    assert follow(root, f". {HOME}/.nvm/nvm.sh; tool x").unfollowed


def test_other_commands(root: Path) -> None:
    files = SystemFiles(root)
    for words in (("tool",), (".", "/srv/venv/bin/activate"), ("source",), ("conda",), (None, "x"), ("workon",)):
        assert activated(words, {"HOME": HOME}, "/", files) is None
    assert activated((".", "bin/activate", "etl"), {}, "/opt/conda", files) == [PLACES["conda"]]
    assert is_whole(("conda", "activate")) and is_whole((".", "/opt/conda/bin/activate"))
    assert not is_whole((".", f"{HOME}/.nvm/nvm.sh"))
