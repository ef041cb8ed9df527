"""Systems as /proc shows them, whose code is read: here a made-up /proc with links to roots that the test wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from code_systems import CURL, NO_OS, PYTHON, SITE, V1, V2, CodeSystem, of, said, sdk
from contexts import context
from sdk_systems import container
from soon import SOON_S

from imds_probe.collect import code, code_facts, code_reading, code_search
from imds_probe.collect.code import CodeOptions
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.own_software import OwnPackage, own_package
from imds_probe.collect.sdk_systems import System
from imds_probe.facts.code import ALL_SCHEDULED, OTHER_SCHEDULED, Code, CodeRead, NotRead
from imds_probe.facts.software import Software
from imds_probe.inventory.code import unread
from imds_probe.reading.reader import Reader
from imds_probe.system import pressure

DASH = "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5-1\n\n"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    return CodeSystem(tmp_path)


def test_what_runs_what_lies_beside_it_and_what_owns_it(system: CodeSystem) -> None:
    system.write("opt/app/main.py", "import helper, used\n")
    system.write("opt/app/helper.py", V1)
    system.write(f"{SITE}/used/__init__.py", "def ask():\n    from used import lazily\n")
    system.write(f"{SITE}/used/lazily.py", V2)
    system.write(f"{SITE}/used-1.5.dist-info/RECORD", "used/lazily.py,,\n")
    system.write(f"{SITE}/lies/__init__.py", V1)
    system.runs(5, "/opt/app/main.py")
    system.runs(6, "/opt/app/main.py")
    found = system.code(5, 6)
    assert said(found) == {
        "/opt/app/helper.py": ("v1", "running"),
        f"/{SITE}/used/lazily.py": ("v2", "running"),
        f"/{SITE}/lies/__init__.py": ("v1", "lies"),
    }
    helper = of(found, "/opt/app/helper.py")
    assert (helper.line, helper.pids, helper.package, helper.on_host, helper.owner_uid) == (2, (5, 6), None, True, None)
    assert "169.254.169.254" in helper.quote
    assert of(found, f"/{SITE}/used/lazily.py").package == "used 1.5 (pypi)"
    assert (found.read.programs, found.read.programs_read, found.read.not_read) == (1, 1, ())
    assert found.read.bytes_searched > 0
    assert found.troubles == ()


def test_a_program_of_a_distribution_has_its_row_of_the_catalog(system: CodeSystem) -> None:
    system.write("usr/bin/aws-like", b"\x7fELF" + b"\0http://169.254.169.254/latest/meta-data/\0")
    status = "Package: {0}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 18.1-1\n\n"
    system.write("var/lib/dpkg/status", status.format("cloud-init"))
    system.write("var/lib/dpkg/info/cloud-init.list", "/usr\n/usr/bin/aws-like\n")
    system.process(5, system.root, exe="/usr/bin/aws-like", argv=["renamed itself"])
    (entry,) = system.code(5).code.code
    assert (entry.path, entry.line, entry.package, entry.component) == (
        "/usr/bin/aws-like",
        None,
        "cloud-init 18.1-1 (dpkg)",
        "cloud-init",
    )


def test_libraries_that_are_recognised_are_left_to_their_recognisers(system: CodeSystem) -> None:
    """By their directory, or by the record of what was installed there."""
    system.write("m.py", "import botocore, renamed")
    system.write(f"{SITE}/botocore/__init__.py", V1)
    system.write(f"{SITE}/renamed/__init__.py", V1)
    system.write(f"{SITE}/elastic_apm-5.0.dist-info/RECORD", "renamed/__init__.py,,\n")
    system.write(f"{SITE}/boto/__init__.py", V1)
    system.write(f"{SITE}/boto-2.49.0.dist-info/RECORD", "")
    system.runs(5, "/m.py")
    found = system.code(5, sdks=(sdk("botocore", "1.12.0", 5), sdk("elastic-apm", "5.0", 5), sdk("boto", "2.49.0")))
    assert (found.code.code, found.read.programs_read) == ((), 1)
    # Another process of the same library, which nobody has recognised in that one.
    system.process(6, system.root, exe=PYTHON, argv=[PYTHON, "/m.py", "again"])
    found = system.code(5, 6, sdks=(sdk("botocore", "1.12.0", 5), sdk("elastic-apm", "5.0", 5, 6)))
    assert of(found, f"/{SITE}/botocore/__init__.py").pids == (6,)
    assert f"/{SITE}/renamed/__init__.py" not in said(found)


def test_what_no_version_decides_about_is_read(system: CodeSystem) -> None:
    """Where it depends on its use, and where it is not known which version it is."""
    system.write("m.py", "import minio, botocore")
    system.write(f"{SITE}/minio/__init__.py", V1)
    system.write(f"{SITE}/botocore/__init__.py", V1)
    system.write(f"{SITE}/botocore-1.12.0.dist-info/RECORD", "botocore/__init__.py,,\n")
    system.runs(5, "/m.py")
    found = system.code(5, sdks=(sdk("minio", "7.1.0", 5), sdk("botocore", None, 5)))
    assert said(found) == {
        f"/{SITE}/minio/__init__.py": ("v1", "running"),
        f"/{SITE}/botocore/__init__.py": ("v1", "running"),
    }
    botocore = of(found, f"/{SITE}/botocore/__init__.py")
    assert (botocore.component, botocore.manager, botocore.version) == ("botocore", "pypi", "1.12.0")


def test_a_name_is_one_of_its_own_language(system: CodeSystem) -> None:
    """Java's have an artefact "ec2", and Perl's a directory of that name."""
    module = system.write(
        "usr/share/perl5/VM/EC2/Data.pm", "my $data = LWP::Simple::get('http://169.254.169.254/latest/meta-data/');\n"
    )
    system.write("m.pl", "use VM::EC2::Data;\n")
    system.process(5, system.root, exe="/usr/bin/perl", argv=["perl", "/m.pl"])
    assert said(system.code(5)) == {module: ("v1", "running")}


def test_each_container_is_read_in_its_own_root_and_alike_ones_are_one(system: CodeSystem) -> None:
    containers = []
    for pid in (10, 11):
        root = system.image(f"image{pid}")
        system.python(root)
        system.write("app.py", V1, root)
        system.runs(pid, "/app.py", root=root)
        containers.append(container(f"app{pid}", pid))
    found = system.code(containers=containers)
    entry = of(found, "/app.py")
    assert (entry.on_host, entry.pids, entry.container_ids) == (False, (10, 11), (f"{10:064x}", f"{11:064x}"))
    assert (found.read.programs, found.read.programs_read) == (2, 2)


@pytest.mark.parametrize(("content", "component"), [(V2, "grafana-agent"), (V1, None)])
def test_what_runs_in_an_image_that_the_catalog_knows_by_its_name_is_its_code(
    system: CodeSystem, content: str, component: str | None
) -> None:
    root = system.image("image")
    system.python(root)
    system.write("app.py", content, root)
    system.write(f"{SITE}/lies/__init__.py", V2, root)
    system.runs(10, "/app.py", root=root)
    web = container("web", 10)
    agent = Software(
        "grafana-agent", "image", "grafana/agent", "latest", "name of the image", container_ids=(web.identity,)
    )
    found = system.code(containers=[web], installed=(agent,))
    assert of(found, "/app.py").component == component
    assert of(found, f"/{SITE}/lies/__init__.py").component is None


def test_a_directory_that_was_chrooted_to_is_no_container_and_not_the_host(system: CodeSystem) -> None:
    elsewhere = system.image("chroot")
    system.python(elsewhere)
    system.write("app.py", V1, elsewhere)
    system.process(6, elsewhere, exe=f"{elsewhere}{PYTHON}", argv=[PYTHON, "/app.py"])
    entry = of(system.code(6), "/app.py")
    assert (entry.on_host, entry.container_ids, entry.pids) == (False, (), (6,))


def test_a_daemon_that_went_to_an_empty_directory_is_read_where_it_was_started(system: CodeSystem) -> None:
    """As Postfix's and Dovecot's do, once they have loaded what they need."""
    program = system.write("usr/lib/postfix/pickup", b"\x7fELF")
    library = system.write("usr/lib/libask.so.1", b"\x7fELF" + b"\0http://169.254.169.254/latest/meta-data/\0")
    empty = system.image("empty")
    system.process(6, empty, exe=program, maps=f"0-1 r-xp 0 08:01 7 {library}\n")
    found = system.code(6)
    assert (found.read.programs_read, found.read.not_read) == (1, ())
    assert (of(found, library).on_host, of(found, library).pids) == (True, (6,))


def test_a_hostile_root_costs_only_itself(system: CodeSystem) -> None:
    """Links out of it, FIFOs, a script of a hundred megabytes, circles, and ten thousand imports."""
    (system.root.parent / "secret.py").write_text(V1)
    hostile = system.image("hostile")
    system.python(hostile)
    system.write("app.py", "import up, fifo, long, many, circle\n", hostile)
    (hostile / "up.py").symlink_to("../secret.py")
    os.mkfifo(hostile / "fifo.py")
    with (hostile / "long.py").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    system.write("many.py", "\n".join(f"import m{number}" for number in range(10_000)), hostile)
    system.write("circle/__init__.py", "from . import circle\nimport circle.circle\n", hostile)
    (hostile / "circle/circle").symlink_to(".")
    system.runs(10, "/app.py", root=hostile)
    system.write("own.py", V1)
    system.runs(5, "/own.py")
    found = system.code(5, containers=[container("web", 10)])
    assert said(found) == {"/own.py": ("v1", "running")}
    assert found.read.programs == 2
    (missed,) = found.read.not_read
    assert (missed.program, missed.why, missed.on_host, missed.pids) == ("/app.py", unread.GONE, False, (10,))


def test_code_that_is_an_argument_is_read_and_never_quoted(system: CodeSystem) -> None:
    system.write("usr/bin/dash", b"\x7fELF")
    text = "while sleep 9; do curl -H 'secret: x' http://169.254.169.254/latest/meta-data/; done"
    system.process(5, system.root, exe="/usr/bin/dash", argv=["sh", "-c", text])
    found = system.code(5)
    (entry,) = found.code.code
    assert (entry.path, entry.form, entry.speaks, entry.pids) == ("/usr/bin/dash", "shell", "v1", (5,))
    assert "secret" not in repr(found)


def test_code_that_is_an_argument_is_not_of_the_interpreters_package(system: CodeSystem) -> None:
    system.write("var/lib/dpkg/status", DASH)
    system.write("var/lib/dpkg/info/dash.list", "/usr\n/usr/bin/dash\n")
    system.write("usr/bin/dash", b"\x7fELF")
    system.process(5, system.root, exe="/usr/bin/dash", argv=["sh", "-c", f"while sleep 9; do {CURL.strip()}; done"])
    (entry,) = system.code(5).code.code
    assert (entry.path, entry.in_arguments, entry.package, entry.component) == ("/usr/bin/dash", True, None, None)
    image = system.image("debian")
    system.write("bin/busybox", b"\x7fELF", image)
    (image / "bin/sh").symlink_to("/bin/busybox")
    (image / "bin/busybox").chmod(0o755)
    system.write("app/ask.sh", CURL, image)
    system.process(6, image, exe="/bin/busybox", argv=["sh", "-c", CURL.strip()])
    system.process(7, image, exe="/bin/busybox", argv=["sh", "/app/ask.sh"])
    found = system.code(containers=[replace(container("web", 6, 7), image="shop:3")])
    assert {each.path: (each.in_arguments, each.package) for each in found.code.code} == {
        "/bin/busybox": (True, None),
        "/app/ask.sh": (False, "shop:3 (image)"),
    }


def test_what_is_imported_by_name_matters_where_something_there_asks(system: CodeSystem) -> None:
    system.write("usr/local/bin/tool", "__import__(name)\n")
    system.runs(5, "/usr/local/bin/tool")
    assert system.code(5).read.not_read == ()
    system.write(f"{SITE}/speaks/__init__.py", V2)
    assert system.code(5).read.not_read == ()
    system.write(f"{SITE}/lies/__init__.py", V1)
    assert system.code(5).read.not_read == (NotRead("/usr/local/bin/tool", unread.BY_NAME, pids=(5,)),)


def test_a_server_that_calls_itself_otherwise_is_known_by_where_it_was_started(system: CodeSystem) -> None:
    system.write("srv/app/wsgi.py", "x = 1\n")
    system.process(5, system.root, exe=PYTHON, argv=["gunicorn: worker [app]"], cwd="/srv/app")
    assert system.code(5).read.not_read == ()
    system.write("srv/app/client/ask.py", V1)
    found = system.code(5)
    assert said(found) == {"/srv/app/client/ask.py": ("v1", "lies")}
    assert [(each.program, each.why) for each in found.read.not_read] == [(PYTHON, unread.BY_NAME)]


def test_what_was_not_read_is_said_with_its_reason(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    system.process(5, system.root, exe="/opt/gone/agent")
    system.process(6, system.root, exe=PYTHON, argv=["gunicorn: master"])
    system.write("opt/long", b"\x7fELF" + bytes(100))
    system.process(7, system.root, exe="/opt/long")
    (system.proc / "7/exe").unlink()
    (system.proc / "7/exe").symlink_to("/opt/long")
    found = {each.pids: (each.program, each.why) for each in system.code(5, 6, 7).read.not_read}
    assert found == {(5,): ("/opt/gone/agent", unread.GONE), (6,): (PYTHON, unread.NO_SCRIPT)}
    monkeypatch.setattr(code, "READ_MAX_BYTES", 50)
    with Reader(READING, memory_mib=READING_MIB) as fresh:
        late = system.code(7, by=fresh).read
    assert (late.programs, late.programs_read, [each.why for each in late.not_read]) == (1, 0, [unread.NO_TIME])
    none = system.code(5, 6, 7, deadline_s=-1).read
    assert (none.programs, {each.why for each in none.not_read}) == (3, {unread.NO_TIME})


def test_what_hides_is_said(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    system.runs(5, "/m.py")
    monkeypatch.setattr(code_reading, "process", refuse)
    with Reader(READING, memory_mib=READING_MIB) as refused:  # forked now
        assert system.code(5, by=refused).read.not_read == (NotRead("process 5", unread.HIDDEN, pids=(5,)),)


def test_what_has_ended_meanwhile_is_no_matter_any_more(system: CodeSystem) -> None:
    system.process(5, system.root, exe="/opt/gone")
    (system.proc / "5/statm").write_text("0 0")
    found = system.code(5, 6)
    assert (found.read.programs, found.read.not_read) == (0, ())
    assert system.code(6, deadline_s=-1).read.programs == 0


def test_whose_program_was_not_read(system: CodeSystem) -> None:
    """What a user runs on his own account is no matter of the host's."""
    system.process(
        5, system.root, exe="/opt/gone", cgroup="/user.slice/user-1000.slice/user@1000.service/app.slice/x.service"
    )
    system.process(6, system.root, exe="/opt/gone-too", cgroup="/system.slice/x.service")
    owners = {each.pids: each.owner_uid for each in system.code(5, 6).read.not_read}
    assert owners == {(5,): 1000, (6,): None}


