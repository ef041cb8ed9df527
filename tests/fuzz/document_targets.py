"""Targets: reports, spooled ones, the history."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import golden_reports
from fuzz.target import Parse, Target, check, printable
from observed import report_of
from watched_calls import NOW, SEEN

from imds_probe import judging_again, report_document
from imds_probe.catalog.catalog import Catalog
from imds_probe.commands import judge
from imds_probe.errors import UsageError
from imds_probe.report import dump
from imds_probe.service.schedule import _in_short
from imds_probe.sinks.settings import SpoolConfig
from imds_probe.sinks.spool import Spool
from imds_probe.watch.history import History, HistoryError

CATALOG = Catalog.load()


def _report(data: bytes) -> None:
    """What `imds-probe judge` is given: read and judged, or refused in a sentence."""
    try:
        stored = report_document.read(judge.parsed(data))
    except UsageError as error:
        assert "\n" not in str(error)
        return
    judging_again.changes(stored, judging_again.judged_again(stored, CATALOG))


def _reports() -> Mapping[str, bytes]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
    import keep

    reports = {f"report-{number}": json.dumps(report).encode() for number, (_, report) in enumerate(keep.kept())}
    accepted = report_of(golden_reports.CASES["ready-accepted"]())
    return reports | {"accepted": dump(accepted).encode()}


def _spool(root: Path) -> Parse:
    """A report that waits, in its file; and the daemon's newest."""
    spool = Spool(root, SpoolConfig())

    def parse(data: bytes) -> None:
        file = root / "000000000001-x.waiting"
        for content in (data, gzip.compress(data, compresslevel=0, mtime=0)):
            file.write_bytes(content)
            with spool.sending() as mine:
                assert mine
                taken = spool.take(file)
                if taken is not None:
                    spool.done(taken[0])
            for left in root.glob("*-x.*"):
                left.unlink()
        (root / "report.json").write_bytes(data)
        check(_in_short(root / "report.json"))

    return parse


def _spool_seeds() -> Mapping[str, bytes]:
    verdict = {"state": "ready", "confidence": "high", "reasons": ["x"]}
    report = json.dumps({"probe": {"started_at": "2026-01-01T00:00:00Z", "run_id": "x"}, "verdict": verdict}).encode()
    return {"plain": report, "packed": gzip.compress(report, mtime=0)}


def _history(root: Path) -> Parse:
    """A history that another wrote, opened to be read."""
    file = root / "callers.sqlite3"

    def parse(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(HistoryError), History(file, read_only=True) as history:
            for each in history.evidence(NOW + 10, 3600).by:
                printable(each.program, 400)
            history.v1_by_hour(NOW - 7200, NOW + 7200)

    return parse


def _histories() -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "callers.sqlite3")
        with History(path) as history:
            history.record([(SEEN, None), (SEEN, "web")], NOW, NOW + 5)
        return {"history": path.read_bytes()}


TARGETS = {
    "report": Target(lambda _: _report, _reports),
    "spool": Target(_spool, _spool_seeds),
    "history": Target(_history, _histories),
}
