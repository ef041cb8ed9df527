"""Roots of containers, as /proc shows them: here links in a made-up /proc to roots that the test wrote."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from contexts import reader
from observed import FACTS, changed
from observed import container as observed
from soon import SOON_S

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect import container_software
from imds_probe.collect.container_software import ContainerSoftware, in_short
from imds_probe.collect.container_software import look as look_at
from imds_probe.collect.container_tasks import IDENTITY, IMAGE
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.settings.looking import NO_FILE
from imds_probe.reading.here import HERE
from imds_probe.reading.reader import OUT_OF_TIME, Reader
from imds_probe.reading.task import Answer
from imds_probe.rules.metadata_need import metadata_need

CATALOG = Catalog.load()
NO_MORE = "no more time is spent on containers of users"
STATUS = "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: all\n\n"


def container(pid: int, name: str | None, image: str | None = None, *, sandbox: bool = False) -> DiscoveredContainer:
    return DiscoveredContainer(
        f"{pid:064x}", "docker", name, image, None, None, (pid,), pid, None, "own", sandbox=sandbox
    )


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


def enter(proc: Path, pid: int, root: Path) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "root").symlink_to(root)


def image(root: Path, os_id: str, *packages: tuple[str, str]) -> Path:
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text(f"ID={os_id}\nVERSION_ID=12\n")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text("".join(STATUS.format(*package) for package in packages))
    return root


def look(proc: Path, *containers: DiscoveredContainer) -> ContainerSoftware:
    return look_at(proc, containers, CATALOG, reader(), deadline=time.monotonic() + SOON_S)


def test_with_the_containers_own_distribution(proc: Path, tmp_path: Path) -> None:
    enter(proc, 7, image(tmp_path / "a", "ubuntu", ("cloud-init", "18.3-6"), ("bash", "5")))
    (entry,) = look(proc, container(7, "web")).software
    assert (entry.component, entry.version, entry.container) == ("cloud-init", "18.3-6", "web")
    assert entry.os is not None
    assert (entry.os.id, entry.os.version_id) == ("ubuntu", "12")


def test_containers_of_one_image_are_one_entry(proc: Path, tmp_path: Path) -> None:
    root = image(tmp_path / "a", "debian", ("cloud-init", "18.3-6"))
    for pid in (7, 8, 9):
        enter(proc, pid, root)
    (entry,) = look(proc, container(7, "web"), container(8, None), container(9, "api")).software
    assert (entry.container, entry.also_in) == ("web", (f"{8:064x}"[:12], "api"))


def test_one_without_databases_is_asked_once(monkeypatch: pytest.MonkeyPatch, proc: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    enter(proc, 7, tmp_path / "bare")
    enter(proc, 8, image(tmp_path / "a", "debian", ("cloud-init", "18.3-6")))
    asked, real = [], Reader.ask
    monkeypatch.setattr(
        Reader, "ask", lambda self, task, *rest, **more: asked.append(task.id) or real(self, task, *rest, **more)
    )
    found = look(proc, container(7, "bare"), container(8, "web"))
    assert asked == [IDENTITY.id, IDENTITY.id, IMAGE.id]
    assert ([entry.container for entry in found.software], found.troubles) == (["web"], ())


def test_settings_are_each_containers_own(proc: Path, tmp_path: Path) -> None:
    for pid, value in ((7, "true"), (8, "false")):
        root = image(tmp_path / str(pid), "debian", ("datadog-agent", "1:7.40.0-1"))
        (root / "etc/datadog-agent").mkdir()
        (root / "etc/datadog-agent/datadog.yaml").write_text(f"ec2_prefer_imdsv2: {value}\n")
        enter(proc, pid, root)
    found = look(proc, container(7, "a"), container(8, "b")).software
    assert [(entry.container, entry.settings[0].value) for entry in found] == [("a", "true"), ("b", "false")]


AGENTS = {
    "asks": (
        "fluent/fluent-bit:3.1.9",
        ("/fluent-bit/bin/fluent-bit", "-c", "/cm/fluent.conf"),
        "/cm/fluent.conf",
        "Name aws",
    ),
    "not": (
        "fluent/fluent-bit:3.1.9",
        ("/fluent-bit/bin/fluent-bit", "-c", "/cm/fluent.conf"),
        "/cm/fluent.conf",
        "Name grep",
    ),
    "gone": (
        "fluent/fluent-bit:3.1.9",
        ("/fluent-bit/bin/fluent-bit", "-c", "/cm/other.conf"),
        "/cm/fluent.conf",
        "Name grep",
    ),
}


def test_what_each_container_has_its_agent_ask_for(proc: Path, tmp_path: Path) -> None:
    containers = []
    for pid, (name, (tag, arguments, path, line)) in enumerate(AGENTS.items(), 7):
        root = tmp_path / name
        (root / path.lstrip("/")).parent.mkdir(parents=True)
        (root / path.lstrip("/")).write_text(f"[FILTER]\n  {line}\n  Match *\n")
        enter(proc, pid, root)
        (proc / str(pid) / "cmdline").write_bytes("\0".join(arguments).encode())
        (proc / str(pid) / "environ").write_bytes(b"")
        (proc / str(pid) / "exe").symlink_to(arguments[0])
        containers.append(container(pid, name, tag))
    found = {entry.container: entry for entry in look(proc, *containers).software}
    asked = {name: [one for one in entry.settings if one.switch == "asks_for[0]"] for name, entry in found.items()}
    assert {name: [(one.value, one.problem) for one in seen] for name, seen in asked.items()} == {
        "asks": [("aws", "")],
        "not": [(None, "")],
        "gone": [(None, NO_FILE)],
    }
    told = SdkSettings(tuple(Variable(each, "set") for each in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")))
    for name, state in (("asks", "likely"), ("not", "unlikely"), ("gone", "unlikely")):
        there = replace(
            observed(name), id=found[name].container_ids[0], environment=(("AWS_ROLE_ARN",),), sdk_settings=(told,)
        )
        need = metadata_need(there, changed(FACTS, software=tuple(found.values())), CATALOG)
        assert (need.state, need.other.state) == (state, {"gone": "unknown"}.get(name, state))


def test_a_damaged_one_is_said_and_the_others_are_read(proc: Path, tmp_path: Path) -> None:
    bad, good = image(tmp_path / "a", "debian"), image(tmp_path / "b", "debian", ("cloud-init", "18.3-6"))
    (bad / "var/lib/dpkg/status").write_bytes(b"\0\1\2\n")
    enter(proc, 7, bad)
    enter(proc, 8, good)
    found = look(proc, container(7, "bad"), container(8, "good"))
    assert [entry.container for entry in found.software] == ["good"]
    (trouble,) = found.troubles
    assert trouble.startswith("bad: dpkg: its status file")


class Patient:
    """A reader on a clock of its own: reading below "long" takes a second, and below "slow" whatever time there is."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def ask(self, task: Any, arguments: Any, roots: Sequence[Path], deadline: float, **how: Any) -> Answer[Any]:
        del how
        (name,) = {each.resolve().name for each in roots} & {"slow", "long", "good"}
        takes_s = {"slow": 1e9, "long": 1.0, "good": 0.01}[name]
        self.now += min(takes_s, max(0.0, deadline - self.now))
        if self.now >= deadline:
            return Answer((), OUT_OF_TIME)
        return HERE.ask(task, arguments, roots, deadline)


