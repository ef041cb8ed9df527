"""Packages that no version decides about, whose own files are read, on the host and in containers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from code_systems import V1, V2, CodeSystem, of, said
from contexts import CATALOG
from sdk_systems import container

from imds_probe.collect import package_reading, package_search
from imds_probe.collect.code import CodeFound
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.package_reading import OfCatalog
from imds_probe.collect.package_search import undecided
from imds_probe.collect.sdk_systems import System
from imds_probe.facts.code import InChangelog, PackageRead
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, SdkUse, SettingSeen, Software
from imds_probe.inventory.code import unread
from imds_probe.inventory.packages.wanted import Wanted
from imds_probe.reading.reader import Reader

AMAZON_LINUX_2 = OsRelease("amzn", "2", "Amazon Linux 2")
DEBIAN = OsRelease("debian", "12", None)
HIBINIT = Software("ec2-hibinit-agent", "dpkg", "ec2-hibinit-agent", "1.0.0-0ubuntu4", "dpkg database")
RHUI = replace(HIBINIT, component="insights-client", package="insights-client", version="3.0", manager="dpkg")
AGENT = "/usr/bin/hibinit-agent"
SHEBANG = "#!/usr/bin/python3.11\n"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    made = CodeSystem(tmp_path)
    installs(made, "ec2-hibinit-agent", {AGENT: SHEBANG + V1})
    return made


def installs(system: CodeSystem, name: str, files: dict[str, str], root: Path | None = None) -> None:
    for path, content in files.items():
        system.write(path, content, root)
    system.write(f"var/lib/dpkg/info/{name}.list", "".join(f"{path}\n" for path in files), root)


def looked(system: CodeSystem, *installed: Software, **how: object) -> CodeFound:
    return system.code(installed=installed, os=DEBIAN, **how)  # type: ignore[arg-type]


def test_a_package_that_nothing_runs_or_starts_is_read(system: CodeSystem) -> None:
    found = looked(system, HIBINIT)
    entry = of(found, AGENT)
    assert (entry.speaks, entry.runs, entry.component, entry.package, entry.on_host) == (
        *("v1", "lies", "ec2-hibinit-agent"),
        *("ec2-hibinit-agent 1.0.0-0ubuntu4 (dpkg)", True),
    )
    assert found.read.packages == (
        PackageRead("ec2-hibinit-agent", "ec2-hibinit-agent 1.0.0-0ubuntu4 (dpkg)", files=1, started=False),
    )
    assert found.read.programs == 0


def test_one_that_also_runs_is_one_whole_that_runs(system: CodeSystem) -> None:
    system.runs(5, AGENT)
    found = system.code(5, installed=(HIBINIT,), os=DEBIAN)
    assert said(found) == {AGENT: ("v1", "running")}


def test_what_the_catalog_decides_by_the_version_is_not_read(system: CodeSystem) -> None:
    assert looked(system, replace(HIBINIT, version="1.0.1-1")).read.packages == ()
    cloud = Software("cloud-init", "rpm", "cloud-init", "19.3-46.amzn2", "rpm database")
    setting = SettingSeen("setting", "/etc/datadog-agent/datadog.yaml", "ec2_prefer_imdsv2", None, "it is not yaml")
    datadog = Software("datadog-agent", "dpkg", "datadog-agent", "1:7.40.0-1", "dpkg database", settings=(setting,))
    use = SdkUse(None, None, ("/srv",), 1)
    library = SdkSoftware("botocore", "pypi", "botocore", None, "dist-info", "/srv", sdk=use)
    here = System(Path("/"), ())
    wanted = Wanted("rpm", "cloud-init", "19.3-46.amzn2")
    row = CATALOG.row("cloud-init")
    assert row is not None and row.files
    given = (
        cloud,
        replace(cloud, container="x", container_ids=("x",)),
        datadog,
        library,
        replace(HIBINIT, version=None),
    )
    assert undecided(given, here, AMAZON_LINUX_2, CATALOG) == (OfCatalog("cloud-init", wanted, row.files),)
    inside = System(Path("/"), (), "x", "x")
    contained = (replace(cloud, container="x", container_ids=("x",), os=AMAZON_LINUX_2), cloud)
    assert [each.wanted for each in undecided(contained, inside, DEBIAN, CATALOG)] == [wanted]


def test_each_container_has_its_own_files(system: CodeSystem) -> None:
    image = system.image("debian")
    system.python(image)
    installs(system, "ec2-hibinit-agent", {AGENT: SHEBANG + V2}, image)
    system.write("main.py", "", image)
    system.runs(10, "/main.py", root=image)
    web = container("web", 10)
    inside = replace(HIBINIT, container="web", container_ids=(web.identity,), os=DEBIAN)
    found = looked(system, HIBINIT, inside, containers=[web])
    assert {(each.speaks, each.on_host, each.container_ids) for each in found.code.code} == {
        ("v1", True, ()),
        ("v2", False, (web.identity,)),
    }
    assert [(each.on_host, each.container_ids) for each in found.read.packages] == [
        (True, ()),
        (False, (web.identity,)),
    ]


def test_what_has_no_list_or_no_files_says_so(system: CodeSystem) -> None:
    (system.root / AGENT[1:]).unlink()
    found = looked(system, HIBINIT, RHUI)
    assert {each.component: (each.files, each.why) for each in found.read.packages} == {
        "ec2-hibinit-agent": (0, unread.GONE),
        "insights-client": (0, unread.NO_LIST),
    }


def test_what_its_changelog_says_is_told(system: CodeSystem) -> None:
    changes = "ec2-hibinit-agent (0.9-1) x; urgency=low\n\n  * Use IMDSv2\n"
    system.write("usr/share/doc/ec2-hibinit-agent/changelog", changes)
    (read,) = looked(system, HIBINIT).read.packages
    assert read.changelog == InChangelog("/usr/share/doc/ec2-hibinit-agent/changelog", "0.9-1", "imdsv2")


def test_without_time_each_says_so(system: CodeSystem) -> None:
    assert [each.why for each in looked(system, HIBINIT, deadline_s=-1).read.packages] == [unread.NO_TIME]


def test_one_that_the_parser_breaks_at_costs_only_itself(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    installs(system, "insights-client", {"/usr/bin/insights": SHEBANG + V2})
    real = package_reading._of_package

    def broken(package: OfCatalog, *rest: object) -> object:
        if package.component == "ec2-hibinit-agent":
            raise MemoryError
        return real(package, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(package_reading, "_of_package", broken)
    with Reader(READING, memory_mib=READING_MIB) as fresh:  # forked now
        found = looked(system, HIBINIT, RHUI, by=fresh)
    assert {each.component: each.why for each in found.read.packages} == {
        "ec2-hibinit-agent": unread.TOO_LONG,
        "insights-client": "",
    }
    assert said(found) == {"/usr/bin/insights": ("v2", "lies")}


def test_a_file_that_is_not_read_whole_and_too_many_files_are_said(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"/usr/bin/a": SHEBANG + V2, "/usr/lib/agent": "\x7fELF UPX!"}
    installs(system, "insights-client", files)
    (read,) = looked(system, RHUI).read.packages
    assert (read.files, read.why) == (2, unread.PACKED)
    monkeypatch.setattr(package_reading, "FILES_MAX", 1)
    with Reader(READING, memory_mib=READING_MIB) as fresh:
        (read,) = looked(system, RHUI, by=fresh).read.packages
    assert (read.files, read.why) == (1, unread.TOO_LONG)


def test_a_list_that_leads_elsewhere_costs_only_itself(system: CodeSystem, tmp_path: Path) -> None:
    """Paths out of the root, links out of it, a FIFO, a device's name, directories, and names that are none."""
    (tmp_path / "secret").write_text(SHEBANG + V1)
    (system.root / "usr/bin/out").symlink_to(tmp_path / "secret")
    (system.root / "usr/bin/loop").symlink_to("loop")
    os.mkfifo(system.root / "usr/bin/fifo")
    paths = ["/../secret", "/usr/bin/out", "/usr/bin/loop", "/usr/bin/fifo", "/usr/bin", "//", "relative", "/nul\0name"]
    listed = [*map(os.fsencode, paths), b"/usr/bin/absent\xff", b"/" + b"x" * 5000, b""]
    system.write("var/lib/dpkg/info/insights-client.list", b"\n".join(listed))
    found = looked(system, HIBINIT, RHUI)
    assert {each.component: each.why for each in found.read.packages} == {
        "ec2-hibinit-agent": "",
        "insights-client": unread.GONE,
    }
    assert said(found) == {AGENT: ("v1", "lies")}


