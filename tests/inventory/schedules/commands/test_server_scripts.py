"""Servers of Java that are started by scripts of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.commands.followed import NO_NAME
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.server_scripts import server_of
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

SH = '#!/bin/sh\neval "\\"$_RUNJAVA\\"" org.apache.catalina.startup.Bootstrap "$@"\n'
STARTUP = '#!/bin/sh\nPRGDIR=`dirname "$0"`\nexec "$PRGDIR"/"$EXECUTABLE" start "$@"\n'
SCRIPTS = {
    "/opt/tomcat/bin/catalina.sh": SH,
    "/opt/tomcat/bin/startup.sh": STARTUP,
    "/usr/share/tomcat9/bin/catalina.sh": SH,
    "/usr/libexec/tomcat9/tomcat-start.sh": '#!/bin/sh\nexec "$CATALINA_HOME"/bin/catalina.sh run\n',
    "/opt/wildfly/bin/standalone.sh": SH,
    "/opt/own/startup.sh": SH,
}
JAVA = "/usr/lib/jvm/java-17/bin/java"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    programs = {"/bin/sh": b"\x7fELF", JAVA: b"\x7fELF"}
    made(tmp_path, {**programs, **SCRIPTS}, executable=(*programs, *SCRIPTS))
    return tmp_path


def arguments(root: Path, command: str, environment: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Of each JVM that is started."""
    scheduled = Scheduled(command, Place("/etc/x"), "boot", "", environment=dict(environment))
    return [
        each.arguments for each in Following(SystemFiles(root)).follow(scheduled).started if each.executable == JAVA
    ]


@pytest.mark.parametrize(
    ("command", "environment", "base", "home"),
    [
        ("/opt/tomcat/bin/catalina.sh run", {}, "/opt/tomcat", "/opt/tomcat"),
        ("/opt/tomcat/bin/startup.sh", {}, "/opt/tomcat", "/opt/tomcat"),
        ("/opt/tomcat/bin/catalina.sh run", {"CATALINA_BASE": "/srv/t"}, "/srv/t", "/opt/tomcat"),
        ("/bin/sh /usr/libexec/tomcat9/tomcat-start.sh",
         {"CATALINA_HOME": "/usr/share/tomcat9", "CATALINA_BASE": "/var/lib/t"}, "/var/lib/t", "/usr/share/tomcat9"),
    ],
)  # fmt: skip
def test_tomcat_with_its_directories(
    root: Path, command: str, environment: Mapping[str, str], base: str, home: str
) -> None:
    (found,) = arguments(root, command, environment)
    assert {f"-Dcatalina.base={base}", f"-Dcatalina.home={home}"} <= set(found)


def test_another_server(root: Path) -> None:
    (found,) = arguments(root, "/opt/wildfly/bin/standalone.sh -b 0.0.0.0", {})
    assert "-Djboss.server.base.dir=/opt/wildfly/standalone" in found


@pytest.mark.parametrize(
    "command", ["/opt/tomcat/bin/catalina.sh stop", "/opt/tomcat/bin/catalina.sh version", "/opt/own/startup.sh"]
)
def test_what_starts_no_server(root: Path, command: str) -> None:
    assert arguments(root, command, {}) == []


def test_without_a_jvm_it_is_said(root: Path) -> None:
    (root / JAVA.lstrip("/")).unlink()
    followed = Following(SystemFiles(root)).follow(
        Scheduled("/opt/tomcat/bin/catalina.sh run", Place("/etc/x"), "boot", "")
    )
    assert NO_NAME in {each.why for each in followed.unfollowed}
    server = server_of("/opt/tomcat/bin/catalina.sh", (), {"JAVA_HOME": "/opt/jdk"}, SystemFiles(root))
    assert server is not None and server[0] == ""
