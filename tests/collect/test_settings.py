from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from contexts import context, reader
from soon import SOON_S, wait_for

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.settings import COLLECTOR, HostSoftware, System, with_settings
from imds_probe.collect.software import Packages
from imds_probe.facts.software import Software
from imds_probe.reading.reader import Reader

CATALOG = Catalog.load()
DATADOG = Software("datadog-agent", "dpkg", "datadog-agent", "1:7.40.0-1", "dpkg database")
CLOUD_INIT = Software("cloud-init", "dpkg", "cloud-init", "22.4-1", "dpkg database")


def looked_up(software: list[Software], root: Path, proc: Path, pids: list[int]) -> tuple[Software, ...]:
    return with_settings(software, CATALOG, reader(), System(root, proc, pids, time.monotonic() + SOON_S))


def test_only_what_has_settings_is_looked_at(tmp_path: Path) -> None:
    config = tmp_path / "etc/datadog-agent/datadog.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("ec2_prefer_imdsv2: true\n")
    datadog, cloud_init = looked_up([DATADOG, CLOUD_INIT], tmp_path, tmp_path, [])
    assert cloud_init is CLOUD_INIT
    seen = {entry.switch: (entry.place, entry.value) for entry in datadog.settings}
    assert seen == {
        "setting": ("/etc/datadog-agent/datadog.yaml", "true"),
        "prevented_by[0]": ("/etc/datadog-agent/datadog.yaml", None),
        "asks_for[0]": ("/etc/datadog-agent/datadog.yaml", None),
    }


CONFIGURED = {
    "fluent-bit": ("/fluent-bit/etc/fluent-bit.yaml", "pipeline:\n  filters:\n  - name: aws\n"),
    "prometheus": ("/etc/prometheus/prometheus.yml", "scrape_configs: [{ec2_sd_configs: [{port: 1}]}]\n"),
    "opentelemetry-collector": ("/etc/otelcol/config.yaml", "processors: {resourcedetection: {detectors: [ec2]}}\n"),
    "vector": ("/etc/vector/vector.yaml", "transforms: {a: {type: aws_ec2_metadata}}\n"),
    "telegraf": ("/etc/telegraf/telegraf.conf", "[[processors.aws_ec2]]\n"),
    "vault": ("/vault/config/a.hcl", 'seal "awskms" { }\n'),
}


@pytest.mark.parametrize("component", CONFIGURED)
def test_each_format_is_read_by_the_confined_reader(tmp_path: Path, component: str) -> None:
    path, text = CONFIGURED[component]
    (tmp_path / path.lstrip("/")).parent.mkdir(parents=True)
    (tmp_path / path.lstrip("/")).write_text(text)
    alone = Reader(READING, memory_mib=READING_MIB)
    software = Software(component, "image", component, "9", "name of the image")
    try:
        system = System(tmp_path, tmp_path, [], time.monotonic() + SOON_S)
        (found,) = with_settings([software], CATALOG, alone, system)
    finally:
        alone.close()
    assert [(one.place, one.problem) for one in found.settings if one.value is not None and "asks" in one.switch] == [
        (path, "")
    ]


def test_what_software_asks_for_on_the_host_makes_no_part_of_it_unread(tmp_path: Path) -> None:
    (tmp_path / "etc/telegraf").mkdir(parents=True)
    (tmp_path / "etc/telegraf/telegraf.conf").write_text("[[inputs.cpu]\n")
    telegraf = Software("telegraf", "dpkg", "telegraf", "1.30.0-1", "dpkg database")
    done = COLLECTOR.collect(context(tmp_path, Packages((telegraf,))))
    (host,) = done.given
    assert isinstance(host, HostSoftware)
    (found,) = host.software
    assert "is not toml" in found.settings[0].problem
    assert done.partial == ""


def test_without_settings_nothing_is_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert looked_up([CLOUD_INIT], nowhere, nowhere, [1]) == (CLOUD_INIT,)


def test_what_runs_counts_before_files(tmp_path: Path) -> None:
    program = tmp_path / "opt/datadog-agent/bin/agent/agent"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "", program)
    child = subprocess.Popen([program, "600"], env={"DD_EC2_PREFER_IMDSV2": "true"})
    try:
        wait_for(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes().startswith(bytes(program)))
        (datadog,) = looked_up([DATADOG], tmp_path, Path("/proc"), [child.pid])
    finally:
        child.kill()
        child.wait()
    assert datadog.pids == (child.pid,)
    seen = {entry.switch: (entry.place, entry.value) for entry in datadog.settings}
    assert seen["setting"] == (f"the environment of agent (pid {child.pid})", "true")
