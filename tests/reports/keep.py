"""Keep reports of the lab's tests, to be judged again after each change.

    IMDS_PROBE_KEEP_REPORTS=DIRECTORY .venv/bin/python -m pytest tests/lab
    PYTHONPATH=tests .venv/bin/python tests/reports/keep.py DIRECTORY tests/reports/NAME.jsonl.gz
    PYTHONPATH=tests .venv/bin/python tests/reports/keep.py --judge

The second line takes one of each kind: reports that differ in no more than numbers and times are one kind. What is said of
the machine that ran the tests is replaced. The third writes what is made of all kept reports by today's rules.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imds_probe.catalog.catalog import Catalog
from imds_probe.judging_again import changes, judged_again
from imds_probe.report_document import read

HERE = Path(__file__).parent
JUDGED = HERE / "judged.json"
# Where the project, the SDKs that the tests look into and Python itself are on the machine that runs the tests.
OWN_PLACES = (
    (HERE.parents[1], "/srv/project"),
    (Path.home() / ".cache/imds-probe", "/srv/cache"),
    (Path(sys.base_prefix), "/usr"),
)


def kept() -> Iterator[tuple[str, dict[str, Any]]]:
    """All reports, each with a name."""
    for file in sorted(HERE.glob("*.jsonl.gz")):
        for line in gzip.decompress(file.read_bytes()).decode().splitlines():
            entry = json.loads(line)
            yield f"{file.name.partition('.')[0]}/{entry['name']}", entry["report"]


def judged() -> dict[str, Any]:
    """What today's catalog and rules make of each."""
    catalog = Catalog.load()
    found = {}
    for name, report in kept():
        stored = read(report)
        changed = changes(stored, judged_again(stored, catalog))
        found[name] = {
            "was": changed.was.state,
            "now": changed.now.state,
            "confidence": changed.now.confidence,
            "added": sorted(each.id for each in changed.added),
            "gone": sorted(each.id for each in changed.gone),
            "not_judged": [each.rule for each in changed.not_judged],
        }
    return found


def _scrubbed(text: str) -> str:
    report = json.loads(text)
    hostname, kernel = report["host"]["hostname"], report["host"]["kernel"]
    for own, replaced in ((hostname, "host.example"), (kernel, "6.1.0")):
        if own:
            text = text.replace(json.dumps(own), json.dumps(replaced))
    for own, replaced in OWN_PLACES:
        text = text.replace(str(own), replaced)
    return re.sub(r"/tmp/pytest-[^/\"]*/pytest-\d+/[^/\"]*", "/srv/lab", text)


def _kind(report: dict[str, Any]) -> str:
    findings = sorted(each["id"] for each in report["findings"])
    statuses = sorted(f"{each['id']} {each['status']}" for each in report["collectors"])
    containers = report["containers"]
    return json.dumps(
        [report["verdict"]["state"], report["verdict"]["confidence"], findings, statuses, len(containers or ())]
    )


def keep(directory: Path, target: Path) -> int:
    """Write one of each kind; returns how many there are."""
    kinds: dict[str, str] = {}
    for file in sorted(directory.glob("*.json")):
        text = _scrubbed(file.read_text())
        report = json.loads(text)
        line = json.dumps({"name": file.stem, "report": report}, separators=(",", ":"))
        kinds.setdefault(_kind(report), line)
    target.write_bytes(gzip.compress(("\n".join(kinds.values()) + "\n").encode(), mtime=0))
    return len(kinds)


if __name__ == "__main__":
    if sys.argv[1:] == ["--judge"]:
        JUDGED.write_text(json.dumps(judged(), indent=1) + "\n")
    else:
        print(keep(Path(sys.argv[1]), Path(sys.argv[2])), "kinds of reports")
