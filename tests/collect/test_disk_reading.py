"""Code on a host's disk that nothing loads and nothing starts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, V1, V2, CodeSystem, of, said, sdk
from sdk_systems import container
from small_roots import made

from imds_probe.collect import disk_reading, named_reading
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.disk_tasks import ELSEWHERE_MAX, PLACES, places
from imds_probe.collect.named_tasks import NamedIn, Naming
from imds_probe.collect.own_software import OwnPackage
from imds_probe.reading.reader import Reader
from imds_probe.system import pressure
from imds_probe.system.walk import TIME_OVER, TOO_MANY_FILES

LIES = ("v1", "lies")
SHELL = f"#!/bin/sh\n{CURL}"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    return CodeSystem(tmp_path)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/usr/local/bin/backup.sh", SHELL),
        ("/opt/tool/run.py", V1),
        ("/srv/app/a/b/c/ask.rb", "require 'open-uri'\nURI.open('http://169.254.169.254/latest/meta-data/')\n"),
        ("/home/jane/notes.sh", SHELL),
        ("/root/x.pl", "`curl -s http://169.254.169.254/latest/meta-data/instance-id`;\n"),
        ("/etc/odd/hook.sh", SHELL),
        ("/var/www/html/i.php", "<?php file_get_contents('http://169.254.169.254/latest/meta-data/');\n"),
    ],
)
def test_it_is_a_warning_with_its_place(system: CodeSystem, path: str, content: str) -> None:
    system.write(path, content)
    found = system.code()
    assert said(found) == {path: LIES}
    assert (of(found, path).pids, of(found, path).started_by, found.troubles) == ((), (), ())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/acme/agent.yml", "hook: {}\n"),
        ("/opt/acme/conf/x.properties", "exec={} --now\n"),
        ("/etc/default/acme", 'HOOK="{}"\n'),
    ],
)
def test_settings_of_software_that_nobody_knows_may_name_it(system: CodeSystem, path: str, line: str) -> None:
    hook = "/opt/acme/hook.sh"
    made(system.root, {hook: SHELL, path: line.format(hook)})
    assert of(system.code(), hook).started_by == (path,)
    system.write("/etc/crontab", f"@daily root sh {hook}\n")
    made(system.root, {"/bin/sh": b"\x7fELF"}, executable=("/bin/sh",))
    assert of(system.code(), hook).started_by == ("/etc/crontab, daily",)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/acme/agent.yml", "# hook: {}\n"),
        ("/etc/acme/agent.yml", "hook: {}.old\n"),
        ("/etc/acme/agent.yml", "hook: /mnt{}\n"),
        ("/etc/acme/README", "{} is for you\n"),
        ("/etc/apparmor.d/x.conf", "{} r,\n"),
        ("/etc/supervisor/conf.d/x.conf", "[program:x]\nautostart=false\ncommand={}\n"),
    ],
)
def test_what_is_no_setting_or_another_name_names_nothing(system: CodeSystem, path: str, line: str) -> None:
    made(system.root, {"/opt/acme/hook.sh": SHELL, path: line.format("/opt/acme/hook.sh")})
    assert of(system.code(), "/opt/acme/hook.sh").started_by == ()


def test_settings_that_a_user_can_write_are_no_doubt(system: CodeSystem) -> None:
    made(system.root, {"/opt/acme/hook.sh": SHELL, "/etc/acme/agent.yml": "hook: /opt/acme/hook.sh\n"})
    os.chown(system.root / "etc/acme/agent.yml", 1000, 1000)
    assert of(system.code(), "/opt/acme/hook.sh").started_by == ()


def test_more_settings_than_are_read_are_told_of(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_reading, "FILES_MAX", 2)
    made(
        system.root, {f"/etc/acme/{number}.yml": "x: y\n" for number in range(3)} | {"/etc/default/a": "A=/opt/b.sh\n"}
    )
    asked = NamedIn(str(system.root), ("/opt/a.sh", "/opt/b.sh"), time.monotonic() + 600)
    assert list(named_reading.read_named(asked)) == [
        Naming("/opt/b.sh", "/etc/default/a"),
        Naming(cut_short=TOO_MANY_FILES),
    ]
    late = NamedIn(asked.root, asked.paths, time.monotonic() - 1)
    assert list(named_reading.read_named(late)) == [Naming(cut_short=TIME_OVER)]


def test_a_name_without_an_end_is_code_where_somebody_may_execute_it(system: CodeSystem) -> None:
    made(system.root, {"/usr/local/bin/a": CURL, "/usr/local/bin/b": CURL}, executable=("/usr/local/bin/a",))
    assert said(system.code()) == {"/usr/local/bin/a": LIES}


def test_the_modules_of_a_package_are_judged_together(system: CodeSystem) -> None:
    halves = {
        "/opt/a/__init__.py": "BASE = 'http://169.254.169.254'\n",
        "/opt/a/get.py": "def get(path, headers):\n    return requests.get(BASE + '/latest/meta-data/' + path, headers=headers)\n",
    }
    made(system.root, halves)
    assert set(said(system.code()).values()) == {LIES}
    system.write("/opt/a/token.py", "HEADER = 'X-aws-ec2-metadata-token'\nPATH = '/latest/api/token'\n")
    assert set(said(system.code()).values()) == {("v2", "lies")}


def test_what_runs_or_is_started_does_not_lie_there(system: CodeSystem) -> None:
    made(
        system.root,
        {
            "/opt/app/main.py": "import helper\n" + V2,
            "/opt/app/helper.py": V1,
            "/opt/app/other.py": V1,
            "/usr/local/bin/night.py": V1,
            "/etc/crontab": f"@daily root {PYTHON} /usr/local/bin/night.py\n",
            PYTHON: "",
        },
        executable=(PYTHON,),
    )
    system.runs(5, "/opt/app/main.py")
    found = said(system.code(5))
    assert found.pop("/opt/app/other.py") == LIES
    assert found.pop("/usr/local/bin/night.py") == ("v1", "scheduled")
    assert {runs for _, runs in found.values()} == {"running"}


def test_libraries_that_recognisers_have_found_are_left_to_them(system: CodeSystem) -> None:
    system.write("/opt/v/lib/python3.11/site-packages/boto/utils.py", V1)
    system.write("/opt/v/lib/python3.11/site-packages/other/utils.py", V1)
    assert set(said(system.code()).values()) == {LIES}
    found = said(system.code(sdks=(sdk("boto", "2.49.0"),)))
    assert found == {"/opt/v/lib/python3.11/site-packages/other/utils.py": LIES}


def test_what_a_distribution_ships_is_named_only_where_it_is_used(system: CodeSystem) -> None:
    path = "/etc/vendor/ask.sh"
    made(
        system.root,
        {
            path: SHELL,
            "/var/lib/dpkg/status": "Package: vendor\nStatus: install ok installed\nVersion: 1\n",
            "/var/lib/dpkg/info/vendor.list": f"/.\n{path}\n",
            "/bin/sh": b"\x7fELF",
        },
        executable=(path, "/bin/sh"),
    )
    assert said(system.code()) == {}
    system.write("/etc/crontab", f"@daily root {path}\n")
    assert said(system.code()) == {path: ("v1", "scheduled")}


def test_it_is_looked_for_where_something_runs(system: CodeSystem) -> None:
    made(system.root, {"/data/app/main.py": "x = 1\n", "/data/app/tools/ask.py": V1, "/data/else/ask.py": V1})
    assert said(system.code()) == {}
    system.runs(5, "/data/app/main.py")
    assert said(system.code(5)) == {"/data/app/tools/ask.py": LIES}


def test_places_that_are_in_use_are_bounded() -> None:
    named = ["/usr/bin/x", "/opt/y/z", "/tmp/z/a", "/app.py", "relative", "[kernel]", *(f"/d{n}/x" for n in range(99))]
    found = places(named)
    assert found == (*PLACES, *(f"/d{n}" for n in range(ELSEWHERE_MAX)))


def test_a_container_is_searched_by_its_owner(system: CodeSystem) -> None:
    inner = system.image("web")
    system.python(inner)
    system.write("/opt/ask.py", V1, inner)
    system.write("/app.py", "x = 1\n", inner)
    system.runs(10, "/app.py", root=inner)
    assert said(system.code(containers=[container("web", 10)])) == {}


def test_nothing_leads_out_of_the_root_and_nothing_blocks(system: CodeSystem, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(V1)
    at = system.root / "opt"
    at.mkdir()
    (at / "up.py").symlink_to("../../outside.py")
    (at / "up").symlink_to("../..")
    os.mkfifo(at / "fifo.py")
    (at / b"\xff.py".decode("utf-8", "surrogateescape")).write_text(V1)
    with (at / "long.sh").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    system.write("/opt/x.py", V1)
    found = system.code()
    assert (said(found), found.troubles) == ({"/opt/x.py": LIES}, ())


def test_it_is_remembered(system: CodeSystem, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    system.write("/opt/x.py", V1)
    system.write("/opt/y.py", "x = 1\n")
    first, second = system.code(state=state), system.code(state=state)
    assert first.read.bytes_searched > 0
    assert (second.read.bytes_searched, second.code) == (0, first.code)
    system.write("/opt/y.py", V1)
    assert said(system.code(state=state)) == {"/opt/x.py": LIES, "/opt/y.py": LIES}


@pytest.mark.parametrize(("bound", "most"), [("ENTRIES_MAX", 150), ("FILES_MAX", 5)])
def test_more_than_the_limit_is_said_and_what_was_read_is_kept(
    system: CodeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(disk_reading, bound, most)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    made(system.root, {f"/opt/{number:03}.py": V1 for number in range(200)})
    with Reader(READING, memory_mib=READING_MIB) as own:  # forked now
        found = system.code(state=state, by=own)
        assert found.troubles == ("not all code on disk that nothing starts was read: there was no time left",)
        assert 0 < len(found.code.code) < 200
        assert system.code(state=state, by=own).read.bytes_searched == 0


def test_scripts_are_read_before_programs(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imds_probe.collect.code.READ_MAX_BYTES", 100_000)
    made(system.root, {"/opt/a/long": b"\x7fELF" + bytes(200_000), "/srv/x.py": V1}, executable=("/opt/a/long",))
    assert said(system.code()) == {"/srv/x.py": LIES}


def test_what_was_read_is_handed_on_and_forgotten(
    system: CodeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_reading, "LEARNT_AT_A_TIME", 3)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    made(system.root, {f"/opt/{number}.py": V1 for number in range(10)})
    with Reader(READING, memory_mib=READING_MIB) as own:  # forked now
        first, second = system.code(state=state, by=own), system.code(state=state, by=own)
    assert (len(first.code.code), second.code, second.read.bytes_searched) == (10, first.code, 0)


def test_a_host_in_need_is_left_alone(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = iter(("", "the host is short of memory"))
    monkeypatch.setattr(pressure, "need", lambda _: next(needs, "the host is short of memory"))
    made(system.root, {f"/opt/{number}.py": V1 for number in range(3)})
    found = system.code()
    assert len(found.code.code) == 1
    assert found.troubles == ("not all code on disk that nothing starts was read: the host is short of memory",)


def test_the_probe_itself_does_not_lie_there(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = system.write("/opt/probe/lib/imds_probe/__init__.py", V1)
    status = (system.root / mark[1:]).stat()
    own = OwnPackage(mark.rpartition("/")[0], mark, status.st_dev, status.st_ino)
    monkeypatch.setattr("imds_probe.collect.code.own_package", lambda: own)
    assert said(system.code()) == {}
