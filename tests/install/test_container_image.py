"""The container image: built by a real engine, and run as the Kubernetes manifest has it, on a host made up around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from docker_engine import DockerEngine, running_engine
from package_roots import INSTANCE, PYTHON, must
from report_schema import check
from soon import SOON_S

from imds_probe import __version__
from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost

PLACE = Path(__file__).parents[2] / "packaging/container"
NAMESPACE, DAEMON_SET = yaml.safe_load_all((PLACE / "daemonset.yaml").read_text())
POD = DAEMON_SET["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
SECURITY = CONTAINER["securityContext"]
CAPABILITIES = SECURITY["capabilities"]["add"]
# <linux/capability.h>
NUMBERS = {"DAC_READ_SEARCH": 2, "NET_RAW": 13, "SYS_PTRACE": 19, "SYS_ADMIN": 21}
IMAGE = "imds-probe-test/imds-probe:1"
DOCS = (PLACE.parents[1] / "docs/install.md").read_text()
(BUILD,) = re.findall(r"^docker build .*", DOCS, re.MULTILINE)
REQUEST = r"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
START_S = 120.0


def test_kubernetes_takes_the_manifest():
    for version in ("1.30", kubernetes_validate.latest_version()):
        for document in (NAMESPACE, DAEMON_SET):
            assert kubernetes_validate.validate(document, version, strict=True)


def test_it_would_notice_a_mistake():
    wrong = json.loads(json.dumps(DAEMON_SET).replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    with pytest.raises(kubernetes_validate.ValidationError, match="readOnlyRootFileSystem"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_pod_has_no_more_than_it_needs():
    assert (POD["hostPID"], POD["hostNetwork"], POD.get("hostIPC", False)) == (True, True, False)
    assert (POD["automountServiceAccountToken"], "serviceAccountName" in POD) == (False, False)
    assert (SECURITY["privileged"], SECURITY["allowPrivilegeEscalation"]) == (False, False)
    assert SECURITY["readOnlyRootFilesystem"]
    assert SECURITY["capabilities"]["drop"] == ["ALL"]
    assert SECURITY["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "ports" not in CONTAINER
    writable = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/imds-probe", "/tmp"}
    assert POD["tolerations"] == [{"operator": "Exists"}]
    # What the API server refuses, and no schema knows: it looks for this spelling only.
    assert "CAP_SYS_ADMIN" not in CAPABILITIES


def test_every_capability_has_its_reason_and_is_one_that_the_unit_has():
    text = (PLACE / "daemonset.yaml").read_text()
    for name in CAPABILITIES:
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f"- {name} ")]
        assert len(line.partition("#")[2]) > 20
    unit = (PLACE.parents[1] / "systemd/imds-probe-daemon.service").read_text()
    (bounding,) = [line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=")]
    of_unit = set(bounding.partition("=")[2].split())
    # Without the programs that list packet rules there is no use for the right to.
    assert {f"CAP_{name}" for name in CAPABILITIES} == of_unit - {"CAP_NET_ADMIN"}


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_root_has_the_package_and_places_to_mount_things(architecture, packages):
    (path,) = packages.this.glob(f"*_{architecture}_rootfs.tar.gz")
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
    assert {name.partition("/")[0] for name in members} == {"etc", "host", "tmp", "usr", "var"}
    assert {f"/{name}" for name in members} >= {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 1760000000)}
    assert all(member.isdir() or member.isreg() for member in members.values())
    assert members["usr/bin/imds-probe"].mode == 0o755
    assert {"usr/share/doc/imds-probe/copyright", "usr/share/doc/imds-probe/sbom.cdx.json"} <= set(members)
    assert not [
        name for name in members if "systemd" in name and "dist-packages" not in name and "licences" not in name
    ]


def test_the_manifest_names_this_version():
    assert CONTAINER["image"].endswith(f"/imds-probe:{__version__}")


@pytest.fixture(scope="module")
def root(tmp_path_factory, packages) -> Path:
    """A host that is ready, by a file that only its owner, who is not root, may read. It has dpkg's and rpm's database."""
    place = tmp_path_factory.mktemp("node")
    scenarios.write_host(place, {**scenarios.UPGRADED_PACKAGES, "datadog-agent": "1:7.40.0-1"}, INSTANCE)
    settings = place / "etc/datadog-agent/datadog.yaml"
    settings.parent.mkdir()
    settings.write_text("ec2_prefer_imdsv2: true\n")
    settings.chmod(0o600)
    os.chown(settings, 998, 998)
    rpm = ["rpm", "--root", place, "--dbpath", "/var/lib/rpm"]
    must([*rpm, "--initdb"])
    must([*rpm, "--force-debian", "--justdb", "--noscripts", "--install", packages.rpm()])
    (place / "var/lib/imds-probe").mkdir()
    return place


@pytest.fixture(scope="module")
def node(lab, root) -> Iterator[MadeUpHost]:
    with MadeUpHost(lab.instance, root) as standing:
        # As systemd has it on a real node; the runtime wants it of what is mounted there later.
        assert standing.run(["mount", "--make-rshared", "/"], timeout_s=SOON_S).returncode == 0
        yield standing


@pytest.fixture(scope="module")
def engine(lab, node, root, packages, tmp_path_factory) -> Iterator[DockerEngine]:
    context = tmp_path_factory.mktemp("context")
    for archive in packages.this.glob("*_rootfs.tar.gz"):
        shutil.copy(archive, context)
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    with running_engine(lab.instance.netns, root, node.command) as running:
        # What the docs say, of this machine's architecture. Nothing is pulled, as it is built from nothing.
        here = {"packaging/container/Containerfile": str(PLACE / "Containerfile"), "dist": str(context)}
        here |= {"TARGETARCH=amd64": f"TARGETARCH={architecture}", "imds-probe": IMAGE}
        running.docker(*(here.get(word, word) for word in BUILD.split()[1:]))
        running.run("web", options=("--env", "AWS_REGION=eu-west-1"))
        yield running


def options(root: Path, work: Path, without: str | None = None) -> list[str]:
    """What the manifest says, as options of `docker run`. Docker's own seccomp profile is the runtime's default."""
    sources = {"host": root, "state": root / "var/lib/imds-probe", "settings": work / "settings"}
    said = ["--pid", "host", "--user", f"{SECURITY['runAsUser']}:{SECURITY['runAsGroup']}", "--read-only"]
    said += ["--security-opt", "no-new-privileges"]
    said += [word for name in SECURITY["capabilities"]["drop"] for word in ("--cap-drop", name)]
    said += [word for name in CAPABILITIES if name != without for word in ("--cap-add", name)]
    for mount in CONTAINER["volumeMounts"]:
        if mount["name"] == "tmp":
            said += ["--tmpfs", mount["mountPath"]]
            continue
        read_only = ",readonly" if mount.get("readOnly") else ""
        slave = {"HostToContainer": ",bind-propagation=rslave", None: ""}[mount.get("mountPropagation")]
        said += ["--mount", f"type=bind,source={sources[mount['name']]},target={mount['mountPath']}{read_only}{slave}"]
    return said


@pytest.fixture
def work(tmp_path) -> Path:
    """Settings as kubelet lays a ConfigMap out: links to a directory that is exchanged as a whole."""
    versioned = tmp_path / "settings/..2026_01_01"
    versioned.mkdir(parents=True)
    (versioned / "mine.toml").write_text('[daemon]\njitter = "0.1s"\n')
    (tmp_path / "settings/..data").symlink_to(versioned.name)
    (tmp_path / "settings/mine.toml").symlink_to("..data/mine.toml")
    return tmp_path


def assessed(engine: DockerEngine, root: Path, work: Path, without: str | None = None) -> dict:
    """The report of one run in a container that is gone afterwards."""
    where = [word for word in CONTAINER["args"] if word != "daemon"]
    run = ["run", "--rm", "--pull", "never", "--network", "host", "--name", "probe", *options(root, work, without)]
    return check(json.loads(engine.docker(*run, IMAGE, "run", *where, "--output", "json", "--exit-zero")))


def status_of(report: dict, component: str) -> str:
    (entry,) = [each for each in report["software"] if each["component"] == component]
    return entry["requirement"]["status"]


@pytest.fixture(scope="module")
def whole(engine, root, tmp_path_factory) -> dict:
    place = tmp_path_factory.mktemp("whole")
    (place / "settings").mkdir()
    return assessed(engine, root, place)


def test_the_main_job_sees_the_host_and_its_containers(whole):
    assert (whole["imds"]["endpoint"], whole["imds"]["hop_limit"]) == ("enabled", 1)
    assert (whole["platform"]["instance_id"], whole["probe"]["privileged"]) == (INSTANCE, True)
    seen = {each["name"]: (each["network"], each["distance"], each["token"]) for each in whole["containers"]}
    assert seen == {"web": ("own", 1, "lost"), "probe": ("host", 0, "ok")}
    of_host = {entry["component"]: entry["version"] for entry in whole["software"] if entry["manager"] == "dpkg"}
    assert {"cloud-init", "amazon-ssm-agent", "datadog-agent"} <= set(of_host)
    assert status_of(whole, "datadog-agent") == "ok"
    of_managers = {each["id"]: each["status"] for each in whole["collectors"] if each["id"] in {"dpkg", "rpm"}}
    assert of_managers == {"dpkg": "ok", "rpm": "ok"}
    # What is not in the image costs no verdict: quotes of rules, and what repositories have.
    lacking = {each["id"] for each in whole["collectors"] if each["status"] in {"failed", "partial"}}
    assert lacking <= {"obstacles", "container-obstacles", "repositories"}
    verdict = whole["verdict"]
    assert verdict["state"] == "needs-hop-limit", verdict["reasons"]
    assert verdict["switch"]["http_put_response_hop_limit"] == 2


def test_it_has_certificates_for_where_reports_go(engine):
    code = (
        "import ssl; from botocore.httpsession import where; path = where(); "
        "print(path, len(ssl.create_default_context(cafile=path).get_ca_certs()))"
    )
    run = ["run", "--rm", "--pull", "never", "--network", "none", "--read-only", "--entrypoint", PYTHON, IMAGE]
    path, count = engine.docker(*run, "-I", "-c", code).split()
    assert path.endswith("/botocore/cacert.pem")
    assert int(count) > 50


MISSED = {
    "SYS_PTRACE": {"containers-not-seen", "sdks-not-seen"},
    "SYS_ADMIN": {"container-not-measured"},
    "DAC_READ_SEARCH": {"software-unknown"},  # whether Datadog's agent is set to use IMDSv2
}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_without_one_of_its_capabilities_it_knows_less(name, engine, root, work, whole):
    less = assessed(engine, root, work, without=name)
    assert (whole["verdict"]["state"], whole["imds"]["hop_limit_method"]) == ("needs-hop-limit", "capture")
    if name == "NET_RAW":
        assert less["imds"]["hop_limit_method"] == "minttl"
        assert less["probe"]["imdsv2_requests_made"] > whole["probe"]["imdsv2_requests_made"]
        return
    assert less["verdict"]["state"] == "unknown"
    missed = {each["id"] for each in less["findings"] if each["implies"] == "unknown"}
    assert missed >= MISSED[name]


def test_the_daemon_as_the_manifest_has_it(engine, node, root, work):
    run = ["run", "--detach", "--pull", "never", "--network", "host", "--name", "daemon", *options(root, work)]
    engine.docker(*run, IMAGE, *CONTAINER["args"])
    pid = engine.pid("daemon")
    fields = dict(
        line.split(":\t", 1)
        for line in node.run(["cat", f"/proc/{pid}/status"], timeout_s=SOON_S).stdout.decode().splitlines()
        if ":\t" in line
    )
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == sum(1 << NUMBERS[name] for name in CAPABILITIES)
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")  # 2: a filter

    report = root / "var/lib/imds-probe/report.json"
    until(report.exists, engine)
    assert check(json.loads(report.read_text()))["verdict"]["state"] == "needs-hop-limit"

    def named() -> list[dict]:
        # It stays until it has been looked at, as a program that fetches credentials would.
        call = f"(printf '{REQUEST}'; /bin/busybox sleep 5) | /bin/busybox nc 169.254.169.254 80"
        assert INSTANCE in engine.docker("exec", "web", "/bin/busybox", "sh", "-c", call)
        callers = assessed(engine, root, work)["callers"]
        by = [each for each in callers["by"] if each["version"] == "v1" and not each["probe"]]
        found = [each for each in by if each["container"] == "web"]
        if not found:
            # Tracing is the machine's: another test, to whose processes ours do not belong, may have swept it away.
            report.unlink()
            engine.docker("restart", "--time", "15", "daemon")
            until(report.exists, engine)
        return found

    until(named, engine)
    # Its readers, who told it of the container, have a filter more, and of the capabilities what reading takes. Whoever parses
    # has none, and ends when nothing is asked.
    reading = sum(1 << NUMBERS[name] for name in ("DAC_READ_SEARCH", "SYS_PTRACE"))
    assert {reading} <= readers_of(node, engine.pid("daemon")) <= {0, reading}
    # It wrote where something writable is mounted, and nowhere else.
    assert engine.docker("diff", "daemon") == ""
    engine.docker("stop", "--time", str(POD["terminationGracePeriodSeconds"]), "daemon")
    assert engine.docker("inspect", "--format", "{{.State.ExitCode}}", "daemon") == "0"
    assert engine.docker("logs", "daemon") == ""


def readers_of(node: MadeUpHost, pid: int) -> set[int]:
    """The capabilities of those that are started by what a process started, and have one filter of system calls more."""
    said = "grep -HE '^(PPid|CapEff|Seccomp_filters):' /proc/[0-9]*/status"
    there: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for line in node.run(["sh", "-c", said], timeout_s=SOON_S).stdout.decode().splitlines():
        path, name, value = line.split(":", 2)
        there[int(path.split("/")[2])][name] = value.strip()
    children = [each for each, fields in there.items() if fields.get("PPid") == str(pid)]
    filters = int(there[pid]["Seccomp_filters"]) + 1
    return {
        int(fields["CapEff"], 16)
        for fields in there.values()
        if int(fields["PPid"]) in children and int(fields["Seccomp_filters"]) == filters
    }


def until(holds: Callable[[], object], engine: DockerEngine) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        assert time.monotonic() < deadline, engine.docker("logs", "daemon")
        time.sleep(0.2)