def test_whose_code_runs(system: CodeSystem) -> None:
    """A user's alone where nobody else runs it, in whatever order the processes come."""
    users, others = "/user.slice/user-{}.slice/user@{}.service/x.service", "/system.slice/x.service"
    for name, groups in {"his": (1000,), "theirs": (1001, 1000), "roots-too": (1000, None), "roots": (None,)}.items():
        system.write(f"{name}.py", V1)
        for uid in groups:
            pid = len(list(system.proc.iterdir())) + 100
            cgroup = users.format(uid, uid) if uid else others
            system.process(pid, system.root, exe=PYTHON, argv=[PYTHON, f"/{name}.py"], cgroup=cgroup)
    pids = [int(each.name) for each in system.proc.iterdir() if each.name.isdigit()]
    runners = {each.path: each.runner_uid for each in system.code(*pids).code.code}
    assert runners == {"/his.py": 1000, "/theirs.py": 1000, "/roots-too.py": None, "/roots.py": None}


def test_what_root_runs_as_well_is_not_a_users(system: CodeSystem) -> None:
    """Whichever of the processes comes first."""
    system.process(5, system.root, exe="/opt/gone", cgroup="/user.slice/user-1000.slice/user@1000.service/x.service")
    system.process(6, system.root, exe="/opt/gone", cgroup="/system.slice/x.service")
    (entry,) = system.code(5, 6).read.not_read
    assert (entry.pids, entry.owner_uid) == ((5, 6), None)


