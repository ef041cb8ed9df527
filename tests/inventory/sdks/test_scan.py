from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.inventory.sdks.running import Running, look
from imds_probe.inventory.sdks.scan import FileCache, Scan, Use
from imds_probe.inventory.sdks.start import Start
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed
from imds_probe.system.walk import Budget

CATALOG = Catalog.load()
NAMES = {ecosystem: CATALOG.package_names(ecosystem) for ecosystem in RECOGNISED}


def write(root: Path, path: str, content: str | bytes) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())


def running(
    pid: int, executable: str = "/bin/app", loaded: tuple[str, ...] = (), *directories: tuple[str, str]
) -> Running:
    return Running(pid, executable, frozenset({executable, *loaded}), directories)


def jar(version: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("META-INF/maven/com.amazonaws/aws-java-sdk-core/pom.properties", f"version={version}\n")
    return out.getvalue()


def short(uses: list[Use]) -> list[tuple[str, str | None, tuple[int, ...]]]:
    return [(use.located.found.package, use.located.found.version, use.pids) for use in uses]


def test_every_ecosystem_by_the_process_that_has_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        "/usr/lib/python3.9/site-packages/botocore-1.12.1.dist-info/METADATA",
        "Name: botocore\nVersion: 1.12.1\n",
    )
    write(tmp_path, "/srv/node_modules/aws-sdk/package.json", json.dumps({"name": "aws-sdk", "version": "2.1.0"}))
    write(tmp_path, "/opt/gems/specifications/aws-sdk-core-3.70.0.gemspec", "")
    write(tmp_path, "/srv/vendor/composer/installed.json", '[{"name": "aws/aws-sdk-php", "version": "3.1.0"}]')
    write(tmp_path, "/app/App.deps.json", '{"libraries": {"AWSSDK.Core/3.7.1": {}}}')
    write(tmp_path, "/app/lib/a.jar", jar("1.11.600"))
    write(tmp_path, "/app/open.jar", jar("1.11.700"))
    processes = [
        running(1, "/usr/bin/python3.9", (), ("pypi", "/usr/lib/python3*/site-packages"), ("pypi", "/none")),
        running(2, "/usr/bin/node", (), ("npm", "/srv/node_modules")),
        running(3, "/usr/bin/ruby", (), ("gem", "/opt/gems")),
        running(4, "/usr/bin/php", (), ("composer", "/srv/vendor/composer")),
        running(5, "/usr/bin/dotnet", (), ("nuget", "/app")),
        running(6, "/usr/bin/java", ("/app/open.jar",), ("maven", "/app/lib")),
        running(7, "/usr/bin/python3.9", (), ("pypi", "/usr/lib/python3*/site-packages")),
    ]
    scan = Scan(tmp_path, NAMES)
    assert sorted(short(scan.of_processes(processes))) == [
        ("AWSSDK.Core", "3.7.1", (5,)),
        ("aws-sdk", "2.1.0", (2,)),
        ("aws-sdk-core", "3.70.0", (3,)),
        ("aws/aws-sdk-php", "3.1.0", (4,)),
        ("botocore", "1.12.1", (1, 7)),
        ("com.amazonaws:aws-java-sdk-core", "1.11.600", (6,)),
        ("com.amazonaws:aws-java-sdk-core", "1.11.700", (6,)),
    ]
    assert scan.troubles == []


def test_an_archive_that_java_is_started_with_may_be_called_as_it_likes(tmp_path: Path) -> None:
    write(tmp_path, "/opt/app/app", b"#!/bin/sh\nexec java -jar $0\n" + jar("1.11.600"))
    write(tmp_path, "/opt/app/text", b"x" * 100)
    os.mkfifo(tmp_path / "opt/app/pipe")
    named = [("maven", f"/opt/app/{name}") for name in ("app", "text", "pipe", "none")]
    scan = Scan(tmp_path, NAMES)
    (use,) = scan.of_processes([running(1, "/usr/bin/java", (), *named)])
    assert (use.located.path, use.located.found.version, use.pids) == ("/opt/app/app", "1.11.600", (1,))


def test_a_go_program_by_its_executable(tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    shutil.copy("/usr/sbin/dockerd", tmp_path / "usr/sbin/dockerd")
    scan = Scan(tmp_path, NAMES)
    (use,) = scan.of_processes([running(1, "/usr/sbin/dockerd"), running(2, "/usr/sbin/dockerd")])
    assert use.located.found == Library(
        "go", "github.com/aws/aws-sdk-go", None, "names of functions", at_least="1.25.38"
    )
    assert use.pids == (1, 2)


def test_trouble_with_one_place_is_said_and_ends_nothing(tmp_path: Path) -> None:
    write(tmp_path, "/srv/node_modules/aws-sdk/package.json", json.dumps({"name": "aws-sdk", "version": "2.1.0"}))
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "app.jar")
    scan = Scan(tmp_path, NAMES)
    process = running(1, "/usr/bin/node", ("/app.jar",), ("npm", "/loop/x"), ("npm", "/srv/node_modules"))
    assert short(scan.of_processes([process])) == [("aws-sdk", "2.1.0", (1,))]
    assert len(scan.troubles) == 2
    assert any("not a regular file" in trouble for trouble in scan.troubles)