def test_those_that_take_long_leave_the_others_their_turn(
    proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that needs more than a first turn has it afterwards."""
    patient = Patient()
    monkeypatch.setattr(container_software, "time", SimpleNamespace(monotonic=lambda: patient.now))
    image(tmp_path / "slow", "debian")
    for number, name in enumerate(("long", "good")):
        enter(proc, number + 1, image(tmp_path / name, "debian", ("cloud-init", f"18.{number}")))
    for pid in range(10, 30):
        enter(proc, pid, tmp_path / "slow")
    there = [container(1, "long"), *(container(pid, "slow") for pid in range(10, 30)), container(2, "good")]
    until = patient.now + 30
    found = look_at(proc, there, CATALOG, cast(Reader, patient), deadline=until)
    assert {entry.container for entry in found.software} == {"long", "good"}
    assert {each.split()[0].rstrip(":") for each in found.troubles} == {"slow"}
    assert patient.now <= until


def test_those_of_users_come_last_and_take_no_more_than_their_share(
    proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = image(tmp_path / "a", "debian")
    (bad / "var/lib/dpkg/status").write_bytes(b"\0\1\2\n")
    for pid, root in {7: bad, 8: bad, 9: image(tmp_path / "b", "debian", ("cloud-init", "18.3-6"))}.items():
        enter(proc, pid, root)
    his = [replace(container(pid, name), owner_uid=4242) for pid, name in ((7, "his"), (8, "other"))]
    found = look(proc, *his, container(9, "roots"))
    assert ([entry.container for entry in found.software], found.troubles) == (["roots"], ())
    assert [each.partition(": ")[0] for each in found.of_users] == ["his of user 4242", "other of user 4242"]
    monkeypatch.setattr(container_software, "USERS_SHARE", 0)
    found = look(proc, *his, container(9, "roots"))
    assert [entry.container for entry in found.software] == ["roots"]
    assert found.of_users == (f"his of user 4242 and the containers after it were not inspected: {NO_MORE}",)


def test_sandboxes_and_what_ended_are_left_out(proc: Path, tmp_path: Path) -> None:
    enter(proc, 7, image(tmp_path / "a", "debian", ("cloud-init", "18.3-6")))
    assert look(proc, container(7, "pause", sandbox=True), container(8, "gone")) == ContainerSoftware((), ())


@pytest.mark.parametrize(
    ("name", "component", "version"),
    [
        ("gcr.io/datadoghq/agent:7.40.0", "datadog-agent", "7.40.0"),
        ("registry.example:5000/mirror/datadog/agent:7.40.0", "datadog-agent", "7.40.0"),
        ("datadog/agent@sha256:abc", "datadog-agent", "(no tag)"),
        ("telegraf:1.14.5", "telegraf", "1.14.5"),
        ("docker.io/library/telegraf:1.14.5", "telegraf", "1.14.5"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.7.1", "aws-load-balancer-controller", "v2.7.1"),
        (
            "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/aws-load-balancer-controller:v2.7.1",
            *("aws-load-balancer-controller", "v2.7.1"),
        ),
        (
            "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.15.1-eksbuild.1",
            *("amazon-vpc-cni", "v1.15.1-eksbuild.1"),
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mirror/aws-node-termination-handler:v1.21.0",
            "aws-node-termination-handler",
            "v1.21.0",
        ),
        ("public.ecr.aws/xray/aws-xray-daemon:3.3.7", "aws-xray-daemon", "3.3.7"),
        ("906394416424.dkr.ecr.us-east-1.amazonaws.com/aws-for-fluent-bit:2.32.0", "aws-for-fluent-bit", "2.32.0"),
        ("eu.gcr.io/datadoghq/agent:7.50.0", "datadog-agent", "7.50.0"),
        ("public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.38.1", "aws-ebs-csi-driver", "v1.38.1"),
        ("public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.22.0", "aws-node-termination-handler", "v1.22.0"),
        ("registry.k8s.io/autoscaling/cluster-autoscaler:v1.30.0", "cluster-autoscaler", "v1.30.0"),
        ("registry.k8s.io/external-dns/external-dns:v0.14.0", "external-dns", "v0.14.0"),
        ("registry.k8s.io/provider-aws/cloud-controller-manager:v1.30.0", "cloud-provider-aws", "v1.30.0"),
    ],
)
def test_agents_images_by_their_names(proc: Path, tmp_path: Path, name: str, component: str, version: str) -> None:
    (tmp_path / "empty").mkdir()
    enter(proc, 7, tmp_path / "empty")
    (entry,) = look(proc, container(7, "agent", name)).software
    assert (entry.component, entry.version, entry.source) == (component, version, "name of the image")


@pytest.mark.parametrize("name", [None, "", "web:1", "example.org/telegraf:1.14.5", "notdatadog/agent:7", ":", "@"])
def test_other_images_are_nobodys(proc: Path, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "empty").mkdir()
    enter(proc, 7, tmp_path / "empty")
    assert look(proc, container(7, "x", name)).software == ()


def test_out_of_time_is_said(proc: Path, tmp_path: Path) -> None:
    enter(proc, 7, image(tmp_path / "a", "debian", ("cloud-init", "18.3-6")))
    found = look_at(proc, [container(7, "web")], CATALOG, reader(), deadline=time.monotonic() - 1)
    assert found.software == ()
    assert found.troubles == ("web and the containers after it were not inspected: the run's time limit came first",)


def test_in_short() -> None:
    assert in_short([]) == ""
    assert in_short(["a", "b"]) == "a; b"
    assert in_short([str(n) for n in range(8)]) == "0; 1; 2; 3; 4; and 3 more"
