"""`imds-probe doctor` on a running host: it sends nothing, whatever it is told, and sees what a run would see."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from sent import sent

SOURCE = str(Path(__file__).parents[2])
WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]


@pytest.fixture
def doctor(made_up, host):
    def call(*arguments, before=(), env=None):
        argv = [*before, sys.executable, "-m", "imds_probe", "doctor", "-o", "json", "--root", str(host), *arguments]
        done = made_up.run(argv, timeout_s=120.0, env={"PYTHONPATH": SOURCE} | (env or {}))
        assert done.stderr == b""
        return done.returncode, {each["id"]: each for each in json.loads(done.stdout)["checks"]}

    return call


def test_nothing_is_sent_and_all_is_there(doctor, service, lab, host):
    settings = host / "etc/imds-probe/imds-probe.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('report = ["cloudwatch", "cloudwatch-logs"]\n[control_plane]\nask = true\n')
    with sent(lab.instance) as packets:
        code, found = doctor()
    assert packets == []
    assert service.counts.connections == 0
    assert {name: each["found"] for name, each in found.items() if each["state"] == "missing"} == {}
    assert code == 0
    assert found["firmware"]["found"].startswith("DMI: sys_vendor is Amazon EC2")
    assert "cloudwatch-logs" in found["spool"]["found"]


def test_without_rights_it_says_what_is_missing(doctor):
    code, found = doctor(before=WITHOUT_PRIVILEGE)
    missing = {name for name, each in found.items() if each["state"] == "missing"}
    assert (code, {"files", "processes", "namespaces", "packets", "packet-rules"} <= missing) == (3, True)
