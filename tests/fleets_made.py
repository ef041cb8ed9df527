"""Fleets for tests: reports of many hosts, varied from those that tests/reports keeps."""

from __future__ import annotations

import datetime
import gzip
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from imds_probe.timestamp import rfc3339

REPORTS = Path(__file__).parent / "reports"
NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC).timestamp()
ACCOUNTS, REGIONS = ("111111111111", "222222222222", "333333333333"), ("eu-west-1", "us-east-1")
OWNERS = ("web", "batch", "storage", "search", "mail")
LONG = 34_000  # characters of a report of a usual host: reference/control-plane.md


@cache
def templates() -> tuple[dict[str, Any], ...]:
    """Whole reports of all kinds, but those of hosts that are no instances."""
    found = []
    for file in sorted(REPORTS.glob("*.jsonl.gz")):
        for line in gzip.decompress(file.read_bytes()).decode().splitlines():
            report = json.loads(line)["report"]
            if report["instance"] and not any(each["id"] == "not-ec2" for each in report["findings"]):
                found.append(report)
    return tuple(found)


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def report(number: int, *, template: int | None = None, age_s: float = 3600.0, **verdict: Any) -> dict[str, Any]:
    """The report of the host of this number, `age_s` before NOW. What is given besides is changed in its verdict."""
    every = templates()
    made: dict[str, Any] = json.loads(json.dumps(every[number % len(every) if template is None else template]))
    made["probe"] |= {"started_at": rfc3339(NOW - age_s), "run_id": f"{number:032x}"}
    made["platform"]["instance_id"] = instance_id(number)
    made["instance"] |= {
        "instance_id": instance_id(number),
        "account_id": ACCOUNTS[number % len(ACCOUNTS)],
        "region": REGIONS[number % len(REGIONS)],
        "image_id": f"ami-{number % 7:017x}",
        "owner": {"kind": "auto-scaling", "name": OWNERS[number % len(OWNERS)], "evidence": []},
    }
    made["host"]["hostname"] = f"host-{number}"
    made["verdict"] |= verdict
    return made


def lines(count: int, *, long: int = 0) -> Iterator[bytes]:
    """NDJSON of so many hosts, each report at least `long` characters. Quick: only what differs is put into finished text."""
    marks = [instance_id(0xABCDEF), "2001-01-01T00:00:00Z", "f" * 32, "777777777777", "owner-to-be"]
    finished = []
    for number in range(len(templates())):
        made = report(number)
        rows = made["software"]
        good = [row for row in rows if row["requirement"]["status"] == "ok"]
        while good and len(json.dumps(made)) < long:
            rows.append(dict(good[len(rows) % len(good)]))
        made["probe"] |= {"started_at": marks[1], "run_id": marks[2]}
        made["platform"]["instance_id"] = made["instance"]["instance_id"] = marks[0]
        made["instance"] |= {"account_id": marks[3]}
        made["instance"]["owner"]["name"] = marks[4]
        while (missing := long - len(json.dumps(made))) > 0:
            made["collectors"].append({**made["collectors"][0], "reason": "x" * min(missing, 400)})
        finished.append(json.dumps(made).encode())
    random_ = random.Random(1)
    for number in range(count):
        line = finished[random_.randrange(len(finished))]
        values = (
            instance_id(number),
            rfc3339(NOW - 60 * (number % 10_000)),
            f"{number:032x}",
            ACCOUNTS[number % len(ACCOUNTS)],
            OWNERS[number % len(OWNERS)],
        )
        for mark, value in zip(marks, values, strict=True):
            line = line.replace(mark.encode(), value.encode())
        yield line + b"\n"
