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


BUILD = "<flow-build><execution><script>%s</script>\n<loadedScripts/></execution></flow-build>"
BRANCHES = "<org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject plugin='x'/>"
ORGANIZATION = (
    "<jenkins.branch.OrganizationFolder><x.WorkflowMultiBranchProjectFactory/></jenkins.branch.OrganizationFolder>"
)


def test_a_pipeline_of_a_repository_is_what_its_last_build_ran(tmp_path: Path) -> None:
    at = f"{HOME}/jobs/a"
    files = {
        f"{at}/config.xml": FROM_REPOSITORY,
        f"{at}/builds/9/build.xml": BUILD % "node { sh '/old' }",
        f"{at}/builds/10/build.xml": BUILD % "node { sh '/x' }",
        f"{at}/builds/permalinks": "x",
    }
    found, system = looked(tmp_path, files | WAR)
    assert found == [("/x", None, f"{HOME}/workspace/a")]
    assert system.troubles == []


def test_each_branch_has_a_last_build(tmp_path: Path) -> None:
    at = f"{HOME}/jobs/o/jobs/a"
    files = {f"{HOME}/jobs/o/config.xml": ORGANIZATION, f"{at}/config.xml": BRANCHES}
    for name in ("main", "next"):
        files[f"{at}/branches/{name}/config.xml"] = "x"
        files[f"{at}/branches/{name}/builds/1/build.xml"] = BUILD % f"pipeline {{ agent any\nsh './{name}' }}"
    system = SystemFiles(made(tmp_path, files | WAR))
    found = list(jenkins.look(system))
    assert [(each.command, each.place.path, each.directory) for each in found] == [
        (f"./{name}", f"{at}/branches/{name}/config.xml", f"{HOME}/workspace/o/a_{name}") for name in ("main", "next")
    ]
    assert system.troubles == []


@pytest.mark.parametrize(
    "files",
    [
        {"builds/1/build.xml": "<flow-build/>"},
        {"builds/1/build.xml": BUILD % "x" + " " * jenkins.BUILD_MAX, "builds/2/log": "x"},
        {
            "builds/1/build.xml": (BUILD % "x").replace(
                "<loadedScripts/>", "<loadedScripts><entry>x</entry></loadedScripts>"
            )
        },
        {"builds/1/build.xml": BUILD % "x", "builds/1/libs/own/vars/build.groovy": "x"},
        {"branches/a/builds/1/build.xml": BUILD % "x", "branches/b/config.xml": "x"},
    ],
)
def test_a_last_build_that_does_not_say_all_is_named(tmp_path: Path, files: dict[str, str]) -> None:
    job = {f"{HOME}/jobs/a/config.xml": FROM_REPOSITORY} | {f"{HOME}/jobs/a/{path}": x for path, x in files.items()}
    found, system = looked(tmp_path, job | WAR)
    assert found == []
    assert system.take_left_out() == (LeftOut(f"{HOME}/jobs", unread.NO_SCRIPT, None),)


def test_more_last_builds_than_the_limit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jenkins, "BUILDS_MAX", 2)
    at = f"{HOME}/jobs/a"
    files = {f"{at}/branches/{each}/builds/1/build.xml": BUILD % f"node {{ sh '/{each}' }}" for each in "abcd"}
    found, system = looked(tmp_path, files | {f"{at}/config.xml": BRANCHES} | WAR)
    assert [command for command, *_ in found] == ["/a", "/b"]
    assert len(system.take_left_out()) == 1