def test_a_name_that_is_no_text_can_be_reported(system: CodeSystem) -> None:
    name = b"/usr/bin/\xff"
    (system.root / os.fsdecode(name[1:])).write_text(SHEBANG + V2)
    system.write("var/lib/dpkg/info/insights-client.list", name + b"\n")
    found = looked(system, RHUI)
    (entry,) = found.code.code
    assert (entry.speaks, entry.package, entry.path.isprintable()) == ("v2", "insights-client 3.0 (dpkg)", True)


def test_a_list_without_end_is_not_looked_up(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    installs(system, "insights-client", {"/usr/bin/a": SHEBANG + V2})
    system.write("var/lib/dpkg/info/insights-client.list", "/usr/bin/a\n" + "".join(f"/x{n}\n" for n in range(1000)))
    monkeypatch.setattr(package_reading, "CANDIDATES_MAX", 500)
    with Reader(READING, memory_mib=READING_MIB) as fresh:
        (read,) = looked(system, RHUI, by=fresh).read.packages
    assert (read.files, read.why) == (1, unread.TOO_LONG)


def test_a_second_run_reads_nothing_again(system: CodeSystem, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    first, second = (looked(system, HIBINIT, state=state) for _ in range(2))
    assert first.read.bytes_searched == len(SHEBANG + V1)
    assert second.read.bytes_searched == 0
    assert (second.code, second.read.packages) == (first.code, first.read.packages)


def test_no_more_packages_than_anybody_has(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_search, "PACKAGES_MAX", 1)
    assert len(looked(system, HIBINIT, RHUI).read.packages) == 1


CLIENT = "/usr/bin/insights-client"


@pytest.mark.parametrize(
    ("more", "started"),
    [
        ({}, False),
        ({"etc/cron.d/other": "0 3 * * * root /usr/bin/other\n"}, False),
        ({"etc/cron.d/insights": f"0 3 * * * root {CLIENT}\n"}, True),
        ({"etc/cron.d/insights": "0 3 * * * root insights-client\n"}, True),
        ({"etc/cron.d/mine": "0 3 * * * root /opt/mine.sh\n", "opt/mine.sh": f"#!/bin/sh\n{CLIENT} --quiet\n"}, True),
    ],
)
def test_whether_something_starts_one_of_its_files_is_told(
    system: CodeSystem, more: dict[str, str], started: bool
) -> None:
    """What it has downloaded asks, and its own files do not."""
    installs(system, "insights-client", {CLIENT: f"{SHEBANG}import os\nos.environ['EGG']\n"})
    for path, content in {"bin/sh": "\x7fELF", "usr/bin/other": "#!/bin/sh\n", **more}.items():
        system.write(path, content)
    for path in ("bin/sh", "usr/bin/python3.11", CLIENT.lstrip("/"), "usr/bin/other", "opt/mine.sh"):
        if (system.root / path).exists():
            (system.root / path).chmod(0o755)
    assert [each.started for each in looked(system, RHUI).read.packages] == [started]


def test_one_that_runs_is_started(system: CodeSystem) -> None:
    installs(system, "insights-client", {CLIENT: f"{SHEBANG}import os\n"})
    system.runs(5, CLIENT)
    assert [each.started for each in system.code(5, installed=(RHUI,), os=DEBIAN).read.packages] == [True]
