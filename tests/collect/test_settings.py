from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from contexts import reader
from soon import SOON_S, wait_for

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.settings import System, with_settings
from imds_probe.facts.software import Software

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
    }


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