@pytest.mark.parametrize(
    ("script", "here"),
    [
        ("pipeline { agent any\n stages { sh '/x' } }", True),
        ("pipeline { agent { label 'linux' }\n sh '/x' }", False),
        ("pipeline { agent { node { label 'linux' } }\n sh '/x' }", False),
        ("pipeline { agent { label 'linux' } stages { stage { agent { label 'built-in' } sh '/x' } } }", True),
        ("pipeline { agent { label 'linux' }\n stage { agent { docker { image 'y' } } sh '/x' } }", True),
        ("pipeline { agent { label 'linux || own' }\n sh '/x' }", True),
        ("pipeline { agent { kubernetes { yaml 'y' } }\n sh '/x' }", False),
        ("pipeline { agent none\n sh label: 'linux', script: '/x' }", True),
        ("node('linux') { sh '/x' }", False),
        ("node(POD_LABEL) { sh '/x' }", False),
        ("node('own') { sh '/x' }", True),
        ("node(env.WHERE) { sh '/x' }", True),
        ("node() { sh '/x' }", True),
        ("node { sh '/x' }", True),
    ],
)
def test_a_pipeline_runs_where_its_label_is(tmp_path: Path, script: str, *, here: bool) -> None:
    settings = "<hudson><label>own</label><clouds><x><label>linux</label></x></clouds></hudson>"
    job = f"<flow-definition><script>{script}</script></flow-definition>"
    files = {f"{HOME}/jobs/a/config.xml": job, f"{HOME}/config.xml": settings}
    found, _ = looked(tmp_path, files | WAR)
    assert bool(found) == here


def test_an_exclusive_controller_runs_pipelines_that_name_it(tmp_path: Path) -> None:
    files = {f"{HOME}/config.xml": "<hudson><mode>EXCLUSIVE</mode></hudson>"}
    for number, where in enumerate(("any", "{ label 'built-in' }", "{ label 'linux' }")):
        job = f"<flow-definition><script>pipeline {{ agent {where}\n sh '/{number}' }}</script></flow-definition>"
        files[f"{HOME}/jobs/{number}/config.xml"] = job
    found, _ = looked(tmp_path, files | WAR)
    assert [command for command, *_ in found] == ["/1"]


def test_steps_know_their_workspace(tmp_path: Path) -> None:
    system = SystemFiles(made(tmp_path, {f"{HOME}/jobs/a/config.xml": SHELL % "$WORKSPACE/x"} | WAR))
    told = next(jenkins.look(system)).environment
    assert (told["WORKSPACE"], told["HOME"]) == (f"{HOME}/workspace/a", HOME)


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


@pytest.mark.parametrize("text", [SHELL % "/x" * 3, PIPELINE])
def test_steps_that_are_too_many_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(jenkins, "STEPS_MAX", 2)
    found, system = looked(tmp_path, {f"{HOME}/jobs/a/config.xml": text} | WAR)
    assert len(found) == 2
    assert system.take_left_out() == (LeftOut(f"{HOME}/jobs/a/config.xml", unread.MORE),)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "/etc/systemd/system/jenkins.service.d/override.conf",
            '[Service]\nEnvironment="JENKINS_HOME=/data/jenkins"\n',
        ),
        ("/etc/default/jenkins", "# JENKINS_HOME=/var/lib/$NAME\nNAME=jenkins\nJENKINS_HOME=/data/jenkins/\n"),
        ("/etc/sysconfig/jenkins", 'JENKINS_HOME="/data/jenkins"\n'),
    ],
)
def test_its_home_may_be_on_a_disk_of_its_own(tmp_path: Path, path: str, text: str) -> None:
    files = {path: text, "/data/jenkins/jobs/a/config.xml": SHELL % "/x"}
    assert looked(tmp_path, files | WAR)[0] == [("/x", 3, "/data/jenkins/workspace/a")]


def test_its_program_may_be_where_its_unit_says(tmp_path: Path) -> None:
    unit = {"/etc/systemd/system/jenkins.service": "[Service]\nExecStart=/usr/bin/java -jar /srv/ci/jenkins.war\n"}
    files = {f"{HOME}/jobs/a/config.xml": SHELL % "/x"}
    assert looked(tmp_path / "without", files | unit)[0] == []
    assert looked(tmp_path / "with", files | unit | {"/srv/ci/jenkins.war": "x"})[0] == [
        ("/x", 3, f"{HOME}/workspace/a")
    ]
