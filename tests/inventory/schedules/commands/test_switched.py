from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF, followed
from small_roots import made

from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.switched import PARTS_MAX, Switched, secure_paths
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import environment

CRON = "/usr/bin:/bin"
LINE = 'Defaults\tsecure_path="/usr/local/bin:/usr/bin"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINE, ["/usr/local/bin:/usr/bin"]),
        ("Defaults secure_path = /a:/b\n", ["/a:/b"]),
        ("Defaults    env_reset, \\\n  secure_path=/a, mail_badpass\n", ["/a"]),
        ("Defaults:ana secure_path += '/c'\nDefaults secure_path=/a\n", ["/c", "/a"]),
        ("Defaults !secure_path\n# Defaults secure_path=/a\nana ALL=(ALL) ALL\n", []),
    ],
)
def test_what_sudoers_has_as_path(text: str, expected: list[str]) -> None:
    assert list(secure_paths(text)) == expected


@pytest.mark.parametrize(
    ("program", "login", "is_root", "files", "expected"),
    [
        ("sudo", False, True, {"/etc/sudoers": LINE}, "/usr/local/bin:/usr/bin:/bin"),
        ("sudo", False, False, {"/etc/sudoers.d/x": LINE}, "/usr/local/bin:/usr/bin:/bin"),
        ("sudo", False, True, {"/etc/sudoers.d/x.bak": LINE, "/etc/sudoers": "ana ALL=(ALL) ALL\n"}, CRON),
        (
            "sudo",
            True,
            True,
            {"/etc/sudoers": LINE, "/etc/login.defs": "ENV_SUPATH /s\n"},
            "/usr/local/bin:/usr/bin:/s:/bin",
        ),
        ("su", False, False, {"/etc/login.defs": "ENV_PATH PATH=/a\n"}, CRON),
        ("su", True, False, {"/etc/login.defs": "ENV_SUPATH\tPATH=/s\nENV_PATH\tPATH=/a:/b\n"}, "/a:/b:/usr/bin:/bin"),
        ("su", True, True, {"/etc/login.defs": "ENV_SUPATH\tPATH=/s\nENV_PATH\tPATH=/a\n"}, "/s:/usr/bin:/bin"),
        ("runuser", True, False, {}, "/usr/local/bin:/bin:/usr/bin"),
        ("su", True, False, {"/etc/environment": 'PATH="/o:/bin"\n'}, "/usr/local/bin:/bin:/usr/bin:/o"),
        ("systemd-run", False, True, {}, environment.PATH),
        ("timeout", False, True, {"/etc/sudoers": LINE}, CRON),
    ],
)
def test_what_a_program_starts_has_the_path_that_it_sets(
    tmp_path: Path, program: str, login: bool, is_root: bool, files: dict[str, str | Path], expected: str
) -> None:
    switched = Switched(SystemFiles(made(tmp_path, files)))
    assert [switched.path(program, CRON, login=login, is_root=is_root) for _ in range(2)] == [expected] * 2


def test_whoever_asks_depends_on_the_files(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/etc/sudoers": LINE}))
    switched = Switched(files)
    for _ in range(2):
        files.trail = set()
        switched.path("sudo", CRON, login=False, is_root=True)
        assert {"/etc/sudoers", "/etc/sudoers.d"} <= files.trail


def test_a_path_has_an_end(tmp_path: Path) -> None:
    long = ":".join(f"/{number}" for number in range(1000))
    switched = Switched(SystemFiles(made(tmp_path, {"/etc/sudoers": f"Defaults secure_path={long}\n"})))
    assert switched.path("sudo", CRON, login=False, is_root=True).count("/") == PARTS_MAX


HOME = "/home/ana"
ROOT: dict[str, str | bytes | Path] = {
    **dict.fromkeys(
        ("/usr/bin/bash", "/usr/local/bin/usual", "/opt/safe/safe", f"{HOME}/bin/own", "/opt/tools/bin/tool"), ELF
    ),
    "/etc/passwd": f"root:x:0:0::/root:/bin/bash\nana:x:7:7::{HOME}:/bin/bash\n",
    "/etc/sudoers": 'Defaults secure_path="/opt/safe:/usr/bin"\n',
    f"{HOME}/.bash_profile": "PATH=$PATH:$HOME/bin\nexport PATH\n",
    "/etc/modulefiles/tools": "prepend-path PATH /opt/tools/bin\n",
    "/opt/login": "#!/usr/bin/bash -l\nown\n",
    "/opt/plain": "own\n",
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("usual", None),
        ("own", None),
        ("sudo -n safe x", "/opt/safe/safe"),
        ("sudo -u ana own", None),
        ("su ana -c own", None),
        ("su - ana -c 'own x'", f"{HOME}/bin/own"),
        ("su -lc 'own x' ana", f"{HOME}/bin/own"),
        ("su - ana -c usual", "/usr/local/bin/usual"),
        ("runuser -l ana -c 'own x'", f"{HOME}/bin/own"),
        ("sudo -Hiu ana own x", f"{HOME}/bin/own"),
        ("sudo -u ana bash -lc 'own x'", f"{HOME}/bin/own"),
        ("sudo su - ana -c 'own x'", f"{HOME}/bin/own"),
        ("su - -c own", None),
        ("systemd-run --scope usual", "/usr/local/bin/usual"),
        ("module load tools && tool", "/opt/tools/bin/tool"),
        ("ml tools; tool", "/opt/tools/bin/tool"),
        ("tool", None),
    ],
)
def test_a_program_is_found_where_the_other_user_finds_it(tmp_path: Path, command: str, expected: str | None) -> None:
    executable = tuple(path for path, content in ROOT.items() if content == ELF)
    at = made(tmp_path, ROOT, executable=executable)
    found = followed(at, command)
    assert [each.executable for each in found.started] == ([expected] if expected else [])
    assert not found.unfollowed


@pytest.mark.parametrize(
    ("command", "is_found"),
    [("/opt/login", True), ("bash -l /opt/plain", True), ("bash /opt/plain", False), ("bash --login /opt/plain", True)],
)
def test_a_script_for_a_login_shell_has_the_path_of_the_profile(
    tmp_path: Path, command: str, *, is_found: bool
) -> None:
    executable = (*(path for path, content in ROOT.items() if content == ELF), "/opt/login")
    at = made(tmp_path, ROOT, executable=executable)
    scheduled = Scheduled(command, Place("/x"), "boot", "", environment={"PATH": "/usr/bin", "HOME": HOME})
    found = Following(SystemFiles(at)).follow(scheduled)
    assert (f"{HOME}/bin/own" in [each.executable for each in found.started]) is is_found


def test_what_one_profile_says_is_kept_without_the_variables_of_who_read_it_first(tmp_path: Path) -> None:
    executable = tuple(path for path, content in ROOT.items() if content == ELF)
    following = Following(SystemFiles(made(tmp_path, ROOT, executable=executable)))
    for variables in ({"SECRET": "x"}, {}):
        around = {"PATH": "/usr/bin", "HOME": HOME, **variables}
        found = following.follow(Scheduled("bash -lc own", Place("/x"), "boot", "", environment=around))
        assert [each.environment.get("SECRET") for each in found.started] == [variables.get("SECRET")]
