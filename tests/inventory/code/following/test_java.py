from __future__ import annotations

import io
from pathlib import Path

import pytest
from code_root import Root, jar

from imds_probe.inventory.code.following.java import asked_by


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/java": ""})


def test_the_class_path_and_what_manifests_add(root: Root) -> None:
    root.put(
        {
            "/srv/app.jar": jar("Manifest-Version: 1.0\r\nClass-Path: lib/a.jar lib/\r\n b.jar http://x/c.jar\r\n"),
            "/srv/lib/a.jar": jar(""),
            "/srv/lib/b.jar": b"no archive",
            "/srv/agent.jar": jar(""),
            "/opt/classes/own/Main.class": b"\xca\xfe\xba\xbe",
            "/opt/more/c.jar": jar(""),
            "/opt/more/d.txt": "",
        }
    )
    line = (
        "java",
        "-Xmx1g",
        "-javaagent:/srv/agent.jar=x",
        "-cp",
        "/opt/classes:/opt/more/*",
        "-jar",
        "app.jar",
        "x.jar",
    )
    found = root.loaded(*line, directory="/srv")
    assert found == {
        "/srv/app.jar": "/srv/app.jar",
        "/srv/agent.jar": "/srv/agent.jar",
        "/srv/lib/a.jar": "/srv/lib/a.jar",
        "/srv/lib/b.jar": "/srv/lib/b.jar",
        "/opt/classes/own/Main.class": "/opt/classes",
        "/opt/more/c.jar": "/opt/more/c.jar",
    }


@pytest.mark.parametrize(
    ("line", "known"),
    [
        (("", "-jar", "/srv/app.jar"), True),
        (("", "", "-Xmx1g", "", "-jar", "/srv/app.jar", ""), True),
        (("-cp", "", "-jar", "/srv/app.jar"), True),
        (("$JAVA_OPTS", "${MORE}", "-jar", "/srv/app.jar", "$ARGS"), True),
        (("${JAVA_OPTS:-}", "${MORE[@]}", "-jar", "/srv/app.jar"), True),
        (("$MAIN", "/srv/app.jar"), False),
        # The first may be the class that begins, or the archive itself.
        (("", "x.jar"), False),
        (("-jar", "", "-x"), False),
        (("", "-x"), False),
    ],
)
def test_options_that_only_running_tells(root: Root, line: tuple[str, ...], known: bool) -> None:
    root.put({"/srv/app.jar": jar("")})
    loads = root.follow("java", *line)
    assert [load.path for load in loads.files] == ["/srv/app.jar"] * known
    assert (loads.cut_short == "its script is not known") is not known


@pytest.mark.parametrize(
    "before", [("-jar", "/opt/jruby.jar"), ("-cp", "/opt/jruby.jar", "$X", "-Xmx1g", "org.jruby.Main")]
)
def test_a_script_that_only_running_tells(root: Root, before: tuple[str, ...]) -> None:
    root.put({"/opt/jruby.jar": jar("")})
    assert root.follow("java", *before, "$SCRIPT", "-x").cut_short == "its script is not known"


def test_archives_that_are_left_to_their_recognisers_are_named_and_not_gone_into(root: Root) -> None:
    root.put({"/srv/aws-java-sdk-core-1.11.600.jar": jar("Class-Path: other.jar\n"), "/srv/other.jar": jar("")})
    loads = root.follow("java", "-jar", "/srv/aws-java-sdk-core-1.11.600.jar", left=("maven aws-java-sdk-core",))
    assert [load.path for load in loads.files] == ["/srv/aws-java-sdk-core-1.11.600.jar"]


def test_without_a_class_path_nothing_is_known(root: Root) -> None:
    assert root.follow("java", "Main").cut_short == "its script is not known"
    # Archives that it holds open are known all the same.
    root.put({"/srv/open.jar": jar("")})
    loads = root.follow("java", executable="/usr/bin/java", mapped=("/srv/open.jar", "/usr/lib/locale/C.utf8/LC_CTYPE"))
    assert [load.path for load in loads.files] == ["/srv/open.jar"]
    assert loads.cut_short == ""


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18), jar("Class-Path:")])
def test_nonsense_names_nothing(content: bytes) -> None:
    assert asked_by(io.BytesIO(content)).names == ()


@pytest.mark.parametrize(
    ("line", "scripts"),
    [
        ("java -cp /opt/jruby.jar org.jruby.Main -w /app/x.rb a", {"/app/x.rb", "/app/lib/y.rb"}),
        ("java -jar /opt/jython-2.7.jar /app/x.py", {"/app/x.py"}),
        ("java -cp /opt/any.jar groovy.ui.GroovyMain /app/plain", {"/app/plain"}),
        ("java -cp /opt/any.jar org.other.Main /etc/x.conf /app/X.class", set()),
    ],
)
def test_scripts_of_other_languages_within(root: Root, line: str, scripts: set[str]) -> None:
    root.put({f"/opt/{name}.jar": jar("") for name in ("jruby", "jython-2.7", "any")})
    root.put(
        {"/app/x.rb": "", "/app/lib/y.rb": "", "/app/x.py": "", "/app/plain": "#!/usr/bin/groovy\n", "/etc/x.conf": ""}
    )
    found = root.follow(*line.split())
    assert {load.path for load in found.files if not load.path.endswith(".jar")} == scripts and not found.cut_short


def test_a_script_within_that_is_not_to_be_seen(root: Root) -> None:
    root.put({"/opt/jruby.jar": jar("")})
    found = root.follow("java", "-cp", "/opt/jruby.jar", "org.jruby.Main", "-S", "rails", "server")
    assert found.cut_short == "its script is not known"
    assert root.follow("java", "-cp", "/opt/jruby.jar", "org.jruby.Main", "--version").cut_short == ""
    assert root.follow("java", "-jar", "/opt/jruby.jar").cut_short == ""
