"""Plug-ins that programs of Java find by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from code_root import Root, jar

from imds_probe.inventory.code.following import java_plugins
from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.java_plugins import launched, plugged

JAR = jar("")
WAR = "/usr/share/java/jenkins.war"


def found(root: Root, *argv: str, environment: Mapping[str, str] | None = None, directory: str = "/") -> list[str]:
    ground = root.ground()
    start = start_of(("java", *argv), ground, directory=directory, environment=environment)
    assert start is not None
    return plugged(start, ground)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/java": "", WAR: JAR})


@pytest.mark.parametrize(
    ("argv", "environment", "path"),
    [
        (("-jar", WAR), {"JENKINS_HOME": "/data/j"}, "/data/j/plugins/aws/WEB-INF/lib/core.jar"),
        (("-DJENKINS_HOME=/data/j", "-jar", WAR), {}, "/data/j/plugins/aws.jpi"),
        (("-jar", WAR, "--httpPort=80"), {}, "/var/lib/jenkins/plugins/aws.hpi"),
        (("-jar", WAR), {"HOME": "/home/j"}, "/home/j/.jenkins/plugins/aws.hpi"),
        (("-Des.path.home=/opt/es", "-cp", "/x", "E"), {}, "/opt/es/plugins/repository-s3/core.jar"),
        (("-cp", "/opt/es/lib/*", "E"), {}, "/opt/es/modules/repository-s3/core.jar"),
        (("-cp", "lib/*", "io.trino.server.TrinoServer"), {}, "/srv/t/plugin/hive/core.jar"),
        (("-cp", "/opt/flink/lib/flink.jar:/x", "F"), {}, "/opt/flink/plugins/s3/lib/fs.jar"),
        (("-cp", "/x", "F"), {"FLINK_PLUGINS_DIR": "/p"}, "/p/s3/fs.jar"),
        (("-cp", "/opt/nifi/lib/*", "N"), {}, "/opt/nifi/lib/nifi-aws.nar"),
        (("-cp", "/x", "org.apache.kafka.connect.cli.ConnectDistributed", "/etc/c.properties"), {}, "/k/b/s3/core.jar"),
    ],
)
def test_places_of_plugins(root: Root, argv: tuple[str, ...], environment: dict[str, str], path: str) -> None:
    root.put({path: JAR, "/etc/c.properties": "a=b\nplugin.path=/k/a, /k/b\n", f"{path}.txt": ""})
    assert found(root, *argv, environment=environment, directory="/srv/t") == [path]


def test_what_is_no_directory_of_its_own_has_no_plugins(root: Root) -> None:
    root.put({"/usr/plugins/a.jar": JAR, "/usr/lib/x.jar": JAR, "/opt/plugins/b.jar": JAR})
    assert found(root, "-cp", "/usr/lib/x.jar:/opt/lib/y.jar", "M") == []
    assert found(root, "-jar", "/opt/other.war", environment={"JENKINS_HOME": "/opt"}) == []


def test_archives_beside_a_script_that_starts_java(root: Root) -> None:
    root.put({"/bin/sh": "", "/opt/es/lib/own.jar": JAR, "/opt/es/plugins/s3/core.jar": JAR, "/opt/lib/x.jar": JAR})
    root.put({f"{at}/bin/run": '#!/bin/sh\nexec "$JAVA" -cp "$CP" E\n' for at in ("/opt/es", "/opt")})
    root.put({"/opt/es/bin/other": "#!/bin/sh\necho javascript\n"})
    ground = root.ground()
    for script, archives in (
        ("/opt/es/bin/run", ["/opt/es/lib/own.jar", "/opt/es/plugins/s3/core.jar"]),
        ("/opt/es/bin/other", []),
        ("/opt/bin/run", []),
    ):
        start = start_of(("/bin/sh", script), ground)
        assert start is not None
        assert launched(start, ground) == archives


def test_more_than_are_looked_at_is_said(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.put({f"/opt/es/plugins/{name}.jar": JAR for name in "abc"})
    monkeypatch.setattr(java_plugins, "ARCHIVES_MAX", 2)
    ground = root.ground()
    start = start_of(("java", "-cp", "/opt/es/lib/*", "E"), ground)
    assert start is not None
    assert len(plugged(start, ground)) == 2
    assert ground.more
