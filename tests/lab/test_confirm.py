"""A verdict's life: a summary and the whole report of one run, which later runs confirm or do not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.simulator import scenarios

SOURCE = str(Path(__file__).parents[2])
ID = "i-0123456789abcdef0"


@pytest.fixture
def probe(made_up, host):
    """Run the main job on the made-up host, with any output."""

    def call(*arguments, stdin=b""):
        argv = [sys.executable, "-m", "imds_probe", "run", "--root", str(host), *map(str, arguments)]
        done = made_up.run(argv, timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE}, stdin=stdin)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return call


def test_a_verdict_holds_until_something_changes(probe, service, host, made_up, tmp_path):
    kept = tmp_path / "report.json"
    code, line, _ = probe("--no-code", "--output", "summary", "--keep", kept)
    report, summary = json.loads(kept.read_text()), json.loads(line)
    assert (code, summary["verdict"], summary["digest"]) == (0, "ready", report["verdict"]["digest"])
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert report["standing"]["boot_id"] == boot_id

    service.reset_counts()
    code, said, errors = probe("--confirm", kept, "--no-v1-probe")
    assert (code, errors, service.counts.imdsv1) == (0, "", 0)
    assert said.splitlines()[0].startswith("The verdict holds: ready, confidence medium, reported 20")

    service.update(hop_limit=2, http_tokens="required")
    scenarios.write_host(host, scenarios.UPGRADED_PACKAGES | {"awscli": "2.9.20-1"}, ID)
    (host / "etc/cron.d").mkdir()
    (host / "etc/cron.d/backup").write_text("@daily root /usr/bin/backup\n")
    made_up.start_container("web\x1b[2J")
    code, said, errors = probe("--confirm", "-", "--output", "json", stdin=kept.read_bytes())
    assert (code, errors) == (3, "")
    now = json.loads(said)
    assert (now["holds"], now["digest"]) == (False, summary["digest"])
    assert [each["what"] for each in now["changes"]] == [
        "tokens are required, and were optional",
        "the hop limit is 2, and was 1",
        "awscli is 2.9.20-1, and was 2.9.19-1",
        "the container web\x1b[2J was started",
        "crontabs: a schedule, or a program or script that one names, changed",
    ]
    assert service.counts.imdsv1 == 1

    kept.write_text(json.dumps(report | {"imds": report["imds"] | {"hop_limit": 3}}))
    code, said, errors = probe("--confirm", kept)
    assert (code, said, len(errors.splitlines())) == (2, "", 1)
    assert f"--confirm {kept}: the report is damaged" in errors
