from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import cron
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = "root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/bash\n"


def looked(root: Path) -> tuple[list[Scheduled], list[str]]:
    files = SystemFiles(root)
    return list(cron.look(files)), files.troubles


def test_a_line_of_the_systems_table(tmp_path: Path) -> None:
    table = "# m h\nSHELL=/bin/bash\n A = 'b c' \n\n17 *\t* * *   root:staff  cd / && run-parts /etc/x\r\n"
    made(tmp_path, {"/etc/crontab": table, "/etc/passwd": PASSWD})
    (entry,), troubles = looked(tmp_path)
    assert troubles == []
    assert (entry.command, entry.place) == ("cd / && run-parts /etc/x", Place("/etc/crontab", 5))
    assert (entry.kind, entry.how_often, entry.every_s) == ("scheduled", "hourly", 3600)
    assert (entry.user, entry.directory) == ("root", "/root")
    assert entry.environment == {
        "PATH": cron.PATH,
        "SHELL": "/bin/bash",
        "HOME": "/root",
        "LOGNAME": "root",
        "USER": "root",
        "A": "b c",
    }


@pytest.mark.parametrize(
    "directory", ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/etc/crontabs", "/var/spool/cron"]
)
def test_every_place_of_users_tables_is_read_once(tmp_path: Path, directory: str) -> None:
    made(tmp_path, {f"{directory}/root": "@daily x\n", "/var/spool/cron/.hidden": "@daily x\n"})
    if directory == "/etc/crontabs":
        made(tmp_path, {"/var/spool/cron/crontabs": Path("/etc/crontabs")})
    entries, _ = looked(tmp_path)
    assert len(entries) == 1


def test_packages_tables_are_heeded_by_their_names(tmp_path: Path) -> None:
    made(tmp_path, {f"/etc/cron.d/{name}": "@daily root x\n" for name in ("backup", "b.sh", "b~", ".b", "b.rpmsave")})
    assert [entry.place.path for entry in looked(tmp_path)[0]] == ["/etc/cron.d/b.sh", "/etc/cron.d/backup"]
    made(tmp_path, {"/etc/debian_version": "12\n"})
    assert [entry.place.path for entry in looked(tmp_path)[0]] == ["/etc/cron.d/backup"]


def test_a_percent_sign_ends_the_command(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/crontab": "@daily root date +\\%F %input%more\n"})
    assert [entry.command for entry in looked(tmp_path)[0]] == ["date +%F "]


def test_a_line_that_makes_no_sense_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/crontab": "61 * * * * root x\n* * * *\n@daily root y\n@x root y\n"})
    entries, troubles = looked(tmp_path)
    assert [entry.command for entry in entries] == ["y"]
    assert troubles == [f"line {number} of /etc/crontab is not a line of a crontab" for number in (1, 2, 4)]


def test_a_table_of_100_mb_is_read_at_its_beginning(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/crontab": "@daily root x\n", "/etc/cron.d/other": "@daily root y\n"})
    with (tmp_path / "etc/crontab").open("r+b") as file:
        file.truncate(100 * 2**20)
    entries, troubles = looked(tmp_path)
    assert [entry.command for entry in entries] == ["x", "y"]
    assert troubles[0] == "only the first 1048576 bytes of /etc/crontab were read"


def test_a_table_that_is_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "etc/crontab").mkdir(parents=True)
    assert looked(tmp_path) == ([], ["/etc/crontab is not a regular file"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=b", ("A", "b")),
        ("A_1 = 'b'", ("A_1", "b")),
        ("A=", ("A", "")),
        ("A='b", ("A", "'b")),
        ("1A=b", None),
        ("=b", None),
        ("* * * * * A=b x", None),
        ("@daily A=b", None),
    ],
)
def test_assignments(line: str, expected: tuple[str, str] | None) -> None:
    assert cron.assignment(line) == expected


@pytest.mark.parametrize(
    ("shell", "commands"),
    [
        ("/bin/bash", ["x y"]),
        ("/usr/bin/fish", ["x y"]),
        ("/opt/wrapper", [("/opt/wrapper", "-c", "x y"), "x y"]),
        ("/usr/bin/python3.11", [("/usr/bin/python3.11", "-c", "x y")]),
    ],
)
def test_a_shell_that_is_no_usual_one_runs_each_line(
    tmp_path: Path, shell: str, commands: list[str | tuple[str, ...]]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/crontab").write_text(f"SHELL={shell}\n@daily root x y\n")
    assert [each.command for each in looked(tmp_path)[0]] == commands
