import time

import pytest
from soon import SOON_S

from imds_probe.assessment import assess, reader_of
from imds_probe.collect import options
from imds_probe.collect.context import RunRequest
from imds_probe.errors import UsageError
from imds_probe.imds.client import Timeouts
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator


def test_what_is_asked_wrongly_is_refused_before_anything_is_done():
    with reader_of(SOON_S) as reader, pytest.raises(UsageError):
        assess(RunRequest(environ={}, only=("nonesuch",)), reader)


def test_the_time_limit_holds_and_what_it_cut_off_is_on_record(tmp_path, monkeypatch):
    for_long = Timeouts(2 * SOON_S, 2 * SOON_S, 2 * SOON_S)
    monkeypatch.setattr(options, "Timeouts", lambda: for_long)
    scenarios.write_host(tmp_path, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    with Simulator() as simulator:
        simulator.update(faults=({"kind": "silence-after-accept"},))
        started = time.monotonic()
        report = assess(
            RunRequest(environ={"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}, root=tmp_path, timeout_s=10.0),
            reader_of(10.0),
        )
    assert time.monotonic() - started < SOON_S
    assert report.verdict.state == "unknown"
    statuses = {run.id: run.status for run in report.facts.collectors}
    # A service that says nothing keeps nobody from looking at what is installed.
    assert (statuses["dpkg"], statuses["identity"]) == ("ok", "skipped")


def test_progress_is_told(tmp_path):
    said = []
    scenarios.write_host(tmp_path, {}, "none")
    (tmp_path / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    assess(RunRequest(environ={}, root=tmp_path), reader_of(SOON_S), said.append)
    assert "platform" in said
