"""Schedules that run something in a container that runs: it is read there, and counts as what they start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, V1, V2, CodeSystem, of, said
from sdk_systems import container
from small_roots import made

from imds_probe.collect import begun
from imds_probe.collect.begun import is_meant
from imds_probe.facts.code import CodeSeen, NotRead
from imds_probe.inventory.code import unread
from imds_probe.inventory.containers.description import Begins
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.schedules.commands.in_container import By, InContainer

JOB = "/etc/cron.d/job"
ELF = b"\x7fELF"
INSIDE = {"/opt/x.sh": f"#!/bin/sh\n{CURL}", "/bin/sh": ELF, "/srv/app.js": "1\n", "/usr/bin/node": ELF, PYTHON: ELF}
APP = replace(container("app", 7), id="0123456789ab" + 52 * "c")


class Containers(CodeSystem):
    """A host with one container, whose files a test writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.inside = self.image("img")
        self.python(self.inside)
        made(self.inside, INSIDE, executable=("/bin/sh", "/usr/bin/node", PYTHON))
        self.process(7, self.inside, exe="/usr/bin/node", argv=["node", "/srv/app.js"])

    def found(self, line: str, *containers: DiscoveredContainer) -> tuple[list[CodeSeen], list[NotRead]]:
        """What is started, and what is not known, by a job of cron."""
        self.write(JOB, f"*/5 * * * * root {line}\n")
        found = self.code(containers=containers or (APP,))
        assert found.troubles == ()
        return [each for each in found.code.code if each.runs != "lies"], list(found.read.not_read)


@pytest.fixture
def system(tmp_path: Path) -> Containers:
    return Containers(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "docker exec app /opt/x.sh",
        "docker exec -i app sh -c 'cd /opt && ./x.sh'",
        "docker exec 0123456789ab /opt/x.sh",
        "docker exec $(docker ps -qf name=app) /opt/x.sh",
        "sudo -u root podman exec app /opt/x.sh >/dev/null 2>&1",
        "docker exec -w /opt app ./x.sh",
        "cd /srv && docker compose exec -T app /opt/x.sh",
        "crictl exec app /opt/x.sh",
    ],
)
def test_what_a_schedule_runs_in_a_container_is_read_there(system: Containers, line: str) -> None:
    ((entry,), left) = system.found(line)
    assert (entry.path, entry.speaks, entry.runs, entry.every_s) == ("/opt/x.sh", "v1", "scheduled", 300.0)
    assert (entry.started_by, entry.container_ids) == ((f"{JOB}, every 5 minutes",), (APP.identity,))
    assert (entry.on_host, left) == (False, [])
    assert entry.standing_s is not None


def test_a_script_of_the_host_may_do_so(system: Containers) -> None:
    made(
        system.root,
        {"/opt/job": "#!/bin/sh\nfor j in x; do docker exec app /opt/$j.sh; done\n", "/bin/sh": ELF},
        executable=("/bin/sh",),
    )
    ((entry,), left) = system.found("/opt/job")
    assert (entry.path, entry.started_by, left) == ("/opt/x.sh", (f"{JOB}, every 5 minutes",), [])


def test_a_program_of_the_containers_own_directory_is_followed(system: Containers) -> None:
    made(system.inside, {"/srv/job.py": "import client\n", "/srv/client.py": V2})
    known = replace(APP, begins=Begins(("node", "/srv/app.js"), "/srv"))
    ((entry,), left) = system.found(f"docker exec app {PYTHON} job.py", known)
    assert (entry.path, entry.speaks, entry.runs, left) == ("/srv/client.py", "v2", "scheduled", [])


@pytest.mark.parametrize(
    "line",
    ["docker exec other /opt/x.sh", "docker-compose run --rm other /opt/x.sh", "docker exec $(docker ps -q) /opt/none"],
)
def test_where_no_container_is_meant_that_runs_it_is_not_known(system: Containers, line: str) -> None:
    (found, (left,)) = system.found(line)
    assert (found, left.program, left.why, left.on_host) == ([], JOB, unread.NO_SCRIPT, True)
    assert (left.started_by, left.every_s, left.runs) == ((f"{JOB}, every 5 minutes",), 300.0, "scheduled")


def test_a_container_that_runs_and_is_started_again_is_read_with_its_start(system: Containers) -> None:
    known = replace(APP, begins=Begins(("/opt/x.sh",)))
    ((entry,), left) = system.found("docker restart app", known)
    assert (entry.started_by, left) == (("/opt/x.sh, at each start of the container",), [])
    (_, (left,)) = system.found("docker start -a job", known)
    assert (left.program, left.why, left.on_host) == (JOB, unread.NO_SCRIPT, True)


def test_of_a_project_of_compose_that_is_not_found_nobody_knows_what_starts(system: Containers) -> None:
    (_, (left,)) = system.found("cd /none && docker compose up -d")
    assert (left.program, left.why) == (JOB, unread.NO_SCRIPT)


def test_a_program_that_is_not_in_there_is_not_known(system: Containers) -> None:
    (found, (left,)) = system.found("docker exec app /opt/none")
    assert (found, left.why, left.container_ids) == ([], unread.NO_SCRIPT, (APP.identity,))


def test_a_pod_that_does_not_run_here_is_another_hosts(system: Containers) -> None:
    assert system.found("kubectl exec deploy/other -- /opt/x.sh") == ([], [])
    ((entry,), left) = system.found("kubectl exec deploy/shop -- /opt/x.sh", replace(APP, pod="shop-7d9f-x"))
    assert (entry.path, left) == ("/opt/x.sh", [])