RECORD = "/lib/python3.9/site-packages/botocore-1.12.1.dist-info/METADATA"
METADATA = "Name: botocore\nVersion: 1.12.1\n"


@pytest.mark.parametrize(
    ("config", "sees"),
    [
        ("home = /usr/bin\ninclude-system-site-packages = false\n", False),
        ("home = /usr/bin\n", False),
        ("include-system-site-packages = True\n", True),
        (None, True),
    ],
)
def test_a_virtual_environment_sees_the_base_only_if_it_is_told_to(
    tmp_path: Path, config: str | None, sees: bool
) -> None:
    write(tmp_path, f"/usr{RECORD}", METADATA)
    if config is not None:
        write(tmp_path, "/srv/env/pyvenv.cfg", config)
    base = (("pypi", "/usr/lib/python3.9/site-packages"),)
    process = replace(running(1, "/usr/bin/python3.9"), base=base, prefixes=("/srv/none", "/srv/env"))
    assert bool(Scan(tmp_path, NAMES).of_processes([process])) is sees


@pytest.mark.parametrize(("module", "uses"), [("_ssl.cpython-39.so", False), ("_json.cpython-39.so", True)])
def test_a_python_without_tls_uses_none_where_tls_is_a_module_to_load(tmp_path: Path, module: str, uses: bool) -> None:
    write(tmp_path, f"/usr{RECORD}", METADATA)
    write(tmp_path, f"/usr/lib/python3.9/lib-dynload/{module}", "")
    directories = (("pypi", "/usr/lib/python3.9/site-packages"),)
    process = running(1, "/usr/bin/python3.9", (), *directories)
    scan = Scan(tmp_path, NAMES)
    assert bool(scan.of_processes([replace(process, without_tls="/usr/lib/python3*/lib-dynload")])) is uses
    assert scan.of_processes([process])


@pytest.mark.parametrize(
    ("script", "uses"),
    [
        ("import time\ntime.sleep(9)\n", False),
        ("def night():\n    import boto3\n    boto3.client('s3')\n", True),
        ("import sys\nsys.path.append('/opt/other')\n", False),
    ],
)
def test_a_python_without_tls_uses_what_its_own_code_imports_later(tmp_path: Path, script: str, uses: bool) -> None:
    write(tmp_path, RECORD, METADATA)
    write(tmp_path, "/usr/lib/python3.9/lib-dynload/_ssl.so", b"")
    write(tmp_path, "/opt/app/main.py", script)
    start = Start("/usr/bin/python3.9", "/", ("python3.9", "/opt/app/main.py"), {}, frozenset(), tmp_path)
    process = running(1, "/usr/bin/python3.9", (), ("pypi", "/lib/python3.9/site-packages"))
    process = replace(process, without_tls="/usr/lib/python3*/lib-dynload", own_code=(("pypi", start),))
    assert bool(Scan(tmp_path, NAMES).of_processes([process])) is uses


def test_directories_that_a_program_adds_are_looked_into(tmp_path: Path) -> None:
    write(tmp_path, "/opt/libs/botocore/__init__.py", "__version__ = '1.12.253'\n")
    write(tmp_path, "/opt/app/main.py", "import sys\nsys.path.insert(0, '/opt/libs')\n")
    start = Start("/usr/bin/python2.7", "/", ("python2.7", "/opt/app/main.py"), {}, frozenset(), tmp_path)
    process = replace(running(1, "/usr/bin/python2.7"), own_code=(("pypi", start),))
    assert short(Scan(tmp_path, NAMES).of_processes([process])) == [("botocore", "1.12.253", (1,))]


