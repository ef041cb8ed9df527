from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import jenkins
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

HOME = "/var/lib/jenkins"
WAR = {jenkins.INSTALLED[0]: "x"}
SHELL = "<project>\n<builders><hudson.tasks.Shell plugin='x'>\n<command>%s</command></hudson.tasks.Shell></builders></project>"
PIPELINE = """<flow-definition><definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">
<script>node {
 sh &apos;/x a&apos;
 sh(script: &quot;/y \\&quot;$A\\&quot;&quot;, returnStdout: true)
 sh label: &apos;b&apos;
 sh &apos;&apos;&apos;
  /z
 &apos;&apos;&apos;
 push &apos;/not&apos;
}</script></definition></flow-definition>"""
FROM_REPOSITORY = (
    "<flow-definition><definition class='org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition'/></flow-definition>"
)


def looked(at: Path, files: dict[str, str]) -> tuple[list[tuple[object, ...]], SystemFiles]:
    system = SystemFiles(made(at, files))
    return [(each.command, each.place.line, each.directory) for each in jenkins.look(system)], system


def test_steps_for_a_shell_also_in_folders(tmp_path: Path) -> None:
    files = {
        f"{HOME}/jobs/a/config.xml": SHELL % "/x &amp;&amp;&#xd;\n/y &gt; z",
        f"{HOME}/jobs/f/config.xml": "<folder/>",
        f"{HOME}/jobs/f/jobs/b/config.xml": SHELL % "#!/usr/bin/python3\nx",
        **WAR,
    }
    found, system = looked(tmp_path, files)
    assert found == [
        ("/x &&\n/y > z", 3, f"{HOME}/workspace/a"),
        ("#!/usr/bin/python3\nx", 3, f"{HOME}/workspace/f/b"),
    ]
    assert system.troubles == []


def test_steps_of_a_pipeline(tmp_path: Path) -> None:
    found, _ = looked(tmp_path, {f"{HOME}/jobs/a/config.xml": PIPELINE} | WAR)
    assert [(command.strip(), line) for command, line, _ in found if isinstance(command, str)] == [
        ("/x a", 3),
        ('/y "$A"', 4),
        ("b", 5),
        ("/z", 6),
    ]


@pytest.mark.parametrize(
    ("job", "more"),
    [
        ("<disabled>true</disabled>", {}),
        ("<assignedNode>agent-1</assignedNode>", {f"{HOME}/config.xml": "<hudson><label>own</label></hudson>"}),
        ("", {f"{HOME}/config.xml": "<hudson><mode>EXCLUSIVE</mode></hudson>"}),
        ("", {f"{HOME}/config.xml": "<hudson><numExecutors>0</numExecutors></hudson>"}),
    ],
)
@pytest.mark.parametrize("content", [SHELL % "/x", FROM_REPOSITORY])
def test_what_does_not_run_on_the_controller_is_left_alone(
    tmp_path: Path, job: str, more: dict[str, str], content: str
) -> None:
    found, system = looked(tmp_path, {f"{HOME}/jobs/a/config.xml": content + job} | more | WAR)
    assert (found, system.troubles) == ([], [])


@pytest.mark.parametrize("node", ["built-in", "own", "linux &amp;&amp; !gpu"])
def test_what_may_be_bound_to_the_controller_counts(tmp_path: Path, node: str) -> None:
    files = {
        f"{HOME}/jobs/a/config.xml": SHELL % "/x" + f"<assignedNode>{node}</assignedNode>",
        f"{HOME}/config.xml": "<hudson><mode>EXCLUSIVE</mode><label>other own</label></hudson>",
    }
    found, _ = looked(tmp_path, files | WAR)
    assert [command for command, *_ in found] == ["/x"]


def test_pipelines_of_repositories_are_named(tmp_path: Path) -> None:
    files = {f"{HOME}/jobs/{name}/config.xml": FROM_REPOSITORY for name in "ab"}
    found, system = looked(tmp_path, files | WAR)
    assert found == []
    assert system.troubles == [f"pipelines in {HOME} were not read, as they come from a repository: 2"]
    assert system.take_left_out() == (LeftOut(f"{HOME}/jobs", unread.NO_SCRIPT, None),)


def test_too_many_jobs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jenkins, "JOBS_MAX", 1)
    found, system = looked(tmp_path, {f"{HOME}/jobs/{name}/config.xml": SHELL % name for name in "ab"} | WAR)
    assert [command for command, *_ in found] == ["a"]
    assert [each.why for each in system.take_left_out()] == [unread.MORE]


def test_jobs_that_jenkins_left_are_named(tmp_path: Path) -> None:
    found, system = looked(tmp_path, {f"{HOME}/jobs/a/config.xml": SHELL % "/x"})
    assert found == []
    assert system.troubles == [
        f"the jobs in {HOME} were not followed: Jenkins was not found where it is usually installed"
    ]
