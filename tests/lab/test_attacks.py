"""What whoever may write files can do to a run that reads them: it ends in time, within its memory, with all other evidence."""

from __future__ import annotations

import json
import os
import shutil
import sys

import host_attacks as attacks
import pytest
from bench.memory import peak_mb
from report_schema import check
from sdk_zoo import ZOO
from watching import SOURCE

from imds_probe.simulator import scenarios

TIMEOUT_S = 10.0
SLACK_S = 30.0  # a busy machine takes as much
MEMORY_MB = 150  # of all processes of a run together
OLD_SDK = f"{ZOO}/opt/python-old/lib/python3.11/site-packages"
BUSYBOX = "/bin/busybox"
USER = 4242
# The container that records are prepared of, as one of Docker's and as one of a user's podman.
HIS = "a" * 64


@pytest.fixture(autouse=True)
def nothing_is_kept(tmp_path):
    """A gigabyte that nobody looks at afterwards."""
    yield
    shutil.rmtree(tmp_path)


@pytest.fixture
def bounded(made_up, host, service, tmp_path):
    """The report of a run that ends in time and within its memory."""

    def call():
        out = tmp_path / "report.json"
        argv = [sys.executable, "-m", "imds_probe", "run", "--output", "json", "--out", str(out), "--root", str(host)]
        argv += ["--timeout", str(TIMEOUT_S)]
        peak = peak_mb(made_up.command(argv), dict(os.environ, PYTHONPATH=SOURCE))
        report = check(json.loads(out.read_text()))
        assert report["probe"]["duration_ms"] < (TIMEOUT_S + SLACK_S) * 1000
        assert peak < MEMORY_MB
        assert peak / 2 < report["probe"]["peak_memory_bytes"] / 2**20 < MEMORY_MB
        return report

    return call


@pytest.fixture
def prepared(made_up, tmp_path):
    """Start a container whose root has in it what is written there."""

    def call(name, write):
        root = tmp_path / name
        write(root)
        for place in ("bin", "dev"):
            (root / place).mkdir()
        (root / "dev/null").touch()  # what the container's process has as its standard streams
        shutil.copy(BUSYBOX, root / "bin")
        made_up.start_container(name, root=root, argv=(BUSYBOX, "sleep", "infinity"))

    return call


@pytest.fixture
def before(first_line, host, prepared, bounded):
    """The report of a host that is not ready, by what is installed on it, in use there, and installed in a container."""
    scenarios.write_host(host, scenarios.OLD_PACKAGES | {"datadog-agent": "1:7.60.0-1"}, "i-0123456789abcdef0")
    uses_it = "import ssl, botocore, time; print('there', flush=True); time.sleep(600)"
    assert first_line(("/usr/bin/python3", "-c", uses_it), env={"PYTHONPATH": OLD_SDK})[1] == "there"
    prepared("web", lambda root: scenarios.write_host(root, {"awscli": "1.16.113-1"}, ""))
    report = bounded()
    of_packages = {("software-too-old", component) for component in ("aws-cli-v1", "cloud-init", "amazon-ssm-agent")}
    assert blockers(report) == of_packages | {("software-needs-setting", "datadog-agent"), ("sdk-too-old", "botocore")}
    return report


def blockers(report):
    return {(each["id"], each["subject"]) for each in report["findings"] if each["severity"] == "blocker"}


def partial(report):
    return {each["id"] for each in report["collectors"] if each["status"] in ("partial", "failed")}


def test_what_containers_and_users_have(before, bounded, start_as, host, prepared):
    """Package databases of each format in containers' roots, and records of podman in a user's home."""
    for attack in attacks.DATABASES:
        prepared(attack.__name__, attack)
    (host / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nann:x:{USER}:{USER}::/home/ann:/bin/sh\n")
    attacks.stores_of_a_user(host / "home/ann")
    for path in (host / "home/ann", *(host / "home/ann").rglob("*")):
        os.chown(path, USER, USER)
    group = f"0::/user.slice/user-{USER}.slice/user@{USER}.service/user.slice/libpod-{HIS}.scope/container"
    start_as(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"], ["sleep", "600"], cgroup=group)
    report = bounded()
    assert blockers(report) == blockers(before)
    assert "container-software" in partial(report)
    assert {each["id"] for each in report["containers"]} >= {each["id"] for each in before["containers"]} | {HIS}


def test_records_and_settings_of_the_host(before, bounded, made_up, host, tmp_path):
    """What a setting decides is not known any more, and nothing else is lost."""
    made_up.start(cgroup=f"0::/docker/{HIS}\n", root=tmp_path / "web", argv=(BUSYBOX, "sleep", "infinity"))
    attacks.records_of_containers(host, HIS)
    attacks.settings(host)
    attacks.accounts(host)
    report = bounded()
    assert blockers(report) == blockers(before) - {("software-needs-setting", "datadog-agent")}
    assert partial(report) >= {"host", "settings"}
    assert {each["id"] for each in report["containers"]} == {each["id"] for each in before["containers"]} | {HIS}
    assert report["verdict"]["state"] == "not-ready"


def test_databases_of_the_host(before, bounded, host):
    """What they hold is not known any more; what was seen running, and in containers, is."""
    for attack in (attacks.dpkg_of_empty_lines, attacks.apk_of_one_record, attacks.rpm_in_berkeley_db):
        attack(host)
    report = bounded()
    assert blockers(report) == {("sdk-too-old", "botocore"), ("software-too-old", "aws-cli-v1")}
    assert partial(report) >= {"dpkg", "apk", "rpm"}
    assert report["verdict"]["state"] == "not-ready"