def test_an_archive_that_a_program_adds_is_looked_into(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("botocore/__init__.py", "__version__ = '1.12.253'\n")
    write(tmp_path, "/opt/app/libs.zip", packed.getvalue())
    write(tmp_path, "/opt/app/main.py", "import sys\nsys.path.insert(0, '/opt/app/libs.zip')\n")
    start = Start("/usr/bin/python3.9", "/", ("python3.9", "/opt/app/main.py"), {}, frozenset(), tmp_path)
    process = replace(running(1, "/usr/bin/python3.9"), own_code=(("pypi", start),))
    assert short(Scan(tmp_path, NAMES).of_processes([process])) == [("botocore", "1.12.253", (1,))]


@pytest.mark.parametrize("function", ["names", "read", "looked_up"])
def test_an_error_of_the_disk_is_never_nothing(tmp_path: Path, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "/srv/libs/botocore/__init__.py", "__version__ = '1.12.253'\n")
    write(tmp_path, "/opt/app/main.py", "import sys\nsys.path.insert(0, '/srv/libs')\n")
    start = Start("/usr/bin/python2.7", "/", ("python2.7", "/opt/app/main.py"), {}, frozenset(), tmp_path)
    process = replace(running(1, "/usr/bin/python2.7"), own_code=(("pypi", start),))
    trouble = FileFailed("/srv/libs cannot be read: Input/output error")

    def fails(root: Path, *_: object) -> object:
        if function == "looked_up":
            return [trouble for _ in _[0]]
        raise trouble

    monkeypatch.setattr(rootfs, function, fails)
    scan = Scan(tmp_path, NAMES)
    scan.of_processes([process])
    assert scan.unanswered == [trouble.problem]


def test_one_directory_with_two_names_is_one_place(tmp_path: Path) -> None:
    write(tmp_path, f"/srv/env{RECORD}", METADATA)
    (tmp_path / "srv/env/lib64").symlink_to("lib")
    places = [("pypi", f"/srv/env/{name}/python3.9/site-packages") for name in ("lib", "lib64")]
    (use,) = Scan(tmp_path, NAMES).of_processes([running(1, "/usr/bin/python3.9", (), *places)])
    assert use.located.path == f"/srv/env{RECORD.removesuffix('/METADATA')}"


def test_a_program_that_was_replaced_is_read_as_it_runs(tmp_path: Path) -> None:
    program = tmp_path / "usr/sbin/dockerd"
    program.parent.mkdir(parents=True)
    shutil.copy("/usr/sbin/dockerd", program)
    env = {"PATH": "/usr/bin"}
    running_now = subprocess.Popen(
        [program, "--data-root", tmp_path / "data", "--config-file", "/dev/stdin", "--validate"],
        stdin=subprocess.PIPE,  # it waits for the rest of its configuration
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    try:
        deadline = time.monotonic() + 60
        while not os.path.samefile(f"/proc/{running_now.pid}/exe", program) and time.monotonic() < deadline:
            time.sleep(0.01)
        program.unlink()
        seen = look(Path("/proc"), running_now.pid)
        assert seen
        assert seen.executable in seen.replaced
        scan = Scan(Path("/"), NAMES)
        assert scan.of_processes([seen]) == []
        (use,) = scan.of_processes([seen], Path("/proc"))
        assert (use.located.path, use.located.found.package) == (str(program), "github.com/aws/aws-sdk-go")
    finally:
        running_now.kill()
        running_now.wait()
        assert running_now.stdin
        running_now.stdin.close()


def test_containers_of_one_image_share_what_a_file_holds(tmp_path: Path) -> None:
    shared: FileCache = {}
    for name in ("a", "b"):
        write(tmp_path / name, "/app.jar", jar("1.11.1"))
    os.link(tmp_path / "a/app.jar", tmp_path / "a/again.jar")
    for name in ("a", "b"):
        os.utime(tmp_path / name / "app.jar", ns=(5, 5))
        scan = Scan(tmp_path / name, NAMES, shared)
        assert len(scan.of_processes([running(1, "/usr/bin/java", ("/app.jar", "/again.jar"))])) == 1
    assert len(shared) == 2


def test_what_a_search_on_disk_opens(tmp_path: Path) -> None:
    """By name and size alone: scripts in node_modules, programs that may not be run and small ones are left alone."""
    big = b"loadCredentialsCallbacks" + bytes(200_000)
    write(tmp_path, "/srv/a.js", big)
    write(tmp_path, "/srv/b.js", b"loadCredentialsCallbacks")
    write(tmp_path, "/srv/node_modules/x/c.js", big)
    write(tmp_path, "/srv/d.jar", jar("1.11.1"))
    write(tmp_path, "/srv/e.py", jar("1.11.1"))
    shutil.copy("/usr/sbin/dockerd", tmp_path / "srv/runnable")
    shutil.copy("/usr/sbin/dockerd", tmp_path / "srv/not-runnable")
    (tmp_path / "srv/not-runnable").chmod(0o644)
    found = Scan(tmp_path, NAMES).on_disk(["/srv"], Budget(time.monotonic() + 60, 1000))
    assert [use.located.path for use in found] == ["/srv/a.js", "/srv/d.jar", "/srv/runnable"]
    assert all(use.pids == () for use in found)
