"""Directories, and files that shells read as their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF, followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands import followed as reasons
from imds_probe.inventory.schedules.commands import shell_walk
from imds_probe.inventory.schedules.commands.followed import Unfollowed
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cd /o*/p*; ./one", ["/opt/parts/one", "a"]),
        ("for d in /op?/*/; do cd $d && ./one; done", ["/opt/parts/one", "a"]),
        (". /*/parts/one", ["/opt/parts/one", "a"]),
        ("cd /opt; p*/one", ["/opt/parts/one", "a"]),
        ("cd /opt; cd /; cd -; parts/one; cd -; parts/two.txt", ["/opt/parts/one", "a"]),
        (
            "cd /opt; pushd parts; pushd /; popd; ./one; popd; app/run.sh; popd",
            ["/opt/parts/one", "a", "/opt/app/run.sh", "/opt/app/common.sh", "a", "python3"],
        ),
        ("pushd /opt; pushd; pushd; parts/one; (cd -; parts/two.txt)", ["/opt/parts/one", "a"]),
        ("cd /opt/p*; python3 two.txt", ["python3"]),
    ],
)
def test_a_directory_is_entered_and_left(root: Path, command: str, expected: list[str]) -> None:
    assert names(followed(root, command)) == expected


def test_a_home_is_the_users(root: Path) -> None:
    scheduled = Scheduled(
        "~/parts/one", Place("/x", 1), "boot", "at each boot", environment={"PATH": "/usr/bin", "HOME": "/opt"}
    )
    assert names(Following(SystemFiles(root)).follow(scheduled)) == ["/opt/parts/one", "a"]


def test_a_directory_is_left_with_the_shell_that_went_there(root: Path) -> None:
    assert [each.directory for each in followed(root, "(cd /opt; a); b; cd /srv; a").started] == ["/opt", "/", "/srv"]


def test_files_of_settings_that_lie_too_deep_are_no_matter(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(root, {"/opt/set": "A=b\nexport A\n", "/opt/runs": "A=b\n/opt/x\n"})
    made(root, {"/opt/one": f"{SCRIPT}. /opt/set\n", "/opt/two": f"{SCRIPT}. /opt/runs\n"})
    assert followed(root, "/opt/two").unfollowed == ()
    monkeypatch.setattr(shell_walk, "DEPTH_MAX", 1)
    assert followed(root, "/opt/one").unfollowed == ()
    assert followed(root, "/opt/two").unfollowed == (Unfollowed(reasons.TOO_DEEP, "/opt/runs"),)


@pytest.mark.parametrize(
    ("command", "shell", "is_read"),
    [
        ("/opt/with-bash", "/bin/sh", True),
        ("bash -c a", "/bin/sh", True),
        ("a", "/bin/bash", True),
        ("a", "/bin/sh", False),
        ("sh -c a", "/bin/sh", False),
        ("/opt/parts/one", "/bin/sh", False),
    ],
)
@pytest.mark.parametrize("named", ["/home/u/first", "$HOME/first", "~/first"])
def test_bash_reads_what_its_variable_names(root: Path, command: str, shell: str, named: str, *, is_read: bool) -> None:
    (root / "usr/bin/bash").unlink()
    files = {"/usr/bin/bash": ELF, "/opt/with-bash": "#!/usr/bin/bash\na\n", "/home/u/first": "b\n"}
    system = SystemFiles(made(root, files, executable=("/usr/bin/bash", "/opt/with-bash")))
    around = {"PATH": "/usr/bin", "HOME": "/home/u", "BASH_ENV": named, "SHELL": shell}
    found = Following(system).follow(Scheduled(command, Place("/x"), "boot", "", environment=around))
    assert ("b" in names(found)) is is_read
    assert "a" in names(found)