OF_USER = "/user.slice/user-{}.slice/user@{}.service/x.service"
BOTH = f"{V1}def other():\n" + "".join(f"    {line}\n" for line in V2.splitlines())


def test_what_users_run_unread_takes_no_room_of_others(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_facts, "NOT_READ_MAX", (2, 3))
    for pid in range(1, 8):
        uid = 1001 if pid == 7 else 1000
        system.process(pid, system.root, exe=f"/home/{pid}", cgroup=OF_USER.format(uid, uid))
    for pid in (8, 9):
        system.process(pid, system.root, exe=f"/opt/{pid}", cgroup="/system.slice/x.service")
    not_read = system.code(*range(1, 10)).read.not_read
    assert [each.program for each in not_read] == [
        "/opt/8",
        "/opt/9",
        "/home/1",
        "/home/7",
        "/home/2",
        "4 more programs",
    ]
    assert [each.owner_uid for each in not_read] == [None, None, 1000, 1001, 1000, 1000]
    assert not_read[-1].why == unread.NO_ROOM


def test_what_of_roots_has_no_room_is_said_as_roots(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_facts, "NOT_READ_MAX", (1, 3))
    for pid in range(1, 4):
        system.process(pid, system.root, exe=f"/opt/{pid}", cgroup="/system.slice/x.service")
    assert system.code(1, 2, 3).read.not_read[1:] == (NotRead("2 more programs", unread.NO_ROOM),)


