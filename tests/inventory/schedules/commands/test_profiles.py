"""What a shell reads before its command."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF
from small_roots import made

from imds_probe.inventory.schedules.commands.around import Around
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.profiles import enter, of_login, read_by, there
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

HOME = "/home/u"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bash -lc", ("/etc/profile", f"{HOME}/.bash_profile", f"{HOME}/.bash_login", f"{HOME}/.profile")),
        ("/bin/bash -l -c", ("/etc/profile", f"{HOME}/.bash_profile", f"{HOME}/.bash_login", f"{HOME}/.profile")),
        ("bash --login -c", ("/etc/profile", f"{HOME}/.bash_profile", f"{HOME}/.bash_login", f"{HOME}/.profile")),
        ("sh -lc", ("/etc/profile", f"{HOME}/.profile")),
        ("zsh -lc", ("/etc/profile", f"{HOME}/.zprofile", f"{HOME}/.zlogin")),
        ("bash -ic", (f"{HOME}/.bashrc",)),
        ("bash -c", ()),
        ("bash --noprofile -lc", ()),
        ("bash --norc -ic", ()),
        ("sh -ic", ()),
    ],
)
def test_files_of_a_shell(words: str, expected: tuple[str, ...]) -> None:
    assert read_by(words.split(), HOME).paths == expected
    assert not [path for path in read_by(words.split(), "").paths if path.startswith("/.")]


def test_the_first_of_the_users_own_is_read(tmp_path: Path) -> None:
    files = {"/etc/profile": "", "/etc/profile.d/a.sh": "", "/etc/profile.d/b.csh": "", f"{HOME}/.bash_login": ""}
    system = SystemFiles(made(tmp_path, {**files, f"{HOME}/.profile": ""}))
    assert list(there(of_login("bash", HOME), system)) == ["/etc/profile", "/etc/profile.d/a.sh", f"{HOME}/.bash_login"]


def test_what_was_in_path_stays_in_it() -> None:
    around = Around({"PATH": "/opt/first:/usr/bin", "A": "1"}, "/")
    enter({"PATH": "/home/u/bin:/usr/bin", "A": "2", "B": "3"}, {"PATH": UNKNOWN, "C": UNKNOWN}, around)
    assert around.environment == {"PATH": "/home/u/bin:/usr/bin:/opt/first", "A": "1", "B": "3"}
    assert around.partly == {"C": UNKNOWN}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bash -lc 'tool x'", "/srv/own/bin/tool"),
        ("bash -lc '$APP/run'", "/srv/app/run"),
        ("bash -c 'tool x'", None),
        ("bash -ic 'other x'", "/srv/rc/bin/other"),
        ("bash -lc 'system x'", "/srv/system/bin/system"),
        ("su - other -c 'theirs x'", "/srv/theirs/bin/theirs"),
        ("sudo -iu other theirs x", "/srv/theirs/bin/theirs"),
        ("runuser -l other -c 'tool x'", None),
        ("su other -c 'theirs x'", None),
    ],
)
def test_a_profile_says_where_programs_are(tmp_path: Path, command: str, expected: str | None) -> None:
    programs = (
        *("/srv/own/bin/tool", "/srv/app/run", "/srv/rc/bin/other", "/srv/system/bin/system"),
        "/usr/bin/bash",
        "/srv/theirs/bin/theirs",
    )
    files: dict[str, str | bytes | Path] = {
        **dict.fromkeys(programs, ELF),
        "/usr/bin/asked": ELF,
        "/etc/profile": "if [ -d /etc/profile.d ]; then\n  for i in /etc/profile.d/*.sh; do . $i; done\nfi\n",
        "/etc/profile.d/own.sh": "PATH=/srv/system/bin:$PATH\nasked\n",
        f"{HOME}/.profile": 'export PATH="/srv/own/bin:$PATH" APP=/srv/app\n. ~/.bashrc\n',
        f"{HOME}/.bashrc": 'export PATH="/srv/rc/bin:$PATH"\n',
    }
    files |= {
        "/etc/passwd": "other:x:7:7::/home/v:/bin/bash\n",
        "/home/v/.profile": "PATH=$PATH:/srv/theirs/bin\n",
    }
    root = made(tmp_path, files, executable=(*programs, "/usr/bin/asked"))
    around = {"PATH": "/usr/bin", "HOME": HOME}
    following = Following(SystemFiles(root))
    for _ in range(2):  # what a profile says is kept for the next command
        found = following.follow(
            Scheduled(command, Place("/etc/crontab", 1), "boot", "at each boot", environment=around)
        )
        assert [each.executable for each in found.started] == ([expected] if expected else [])
        command += " "


def test_what_was_around_one_command_is_not_around_the_next(tmp_path: Path) -> None:
    files = {"/etc/profile": "export OF_PROFILE=/srv\n", "/usr/bin/bash": ELF, "/srv/x": ELF}
    following = Following(SystemFiles(made(tmp_path, files, executable=("/usr/bin/bash", "/srv/x"))))
    for own in ({"FIRST": "1"}, {"SECOND": "2"}):
        around = {"PATH": "/usr/bin", "HOME": HOME, **own}
        found = following.follow(
            Scheduled("bash -lc '$OF_PROFILE/x'", Place("/x"), "boot", "at each boot", environment=around)
        )
        (started,) = found.started
        assert {name for name in started.environment if name in ("FIRST", "SECOND")} == set(own)