def test_what_the_line_asks_by_itself_stands_in_the_line_alone(system: Containers) -> None:
    (found, left) = system.found(f"docker exec app sh -c '{CURL.strip()}'")
    assert [(each.path, each.on_host) for each in found] == [(JOB, True)]
    assert left == []


def test_a_second_run_has_the_same_of_it(system: Containers, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    system.write(JOB, "*/5 * * * * root docker exec app /opt/x.sh\n@daily root /opt/own.sh\n")
    system.write("/opt/own.sh", "#!/bin/sh\ntrue\n")
    for _ in range(2):
        found = system.code(containers=(APP,), state=state)
        assert said(found) == {"/opt/x.sh": ("v1", "scheduled")}
        assert of(found, "/opt/x.sh").container_ids == (APP.identity,)


def test_the_container_of_the_user_who_starts_it_is_meant_first(system: Containers, tmp_path: Path) -> None:
    """One of another user that is called the same is not."""
    theirs = made(tmp_path / "theirs", {"/opt/x.sh": f"#!{PYTHON}\n{V1}", PYTHON: ELF}, executable=(PYTHON,))
    system.process(8, theirs, exe="/usr/bin/sleep")
    made(theirs, {"/usr/bin/sleep": ELF})
    users = replace(container("app", 8), owner_uid=1000)
    ((entry,), left) = system.found("docker exec app /opt/x.sh", APP, users)
    assert (entry.container_ids, left) == ((APP.identity,), [])


@pytest.mark.parametrize(
    ("by", "name", "inner", "changes", "meant"),
    [
        ("container", "app", "", {}, True),
        ("container", "ap", "", {}, False),
        ("container", "0123", "", {}, True),
        ("container", "012", "", {}, False),
        ("container", None, "", {}, True),
        ("container", "x", "", {"called": "x"}, True),
        ("container", "app", "", {"sandbox": True}, False),
        ("service", "app", "", {}, True),
        ("service", "web", "", {"service": "web"}, True),
        ("service", "app", "", {"service": "web"}, False),
        ("service", "web", "", {"called": "shop-web-1"}, True),
        ("service", "web", "", {"called": "shop_web_12"}, True),
        ("service", "eb", "", {"called": "shop_web_12"}, False),
        ("pod", "shop", "", {"pod": "shop"}, True),
        ("pod", "pod/shop", "app", {"pod": "shop"}, True),
        ("pod", "pod/shop", "web", {"pod": "shop"}, False),
        ("pod", "deployment.apps/shop", "", {"pod": "shop-7d9f-x"}, True),
        ("pod", "deploy/sho", "", {"pod": "shop-7d9f-x"}, False),
        ("pod", "shop", "", {"pod": "shop-7d9f-x"}, False),
        ("pod", "shop", "", {}, False),
        ("pod", None, "", {}, False),
        ("pod", None, "", {"pod": "shop"}, True),
    ],
)
def test_which_container_is_meant(
    by: By, name: str | None, inner: str, changes: dict[str, object], meant: bool
) -> None:
    assert is_meant(InContainer(by, name, ("/x",), inner=inner), replace(APP, **changes)) == meant


POD = """kind: {kind}
metadata: {{name: shop}}
spec: {before}{{containers: [{{name: app, image: "x:1", readinessProbe: {{exec: {{command: [{words}]}}}}}}]}}
"""


@pytest.mark.parametrize(
    ("at", "kind", "before", "pod"),
    [
        ("/etc/kubernetes/manifests", "Pod", "", "shop-node1"),
        ("/var/lib/rancher/k3s/server/manifests", "Deployment", "{template: {spec: ", "shop-7d9f-x"),
        ("/var/lib/rancher/rke2/server/manifests", "Pod", "", "shop"),
    ],
)
@pytest.mark.parametrize(("words", "path"), [("/opt/x.sh", "/opt/x.sh"), (f"sh, -c, '{CURL.strip()}'", "sh")])
def test_a_probe_of_a_pod_is_read_where_the_pod_runs(
    system: Containers, at: str, kind: str, before: str, pod: str, words: str, path: str
) -> None:
    text = POD.format(kind=kind, before=before, words=words)
    system.write(f"{at}/shop.yaml", text.rstrip() + ("}}\n" if before else "\n"))
    found = system.code(containers=(replace(APP, pod=pod, image="x:1"),))
    entries = [each for each in found.code.code if each.runs != "lies"]
    # What the words of a static pod ask is known also where it does not run.
    in_manifest = kind == "Pod" and "kubernetes" in at and path == "sh"
    where = () if in_manifest else (APP.identity,)
    assert [(each.speaks, each.every_s, each.container_ids) for each in entries] == [("v1", 10.0, where)]
    assert entries[0].path.endswith("shop.yaml" if in_manifest else path)
    assert entries[0].started_by == (f"{at}/shop.yaml, whenever the kubelet probes the container",)
    assert found.read.not_read == ()
    other = system.code(containers=(replace(APP, pod="other", image="x:1"),))
    assert len([each for each in other.code.code if each.runs != "lies"]) == in_manifest
    assert other.read.not_read == ()


def test_of_more_containers_than_are_looked_at_the_rest_is_left_open(
    system: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [replace(APP, id=f"{number}" * 64) for number in (1, 2)]
    (entry,), left = system.found("docker exec $(docker ps -q) /opt/x.sh", *several)
    assert (entry.path, len(entry.container_ids), left) == ("/opt/x.sh", 2, [])
    monkeypatch.setattr(begun, "ANY_MAX", 1)
    (entry,), (unknown,) = system.found("docker exec $(docker ps -q) /opt/x.sh", *several)
    assert (len(entry.container_ids), unknown.program, unknown.why) == (1, JOB, unread.NO_SCRIPT)