def test_code_that_nothing_starts_takes_no_room_of_what_runs_and_no_user_anothers(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_facts, "SEEN_MAX", (1, 2))
    for number in range(5):
        system.write(f"home/u/lies{number}.py", V1)
        system.process(
            10 + number,
            system.root,
            exe=PYTHON,
            argv=[PYTHON, system.write(f"home/u/{number}.py", BOTH)],
            cgroup=OF_USER.format(1000, 1000),
        )
    system.process(
        5, system.root, exe=PYTHON, argv=[PYTHON, system.write("home/v/x.py", BOTH)], cgroup=OF_USER.format(1001, 1001)
    )
    system.process(6, system.root, exe=PYTHON, argv=[PYTHON, system.write("opt/x.py", BOTH)], cgroup="/system.slice/x")
    found = system.code(5, 6, *range(10, 15))
    running = [each.path for each in found.code.code if each.runs == "running"]
    assert running == ["/opt/x.py", "/home/u/0.py", "/home/v/x.py"]
    assert found.read.not_read == (NotRead("4 more programs", unread.NO_ROOM, starter_uid=1000),)


def test_a_container_takes_no_room_of_the_host_or_of_another(
    system: CodeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_facts, "SEEN_MAX", (1, 2))
    many, one = tmp_path / "many", tmp_path / "one"
    for root, names in ((many, "abcd"), (one, "e")):
        system.python(root)
        for name in names:
            system.write(f"{name}.py", BOTH, root)
    system.runs(6, system.write("opt/x.py", BOTH))
    pids = [system.runs(number, f"/{name}.py", root=many) for number, name in enumerate("abcd", 10)]
    system.runs(20, "/e.py", root=one)
    containers = [container("many", *pids), container("one", 20)]
    found = system.code(6, containers=containers)
    assert [each.path for each in found.code.code] == ["/opt/x.py", "/a.py", "/e.py"]
    left = found.read.not_read[-1]
    assert (left.program, left.on_host, left.container_ids) == ("3 more programs", False, (containers[0].identity,))
    assert (left.owner_uid, left.starter_uid) == (None, None)


