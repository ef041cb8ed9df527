"""The hop limit that a rehearsal has by default, as kept reports say it."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from imds_probe.commands import configuration
from imds_probe.commands.kept_reports import REPORTS, is_kept
from imds_probe.commands.printed_switch import Printed, hop_limit

KEPT = Path(__file__).parents[1] / "reports/lab.jsonl.gz"
OWN = frozenset({os.getuid()})
INSTANCE = "i-0123456789abcdef0"


@pytest.fixture(scope="module")
def report():
    """One of the lab's that has a switch."""
    with gzip.open(KEPT, "rt") as lines:
        return next(
            each for line in lines for each in [document(json.loads(line))] if (each.get("verdict") or {}).get("switch")
        )


def document(kept):
    return kept.get("report", kept)


@pytest.fixture
def keep(tmp_path, report):
    """Keep it, changed as asked."""

    def call(path, *, limit, started_at="2026-01-01T00:00:00Z", in_force=None, instance=INSTANCE):
        changed = json.loads(json.dumps(report))
        changed["verdict"]["switch"]["http_put_response_hop_limit"] = limit
        changed["imds"]["hop_limit"] = in_force
        changed["platform"]["instance_id"] = instance
        changed["probe"]["started_at"] = started_at
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(changed))

    return call


def test_the_newest_of_those_that_are_kept(tmp_path, keep):
    assert hop_limit(INSTANCE, tmp_path, OWN) is None
    keep(REPORTS[0], limit=2)
    assert hop_limit(INSTANCE, tmp_path, OWN) == Printed(2, REPORTS[0], "2026-01-01T00:00:00Z")
    keep(REPORTS[1], limit=3, started_at="2026-01-02T00:00:00Z")
    assert hop_limit(INSTANCE, tmp_path, OWN) == Printed(3, REPORTS[1], "2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("sinks", "path", "found"),
    [
        ((), "", False),
        (("file",), "", True),
        (("file",), "/srv/report.json", False),  # where nobody looks for it
        (("emf",), "", False),
    ],
)
def test_a_report_is_kept_where_this_run_sends_it_to_or_an_earlier_one_left_it(tmp_path, keep, sinks, path, found):
    config = tmp_path / "c.toml"
    config.write_text(f'[file]\npath = "{path}"\n' if path else "")
    settings = configuration.load(config).settings
    assert is_kept(sinks, settings, tmp_path) == found
    keep(REPORTS[1], limit=2)
    assert is_kept(sinks, settings, tmp_path)


def test_where_the_switch_leaves_it_it_is_the_one_in_force(tmp_path, keep):
    keep(REPORTS[0], limit=None, in_force=4)
    assert hop_limit(INSTANCE, tmp_path, OWN).hop_limit == 4
    keep(REPORTS[0], limit=None)
    assert hop_limit(INSTANCE, tmp_path, OWN) is None


def test_what_is_no_report_of_this_host_is_none(tmp_path, keep):
    keep(REPORTS[0], limit=2, instance="i-0fedcba9876543210")
    assert hop_limit(INSTANCE, tmp_path, OWN) is None
    keep(REPORTS[0], limit=2)
    assert hop_limit(INSTANCE, tmp_path, frozenset({4711})) is None
    for text in ("{", "[]", '{"schema": "imds-probe.report/v1"}'):
        (tmp_path / REPORTS[0].lstrip("/")).write_text(text)
        assert hop_limit(INSTANCE, tmp_path, OWN) is None
