"""Programs that are started, and those that are not found."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF, followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import followed as reasons
from imds_probe.inventory.schedules.commands import program_walk
from imds_probe.inventory.schedules.commands.followed import MAYBE_RUN, NO_NAME, NO_SCRIPT
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/opt/own /opt/parts/one", [MAYBE_RUN]),
        ("a --script=/opt/parts/one", [MAYBE_RUN]),
        ("/opt/own /opt/parts/off", []),
        ("/opt/own run x -- /opt/parts/one", [MAYBE_RUN]),
        ("sh -c '/opt/own -- /opt/parts/one'", [MAYBE_RUN]),
        ("a /opt/parts/one", []),
        ("none --script=/opt/parts/one", []),
        ('sh < "$x/y"', [NO_SCRIPT]),
        ("find $D -name x -exec {} +", [NO_NAME]),
        ("ls | xargs -n1 sh", [NO_NAME]),
        ("ls | xargs -n1 a; rm -f /*/*/*/*/*", []),
    ],
)
def test_what_may_be_run_is_said(root: Path, command: str, said: list[str]) -> None:
    assert [each.why for each in followed(root, command).unfollowed] == said


def test_a_script_is_started_as_the_kernel_would(root: Path) -> None:
    found = followed(root, "cd /opt/app && A=b ./run.sh x")
    last = found.started[-1]
    assert (last.executable, last.arguments) == ("/usr/bin/python3", ("/usr/bin/python3", "/opt/app/main.py", "x"))
    assert (last.directory, last.environment["A"], last.environment["PATH"]) == ("/opt/app", "b", "/usr/bin")
    assert [each.script for each in found.started] == ["", "/opt/app/run.sh", "/opt/app/common.sh", "/opt/app/run.sh"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/opt/own x -- nice python3 /opt/x.py", [("python3", True)]),
        ("/opt/own python3 /opt/x.py", [("python3", True)]),
        ("/opt/own x -- none", []),
        ("run-one python3 /opt/x.py", [("python3", False)]),
    ],
)
def test_a_command_among_the_arguments_of_an_own_program_is_perhaps_started(
    root: Path, command: str, expected: list[tuple[str, bool]]
) -> None:
    made(root, {"/opt/x.py": ""})
    found = followed(root, command)
    *inner, _ = [(name, each.perhaps) for name, each in zip(names(found), found.started, strict=True)]
    assert inner == expected
    assert found.unfollowed == ()


def test_a_script_that_starts_itself_again_and_again_has_no_other_name(root: Path) -> None:
    made(
        root,
        {"/opt/x": SCRIPT + 'case $1 in x) "$0" y z "$@" ;; y) $0 x "$1" a "$@" ;; esac\n'},
        executable=("/opt/x",),
    )
    assert not [each for each in followed(root, "/opt/x b").unfollowed if each.why in reasons.OF_NAMES]


def test_more_of_a_directory_than_are_run_are_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(root, {f"/opt/jobs/{number:03}": SCRIPT for number in range(9)})
    files = SystemFiles(root)
    scheduled = Scheduled("run-parts /opt/jobs", Place("/x"), "boot", "b", environment={"PATH": "/usr/bin"})
    monkeypatch.setattr(program_walk, "STARTED_MAX", 5)
    assert len(names(Following(files).follow(scheduled))) == 5
    assert files.take_left_out() == (LeftOut("/opt/jobs", unread.MORE),)


@pytest.mark.parametrize(
    ("command", "is_lost"),
    [
        ("node /srv/job.js", True),
        ("cd /srv && ruby job.rb", True),
        ("/srv/by-name", True),
        ("node /srv/none.js", False),
        ("/usr/bin/node /srv/job.js", False),
        ("node --version", False),
        ("/srv/by-path", False),
        ("node /usr/lib/job.js", False),
        ("python3 /srv/job.js", False),
        ("missing /srv/job.js", False),
        ("bundle exec missing", True),
        ("bundle exec python3 /srv/job.js", False),
        ("npx missing", True),
        ("poetry run /srv/none", False),
        ("bundle exec rake", False),
    ],
)
def test_a_script_whose_interpreter_lies_nowhere_was_not_followed(root: Path, command: str, *, is_lost: bool) -> None:
    scripts = {"/srv/job.js": "", "/srv/job.rb": "", "/usr/lib/job.js": ""}
    by = {"/srv/by-name": "#!/usr/bin/env node\n", "/srv/by-path": "#!/usr/bin/node\n"}
    found = followed(made(root, {**scripts, **by}), command)
    assert [each.why for each in found.unfollowed] == ([reasons.NO_NAME] if is_lost else [])


@pytest.mark.parametrize(
    ("command", "is_open"),
    [
        ('eval "$(a)"; tool', True),
        ("PATH=$(a):$PATH; tool -x", True),
        ("p() { PATH=$1:$PATH; }; p $(a); tool", True),
        ("PATH=$(a):$PATH; mine", True),
        ("PATH=$(a):$PATH; none", False),
        ("PATH=$(a):$PATH; b", False),
        ("A=$(a); tool", False),
        ("tool", False),
        ("PATH=/opt/x/bin:$PATH; tool", False),
    ],
)
def test_a_program_that_the_known_path_has_not_was_not_followed(root: Path, command: str, *, is_open: bool) -> None:
    own = ("/opt/x/bin/tool", "/home/u/bin/mine")
    system = SystemFiles(made(root, dict.fromkeys(own, ELF), executable=own))
    around = {"PATH": "/usr/bin", "HOME": "/home/u"}
    found = Following(system).follow(Scheduled(command, Place("/x"), "boot", "", environment=around))
    assert [each.why for each in found.unfollowed] == ([NO_NAME] if is_open else [])