def test_what_root_has_written_is_first_among_what_starts_something(system: CodeSystem) -> None:
    """However many files of theirs users have start it: who judges by that sees the first few alone."""
    system.write("usr/bin/status", f"#!/bin/sh\n{CURL}")
    system.write("bin/sh", b"\x7fELF")
    for name in ("usr/bin/status", "bin/sh"):
        (system.root / name).chmod(0o755)
    passwd = "".join(f"u{number}:x:{1000 + number}:1::/home/u{number}:/bin/sh\n" for number in range(12))
    system.write("etc/passwd", passwd)
    for number in range(12):
        system.write(f"home/u{number}/.profile", "/usr/bin/status\n")
    system.write("var/spool/cron/crontabs/root", "@daily /usr/bin/status\n")
    by = of(system.code(), "/usr/bin/status").started_by
    assert (by[0], len(by)) == ("/var/spool/cron/crontabs/root, daily", 10)


def test_a_program_that_was_replaced_is_read_as_it_runs(system: CodeSystem, tmp_path: Path) -> None:
    """As after an upgrade: the kernel keeps the file for as long as it runs."""
    old = tmp_path / "old"
    old.write_bytes(b"\x7fELF http://169.254.169.254/latest/meta-data/")
    system.process(5, system.root, exe="/opt/agent")
    (system.proc / "5/exe").unlink()
    (system.proc / "5/exe").symlink_to(old)
    (entry,) = system.code(5).code.code
    assert entry.path == str(old)


