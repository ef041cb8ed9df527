"""AWS SDKs in archives that a schedule or a boot has a program load: they are found and judged as if it ran."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from code_systems import PYTHON, CodeSystem
from sdk_archives import NEW, OLD, fat_jar, packed, sdk_jar, zipapp
from small_roots import made

from imds_probe.collect.code import CodeFound
from imds_probe.collect.code_tasks import Program
from imds_probe.collect.due_libraries import Recognising, with_libraries
from imds_probe.facts.code import OF_LIBRARY, CodeSeen
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import Limits
from imds_probe.inventory.code.following.loads import Load, Loads

CORE, ROW = "com.amazonaws:aws-java-sdk-core", "aws-sdk-java-v1"
APP, UNIT = "/srv/a/a.jar", "etc/systemd/system/a.service"
LOOSE = "/opt/run.sh"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    programs = ("/usr/bin/java", "/bin/sh", PYTHON)
    made(found.root, dict.fromkeys(programs, b"\x7fELF"), executable=programs)
    return found


def libraries(found: CodeFound) -> list[CodeSeen]:
    return [each for each in found.code.code if each.form == OF_LIBRARY]


def by_cron(system: CodeSystem, command: str) -> None:
    system.write("etc/cron.d/j", f"PATH=/usr/bin:/bin\n0 2 * * * root {command}\n")


def by_boot(system: CodeSystem, command: str) -> None:
    unit = system.root / system.write(UNIT, f"[Service]\nExecStart={command}\n").lstrip("/")
    wants = unit.parent / "multi-user.target.wants"
    wants.mkdir()
    (wants / unit.name).symlink_to(f"/{UNIT}")


@pytest.mark.parametrize(
    ("command", "files", "path"),
    [
        (f"java -jar {APP}", {APP: fat_jar()}, APP),
        ("cd /srv/a && java -cp 'lib/*:conf' com.acme.Job", {"/srv/a/lib/core.jar": sdk_jar()}, "/srv/a/lib/core.jar"),
        (
            "java -Dcatalina.base=/opt/t -cp /opt/b.jar org.apache.catalina.startup.Bootstrap start",
            {"/opt/t/webapps/a.war": packed({"WEB-INF/lib/core.jar": sdk_jar()}), "/opt/b.jar": packed({})},
            "/opt/t/webapps/a.war",
        ),
        (
            "JENKINS_HOME=/var/lib/jenkins java -jar /usr/share/java/jenkins.war",
            {
                "/usr/share/java/jenkins.war": packed({}),
                "/var/lib/jenkins/plugins/aws/WEB-INF/lib/core.jar": sdk_jar(),
            },
            "/var/lib/jenkins/plugins/aws/WEB-INF/lib/core.jar",
        ),
    ],
)
def test_an_old_sdk_in_an_archive_that_a_schedule_starts(
    system: CodeSystem, command: str, files: dict[str, bytes], path: str
) -> None:
    made(system.root, files)
    by_cron(system, command)
    (found,) = libraries(system.code())
    assert (found.path, found.speaks, found.runs, found.started_by) == (
        path,
        "v1",
        "scheduled",
        ("/etc/cron.d/j, daily",),
    )
    assert (found.component, found.manager, found.version) == (ROW, "maven", OLD)
    assert found.quote[0].startswith(f"{CORE} {OLD}")


def test_one_of_python(system: CodeSystem) -> None:
    made(system.root, {"/opt/job": zipapp("1.12.103")}, executable=("/opt/job",))
    by_cron(system, "/opt/job")
    (found,) = libraries(system.code())
    assert (found.path, found.component, found.version, found.speaks) == ("/opt/job", "botocore", "1.12.103", "v1")


def test_a_new_one_asks_for_a_token(system: CodeSystem) -> None:
    made(system.root, {APP: fat_jar(NEW)})
    by_cron(system, f"java -jar {APP}")
    (found,) = libraries(system.code())
    assert (found.version, found.speaks) == (NEW, "v2")


def test_one_that_nothing_starts_is_left_to_who_searches_the_disk(system: CodeSystem) -> None:
    made(system.root, {APP: fat_jar()})
    assert libraries(system.code()) == []


def test_what_only_may_be_started_is_not_known(system: CodeSystem) -> None:
    made(system.root, {APP: fat_jar(), "/srv/a/b.jar": fat_jar(NEW)})
    jobs = {f"/opt/jobs/{name}.sh": f"#!/bin/sh\nexec java -jar /srv/a/{name}.jar\n" for name in "ab"}
    made(system.root, {LOOSE: '#!/bin/sh\nexec /opt/jobs/"$(cat /etc/job)".sh\n', **jobs})
    by_cron(system, LOOSE)
    assert {each.path: each.speaks for each in libraries(system.code())} == {APP: "both", "/srv/a/b.jar": "v2"}


def test_what_a_script_has_beside_it_may_be_loaded(system: CodeSystem) -> None:
    script = "/usr/share/search/bin/search"
    made(system.root, {script: '#!/bin/sh\nHOME_=`cd "$X"; pwd`\nexec "$HOME_/jdk/bin/java" -cp "$HOME_/lib/*" E\n'})
    made(system.root, {"/usr/share/search/plugins/s3/core.jar": sdk_jar()})
    by_cron(system, script)
    (found,) = libraries(system.code())
    assert (found.path, found.speaks) == ("/usr/share/search/plugins/s3/core.jar", "both")


def sdk(path: str, *pids: int) -> SdkSoftware:
    use = SdkUse(None, None, (f"{path}!BOOT-INF/lib/x.jar",), 1)
    return SdkSoftware(ROW, "maven", CORE, OLD, "pom.properties", path, pids=pids, sdk=use)


def test_what_processes_have_loaded_is_judged_with_them(system: CodeSystem) -> None:
    made(system.root, {APP: fat_jar()})
    by_boot(system, f"/usr/bin/java -jar {APP}")
    pid = system.process(7, system.root, exe="/usr/bin/java", argv=["java", "-jar", APP])
    assert libraries(system.code(pid, sdks=[sdk(APP, pid)])) == []
    # Nobody judges these with processes: none has it loaded, or another archive.
    for others in ([], [sdk(APP)], [sdk("/srv/b.jar", pid)]):
        assert [each.runs for each in libraries(system.code(pid, sdks=others))] == ["boot"]
    by_cron(system, f"java -jar {APP}")
    assert libraries(system.code(pid, sdks=[sdk(APP, pid)])) != []


def test_it_is_remembered_with_its_schedule(system: CodeSystem, tmp_path: Path) -> None:
    made(system.root, {APP: fat_jar()})
    by_cron(system, f"java -jar {APP}")
    state = tmp_path / "state"
    state.mkdir()
    first = libraries(system.code(state=state))
    again = libraries(system.code(state=state))
    assert [(each.path, each.speaks, each.version) for each in again] == [(APP, "v1", OLD)]
    assert [each.path for each in first] == [APP]


def test_what_there_was_no_time_for_is_said(tmp_path: Path) -> None:
    made(tmp_path, {APP: fat_jar()})
    ground = Ground(tmp_path, Limits())
    loads = Loads((Load(APP),))
    ground.visit(APP)
    ground.limits.deadline = time.monotonic() - 1
    program = Program("/usr/bin/java", ())
    late, found = with_libraries(program, loads, ground, Recognising({"maven": (CORE,)}, {}))
    assert (late.why, found) == (unread.NO_TIME, ())
    ground.limits.deadline = float("inf")
    whole, found = with_libraries(program, loads, ground, Recognising({"maven": (CORE,)}, {}))
    assert whole.why == "" and [each.path for each in found] == [APP]
    assert whole.roots == (found[0].root,)
