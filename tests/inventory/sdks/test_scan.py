from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.inventory.sdks.found import Library
from imds_probe.inventory.sdks.running import Running
from imds_probe.inventory.sdks.scan import Scan, Use

CATALOG = Catalog.load()
NAMES = {
    kind: CATALOG.package_names(kind)
    for kind in ("pypi", "npm", "gem", "composer", "nuget", "maven", "go", "crate", "binary")
}


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
    return [(use.located.library.package, use.located.library.version, use.pids) for use in uses]


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


def test_a_go_program_by_its_executable(tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    shutil.copy("/usr/sbin/dockerd", tmp_path / "usr/sbin/dockerd")
    scan = Scan(tmp_path, NAMES)
    (use,) = scan.of_processes([running(1, "/usr/sbin/dockerd"), running(2, "/usr/sbin/dockerd")])
    assert use.located.library == Library(
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