def test_second_run_reads_nothing_and_what_has_changed_is_read_again(system: CodeSystem, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    system.write("opt/app/main.py", "import helper, other\n")
    helper = system.write("opt/app/helper.py", V1)
    system.write("opt/app/other.py", "x = 1\n")
    system.write(f"{SITE}/lies/__init__.py", V1)
    system.runs(5, "/opt/app/main.py")
    first = system.code(5, state=state)
    left = {path.name: path.stat().st_mtime_ns for path in state.iterdir()}
    second = system.code(5, state=state)
    # All of it still holds, and is not written again.
    assert {"code.remembered", "programs.remembered"} <= set(left)
    assert {path.name: path.stat().st_mtime_ns for path in state.iterdir()} == left
    assert first.read.bytes_searched > 0
    assert second.read.bytes_searched == 0
    assert second.code == first.code
    system.write(helper, V2)
    third = system.code(5, state=state)
    assert third.read.bytes_searched == len(V2)
    assert said(third)["/opt/app/helper.py"] == ("v2", "running")
    # Without a place for it nothing is remembered.
    assert system.code(5).read.bytes_searched > len(V2)


def test_what_a_container_can_write_is_read_each_time(system: CodeSystem, tmp_path: Path) -> None:
    root = system.image("web")
    system.python(root)
    system.write("app.py", V1, root)
    system.runs(10, "/app.py", root=root)
    web = container("web", 10)
    for _ in range(2):
        with Reader(READING, memory_mib=READING_MIB) as fresh:  # as in another run
            found = system.code(containers=[web], state=tmp_path / "state", by=fresh)
        assert found.read.bytes_searched >= len(V1)


def test_a_damaged_store_is_said_and_begun_anew(system: CodeSystem, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    system.write("m.py", V1)
    system.runs(5, "/m.py")
    first = system.code(5, state=state)
    (state / "code.remembered").write_bytes(b"nonsense")
    again = system.code(5, state=state)
    assert again.code == first.code
    assert again.troubles == (f"{state}/code.remembered was damaged, and is begun anew",)
    assert system.code(5, state=state).read.bytes_searched == 0


def test_a_state_directory_below_another_root_that_leads_out_of_it_is_not_written(
    system: CodeSystem, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (system.root / "var").mkdir()
    (system.root / "var/lib").symlink_to(tmp_path / "elsewhere")
    system.write("m.py", V1)
    system.runs(5, "/m.py")
    system.code(5, state=system.root / "var/lib/imds-probe")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_probe_itself_does_not_count(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    system.write("opt/probe/lib/imds_probe/__init__.py", V2)
    system.write("opt/probe/bin/imds-probe", "import sys\nsys.path.insert(0, '/opt/probe/lib')\nimport imds_probe\n")
    system.runs(5, "/opt/probe/bin/imds-probe")
    assert system.code(5).read.programs == 1
    mark = "/opt/probe/lib/imds_probe/__init__.py"
    status = (system.root / mark[1:]).stat()
    own = OwnPackage(mark.rpartition("/")[0], mark, status.st_dev, status.st_ino)
    monkeypatch.setattr(code, "own_package", lambda: own)
    found = system.code(5)
    assert (found.code, found.read.programs) == (Code(), 0)
    # A script that starts it is somebody's, and is read.
    system.write("usr/bin/dash", b"\x7fELF")
    system.write("etc/job", "#!/bin/dash\n/usr/bin/python3.11 /opt/probe/bin/imds-probe\n" + CURL)
    system.process(6, system.root, exe="/usr/bin/dash", argv=["/bin/dash", "/etc/job"])
    assert said(system.code(5, 6)) == {"/etc/job": ("v1", "running")}
    # Another package that is called so, and lies there, is not the probe.
    monkeypatch.setattr(code, "own_package", lambda: replace(own, inode=status.st_ino + 1))
    assert system.code(5).read.programs == 1


def test_the_probe_in_a_container_or_below_another_root_does_not_count_either(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount of the same files is the same program."""
    mark = "/opt/probe/lib/imds_probe/__init__.py"
    system.write(mark, "")
    status = (system.root / mark[1:]).stat()
    own = OwnPackage(mark.rpartition("/")[0], mark, status.st_dev, status.st_ino)
    monkeypatch.setattr(code, "own_package", lambda: own)
    inside = system.image("inside")
    system.python(inside)
    system.write("start", "import sys\nsys.path.insert(0, '/opt/probe/lib')\nimport imds_probe\n", inside)
    (inside / "opt/probe/lib/imds_probe").mkdir(parents=True)
    os.link(system.root / mark[1:], inside / mark[1:])
    system.process(7, inside, exe=f"{inside}{PYTHON}", argv=[PYTHON, "/start"])
    assert system.code(7).read.programs == 0


def test_another_copy_of_the_probe_is_no_software_in_use(system: CodeSystem) -> None:
    """As the package in an image that is judged from outside, or a release that somebody tries beside it."""
    here = own_package()
    assert here is not None
    at = system.root / SITE / "imds_probe"
    shutil.copytree(here.path, at, ignore=shutil.ignore_patterns("__pycache__", "schema"))
    system.write("usr/bin/imds-probe", f"#!{PYTHON}\nfrom imds_probe.__main__ import main\nmain()\n")
    system.write("etc/crontab", f"@daily root {PYTHON} /usr/bin/imds-probe run\n")
    for program in (PYTHON, "usr/bin/imds-probe"):
        (system.root / program.lstrip("/")).chmod(0o755)
    system.runs(7, "/usr/bin/imds-probe", "daemon")
    found = system.code(7)
    assert (found.code, found.read.programs, found.read.scheduled, found.read.not_read) == (Code(), 0, 0, ())
    # One that somebody else can change may be anything, and is read to its end.
    os.chown(at, 1000, 0)
    with Reader(READING, memory_mib=READING_MIB) as fresh:
        changed = system.code(7, by=fresh)
    assert (changed.read.programs, [each.why for each in changed.read.not_read]) == (1, [])


def test_nothing_is_read_on_a_host_in_need(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "need", lambda _: "the host is short of memory")
    system.write("m.py", V1)
    system.runs(5, "/m.py")
    found = system.code(5)
    assert found.code == Code()
    assert found.troubles == ("no code was read: the host is short of memory",)
    process = NotRead("process 5", unread.IN_NEED, pids=(5,), oldest_s=found.read.not_read[0].oldest_s)
    assert found.read.not_read == (process, NotRead(ALL_SCHEDULED, unread.IN_NEED))
    assert found.read.scheduled is None


def test_processes_are_not_read_where_their_roots_are_not_known(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be read below the host's root, where other files may have the same names."""

    def failing(*given: object, unseen: list[str], **named: object) -> Iterator[System]:
        unseen.append("the root directories of processes could not be read: it does not answer")
        yield System(system.root, [5])

    monkeypatch.setattr(code, "systems", failing)
    system.write("m.py", V2)
    system.runs(5, "/m.py")
    found = system.code(5)
    assert (found.code, [(each.pids, each.why) for each in found.read.not_read]) == (Code(), [((5,), unread.HIDDEN)])
    assert (found.read.scheduled, len(found.troubles)) == (0, 1)


@pytest.mark.parametrize("why", [unread.IN_NEED, unread.NO_TIME])
def test_schedules_of_a_container_and_what_it_does_at_its_start_are_unread_where_nothing_is_read(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """What a program of cron's starts is not seen in its own processes, and no entry point is."""
    if why == unread.IN_NEED:
        monkeypatch.setattr(pressure, "need", lambda _: "the host is short of memory")
    with_cron, plain = system.image("with-cron"), system.image("plain")
    for pid, root, exe in ((7, with_cron, "/usr/sbin/cron"), (8, plain, "/usr/bin/python3.11")):
        system.write(exe, b"\x7fELF", root)
        system.process(pid, root, exe=exe)
    inside = [container("with-cron", 7), container("plain", 8)]
    found = system.code(containers=inside, deadline_s=SOON_S if why == unread.IN_NEED else -1.0)
    of_containers = [(each.program, each.why) for each in found.read.not_read if each.container_ids]
    scheduled = ALL_SCHEDULED if why == unread.IN_NEED else OTHER_SCHEDULED
    assert sorted(of_containers) == [(scheduled, why), (scheduled, why), ("process 7", why), ("process 8", why)]


def test_a_process_that_really_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own interpreter, in its own /proc, as the host has it. What else the host would start is no matter."""
    monkeypatch.setattr(code_search.Search, "look_ahead", lambda *_, **__: None)
    monkeypatch.setattr(code_search.Search, "look_on_disk", lambda *_, **__: None)
    (tmp_path / "helper.py").write_text(V1)
    (tmp_path / "main.py").write_text(
        "import sys\nif sys.argv[1:]: import helper\nprint('ready', flush=True)\nsys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "main.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    try:
        child.stdout.readline()
        found = code.look_for(
            Path("/"),
            Path("/proc"),
            pids=[child.pid],
            containers=(),
            installed=(),
            host_os=NO_OS,
            catalog=context(tmp_path).catalog,
            images={},
            options=CodeOptions(),
            reader=context(tmp_path).reader,
            deadline=time.monotonic() + 60,
        )
    finally:
        child.kill()
        child.communicate()
    helper = of(found, f"{tmp_path}/helper.py")
    assert (helper.speaks, helper.runs, helper.on_host) == ("v1", "running", True)
    assert helper.oldest_s is not None
    assert helper.newest_s == helper.oldest_s
    assert (found.read.programs, found.read.programs_read) == (1, 1)


def test_a_run_without_processes_says_so(tmp_path: Path) -> None:
    collected = code.COLLECTOR.collect(context(tmp_path))
    assert collected.partial.startswith("no processes are visible below")
    unseen = (collected.partial,)
    assert collected.given == (Code(), CodeRead(scheduled=0, scheduled_read=0, programs_unseen=unseen))


def test_in_an_image_nothing_runs_and_that_is_no_gap(tmp_path: Path) -> None:
    collected = code.COLLECTOR.collect(context(tmp_path, image=True))
    assert (collected.nothing, collected.partial) == ("no programs run, and nothing starts any", "")
    assert collected.given == (Code(), CodeRead(scheduled=0, scheduled_read=0))


def test_a_library_that_was_copied_into_a_project_is_known_by_its_own_constant(system: CodeSystem) -> None:
    system.write("opt/app/main.py", "import sys\nsys.path.append('/opt/libs')\nimport botocore.utils\n")
    system.write("opt/libs/botocore/__init__.py", "__version__ = '1.12.253'\n")
    path = system.write("opt/libs/botocore/utils.py", V1)
    code = of(system.code(system.runs(5, "/opt/app/main.py")), path)
    assert (code.component, code.version, code.speaks, code.runs) == ("botocore", "1.12.253", "v1", "running")
    assert system.code(5, sdks=[sdk("botocore", "1.12.253", 5)]).code.code == ()  # its recogniser has it


def test_a_copy_in_a_programs_own_code_owns_nothing_but_itself(system: CodeSystem) -> None:
    system.write("opt/app/main.py", f"import botocore.utils\n{V1}")
    system.write("opt/app/botocore/__init__.py", "__version__ = '1.40.0'\n")
    system.write("opt/app/botocore/utils.py", V2)
    pid = system.runs(5, "/opt/app/main.py")
    assert [each.component for each in system.code(pid).code.code] == [None]
    (code,) = system.code(pid, sdks=[sdk("botocore", "1.40.0", pid)]).code.code
    assert (code.path, code.speaks) == ("/opt/app/main.py", "v1")


@pytest.mark.parametrize(
    ("code", "environment", "asks"),
    [
        ("import boto3\n", "HOME=/root\0", True),
        ("import boto3\n", "", True),  # a service: its account's home counts
        ("import json\n", "HOME=/root\0AWS_PROFILE=default\0", True),  # an SDK that nothing else shows
        ("import json\n", "HOME=/root\0", False),
        ("import boto3\n", "HOME=/srv\0", False),
        ("import boto3\n", "HOME=/root\0AWS_PROFILE=other\0", False),
    ],
)
def test_the_program_that_an_sdk_has_its_credentials_from_is_read(
    system: CodeSystem, code: str, environment: str, *, asks: bool
) -> None:
    """In a container, whose schedules nobody would start."""
    image = system.image("shop")
    system.python(image)
    for path, content in {
        "usr/bin/sh": "\x7fELF",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "root/.aws/config": "[default]\ncredential_process = /opt/own.sh 'it is'\n",
        "opt/own.sh": f"#!/usr/bin/sh\n{CURL}",
        "srv/x.py": code,
        f"{SITE}/boto3/__init__.py": "",
    }.items():
        system.write(path, content, image)
    system.process(7, image, exe=PYTHON, argv=[PYTHON, "/srv/x.py"], env=environment, cgroup="/docker/x")
    (system.proc / "7/status").write_text("Uid:\t0\t0\t0\t0\n")
    found = system.code(containers=[container("shop", 7)])
    assert said(found) == ({"/opt/own.sh": ("v1", "running")} if asks else {})
    assert [each.pids for each in found.code.code] == ([(7,)] if asks else [])


def test_a_process_of_erlang_is_followed_into_its_libraries(system: CodeSystem) -> None:
    beam = system.write("usr/lib/erlang/erts-13/bin/beam.smp", b"\x7fELF")
    system.write("opt/rabbit/plugins/rabbit-3.10/ebin/rabbit.beam", b"FOR1")
    line = (
        "beam.smp -W w -- -root /usr/lib/erlang -progname erl -- -home /srv -- -noinput -s rabbit boot -boot start_sasl"
    )
    for pid, environment in ((7, "ERL_LIBS=/opt/rabbit/plugins\0"), (8, "")):
        system.process(pid, system.root, exe=beam, argv=line.split(), env=environment)
    assert [each.pids for each in system.code(7, 8).read.not_read] == [(8,)]
